//! archive-events: archives the live events that EventBridge delivers, and makes fetch-ended look up the conversations that
//! may have ended.
//!
//! All messages of an invocation are stored together. A message that is not a frame is quarantined, and fails nothing.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use conversation_archive::archive::{Arrival, CommittedFrames, LiveWriter};
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::{ConversationId, StreamName};
use conversation_archive::export::message::EndedMessage;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{Pipeline, PipelineError, metrics, scheduling};
use conversation_archive::records::live::{Batch, Frame, Quarantined, StoredFrame};
use conversation_archive::records::redaction::Redactor;
use jiff::Timestamp;
use tokio::sync::Mutex;

mod measured;

/// The handler and its dependencies.
#[derive(Debug)]
pub struct ArchiveEvents {
    pipeline: Pipeline,
    redactor: Redactor,
    /// Time from the hint at an end to the lookup of the conversation.
    settle: Duration,
    /// Created by the first invocation, whose id no other process has.
    writer: Mutex<Option<LiveWriter>>,
}

/// A message of the events queue.
#[derive(Clone, Copy, Debug)]
pub struct EventMessage<'a> {
    pub id: &'a str,
    pub body: &'a str,
}

/// The result of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandledEvents {
    /// The ids of the messages to redeliver.
    pub failed: Vec<String>,
    /// The conversations that may have ended, as far as the stored frames show: fetch-ended looks them up.
    pub ended: BTreeSet<ConversationId>,
}

/// Messages that are stored by one frame record.
#[derive(Debug, Default)]
struct Part<'a> {
    ids: Vec<&'a str>,
    batch: Batch,
}

/// A message in the form in which it is stored.
enum Prepared {
    Frame(Box<StoredFrame>),
    Quarantined(Quarantined),
}

impl ArchiveEvents {
    pub fn new(pipeline: Pipeline, redactor: Redactor, settle: Duration) -> Self {
        Self {
            pipeline,
            redactor,
            settle,
            writer: Mutex::default(),
        }
    }

    #[tracing::instrument(skip_all, fields(messages = messages.len()))]
    pub async fn handle(
        &self,
        messages: &[EventMessage<'_>],
        invocation: &Invocation,
    ) -> HandledEvents {
        let arrived_at = self.pipeline.clock.now();
        let mut writer = self.writer.lock().await;
        let writer = writer.get_or_insert_with(|| {
            let archive = self.pipeline.archive.clone();
            LiveWriter::new(archive, StreamName::events(), &invocation.request_id)
        });
        let mut handled = HandledEvents::default();
        let mut part = Part::default();
        for message in messages {
            let Some(prepared) = self.prepare(message, arrived_at) else {
                handled.failed.push(message.id.to_owned());
                continue;
            };
            if !part.batch.has_room_for(prepared.size_bytes()) {
                let full = std::mem::take(&mut part);
                handled.add(self.archive(full, writer, arrived_at).await);
            }
            part.add(message.id, prepared);
        }
        handled.add(self.archive(part, writer, arrived_at).await);
        handled
    }

    /// If the store or the queue fails, no message of the part is acknowledged: each of them may be stored or not.
    async fn archive(
        &self,
        Part { ids, batch }: Part<'_>,
        writer: &mut LiveWriter,
        arrived_at: Timestamp,
    ) -> HandledEvents {
        match self.commit(batch, writer, arrived_at).await {
            Ok(ended) => HandledEvents {
                failed: Vec::new(),
                ended,
            },
            Err(error) => {
                tracing::warn!(
                    messages = ids.len(),
                    error = error_chain(&error),
                    "frames not archived"
                );
                HandledEvents {
                    failed: ids.into_iter().map(ToOwned::to_owned).collect(),
                    ended: BTreeSet::new(),
                }
            }
        }
    }

    /// Stores the frames, then sends the messages about the conversations that may have ended. A handler that is killed in
    /// between sends them when the frames are delivered again.
    async fn commit(
        &self,
        batch: Batch,
        writer: &mut LiveWriter,
        arrived_at: Timestamp,
    ) -> Result<BTreeSet<ConversationId>, PipelineError> {
        let arrival = Arrival {
            at: arrived_at,
            covered_until: None,
        };
        let committed = writer.commit(&batch.encode(), arrival).await?;
        let Some(committed) = committed else {
            return Ok(BTreeSet::new());
        };
        metrics::record(&measured::values(&committed, arrived_at));
        let ended = log_committed(committed);
        for message in EndedMessage::heard(ended.iter().cloned(), arrived_at, self.settle) {
            scheduling::send_ended(&self.pipeline, &message).await?;
        }
        Ok(ended)
    }

    /// `None` after a panic, so that it fails its own message alone. Its text is not repeated: it may quote the message.
    fn prepare(&self, message: &EventMessage<'_>, arrived_at: Timestamp) -> Option<Prepared> {
        let prepare = || Prepared::of(message.body, arrived_at, &self.redactor);
        let prepared = catch_unwind(AssertUnwindSafe(prepare));
        if prepared.is_err() {
            tracing::error!(message.id, "the handler of a message panicked");
        }
        prepared.ok()
    }
}

impl Prepared {
    fn of(body: &str, arrived_at: Timestamp, redactor: &Redactor) -> Self {
        match Frame::of_event(body, arrived_at) {
            Ok(frame) => Self::Frame(Box::new(frame.redacted(redactor))),
            Err(problem) => Self::Quarantined(Quarantined::new(problem, body, redactor)),
        }
    }

    fn size_bytes(&self) -> u64 {
        match self {
            Self::Frame(frame) => frame.size_bytes(),
            Self::Quarantined(quarantined) => quarantined.size_bytes,
        }
    }
}

impl<'a> Part<'a> {
    fn add(&mut self, id: &'a str, prepared: Prepared) {
        self.ids.push(id);
        match prepared {
            Prepared::Frame(frame) => self.batch.add(*frame),
            Prepared::Quarantined(quarantined) => self.batch.quarantine(quarantined),
        }
    }
}

impl HandledEvents {
    fn add(&mut self, other: Self) {
        self.failed.extend(other.failed);
        self.ended.extend(other.ended);
    }
}

/// Returns the conversations that may have ended.
fn log_committed(committed: CommittedFrames) -> BTreeSet<ConversationId> {
    let CommittedFrames {
        key,
        counts,
        ended,
        stored,
        ..
    } = committed;
    tracing::info!(
        s3.key = key,
        received = counts.received,
        frames = counts.stored,
        repeated = counts.repeated,
        quarantined = counts.quarantined,
        conversations.ended = ended.len(),
        stored = ?stored,
        "frames archived"
    );
    ended
}
