//! The messages on the queues.

use std::time::Duration;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::{ExportId, PageId, RunId};
use crate::base::json::message_body;
use crate::base::time::elapsed;
use crate::export::checkpoint::Checkpoint;
use crate::export::outgoing::{Fifo, MAX_DELAY, OutgoingMessage, Queue};
use crate::export::page_record::PageRecord;
use crate::export::run::Origin;
use crate::export::totals::Totals;
use crate::export::waiting::WaitReason;

mod ended;

pub use ended::{EndedMessage, MAX_ENDED_IDS};

/// Makes archive-page archive this page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageMessage {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: PageId,
    /// The attempt that this run belongs to; its overrides and its query apply.
    pub attempt: u32,
    pub origin: Origin,
    pub checkpoint: Checkpoint,
    /// Sums of the slice before this page.
    pub totals: Totals,
    /// Number of times that this page was parked in the waiting queue.
    pub times_parked: u32,
    /// The hash of the audit event that this page's event follows.
    pub audit_head: Sha256,
    #[serde(default, skip_serializing_if = "Before::is_settled")]
    pub before: Before,
}

/// Whether the page before may have unpublished events, as far as the sender of a page message knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Before {
    /// No: its own handler sent the message, or there is no page before.
    #[default]
    Settled,
    /// Possibly: it is committed, but the bucket does not show whether its events were published.
    Committed,
}

impl Before {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_settled(&self) -> bool {
        *self == Self::Settled
    }
}

impl PageMessage {
    /// The message for the page after `record`. It belongs to `run`, which is the record's own run or one that
    /// continues it.
    pub fn for_next_page(
        record: &PageRecord,
        run: &RunId,
        attempt: u32,
        origin: Origin,
        checkpoint: Checkpoint,
    ) -> Self {
        Self {
            format_version: FormatVersion,
            id: run.page(record.id.page + 1),
            attempt,
            origin,
            checkpoint,
            totals: record.totals,
            times_parked: 0,
            audit_head: record.event.hash,
            before: Before::Settled,
        }
    }

    /// The page before, of this run or of the one that it continues.
    pub fn previous_page(&self) -> Option<PageId> {
        if !self.is_first_of_run() {
            return Some(self.id.run.page(self.id.page - 1));
        }
        match self.origin {
            Origin::Continues { run, after_page } if after_page > 0 => {
                Some(self.id.run.with_run(run).page(after_page))
            }
            Origin::First | Origin::Continues { .. } | Origin::Replaces { .. } => None,
        }
    }

    /// Whether this is the first page that the run reads itself.
    pub fn is_first_of_run(&self) -> bool {
        self.id.page == self.origin.first_page()
    }

    /// The message with another deduplication id: an earlier copy may be lost, and SQS would still drop this one as its
    /// duplicate.
    pub(crate) fn outgoing_with_new_id(
        &self,
        now: Timestamp,
    ) -> Result<OutgoingMessage, serde_json::Error> {
        let mut outgoing = self.outgoing()?;
        if let Some(fifo) = &mut outgoing.fifo {
            let suffix = format!("-at{}", now.as_millisecond());
            fifo.deduplication_id.push_str(&suffix);
        }
        Ok(outgoing)
    }

    /// The FIFO message. Its group allows one message of a slice in flight at a time; SQS drops duplicates within five
    /// minutes.
    pub fn outgoing(&self) -> Result<OutgoingMessage, serde_json::Error> {
        let RunId {
            export_id,
            slice,
            run,
        } = &self.id.run;
        let Self {
            id: PageId { page, .. },
            times_parked,
            ..
        } = self;
        let fifo = Fifo {
            group: format!("{export_id}-s{slice}"),
            deduplication_id: format!("{export_id}-s{slice}-r{run}-p{page}-k{times_parked}"),
        };
        Ok(OutgoingMessage {
            queue: Queue::Pages,
            body: message_body(self)?,
            fifo: Some(fifo),
            delay: Duration::ZERO,
        })
    }
}

/// Makes archive-page start the accepted export of this id, or resume the failed one; their markers hold the
/// request or the due time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartMessage {
    pub format_version: FormatVersion,
    pub start: ExportId,
}

impl StartMessage {
    pub fn new(id: &ExportId) -> Self {
        Self {
            format_version: FormatVersion,
            start: id.clone(),
        }
    }

    /// Sent to the pages queue, because the API calls before an export is planned may take as long as a page.
    pub fn outgoing(&self, now: Timestamp) -> Result<OutgoingMessage, serde_json::Error> {
        let group = format!("{}-start", self.start);
        let deduplication_id = format!("{group}-{}", now.as_millisecond());
        Ok(OutgoingMessage {
            queue: Queue::Pages,
            body: message_body(self)?,
            fifo: Some(Fifo {
                group,
                deduplication_id,
            }),
            delay: Duration::ZERO,
        })
    }
}

/// A message on the pages queue.
#[derive(Clone, Debug)]
pub enum PagesMessage {
    Start(StartMessage),
    Page(Box<PageMessage>),
}

impl<'de> Deserialize<'de> for PagesMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let message = Box::<RawValue>::deserialize(deserializer)?;
        if let Ok(start) = serde_json::from_str(message.get()) {
            return Ok(Self::Start(start));
        }
        let page = serde_json::from_str(message.get()).map_err(D::Error::custom)?;
        Ok(Self::Page(Box::new(page)))
    }
}

/// Makes await-ready return this page to its queue at that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingMessage {
    pub format_version: FormatVersion,
    pub page: PageMessage,
    pub reason: WaitReason,
    pub not_before: Timestamp,
    pub deadline: Timestamp,
}

impl WaitingMessage {
    /// Delayed until it is due, or by the longest delay of the queue; await-ready then sends it again.
    pub fn outgoing(&self, now: Timestamp) -> Result<OutgoingMessage, serde_json::Error> {
        Ok(OutgoingMessage {
            queue: Queue::Waiting,
            body: message_body(self)?,
            fifo: None,
            delay: queue_delay(now, self.not_before),
        })
    }
}

/// The delay of a message that is due at this time, or the longest one of the queue if that is shorter. In whole
/// seconds, like the delays of the queue; rounding up keeps the message from returning early.
fn queue_delay(now: Timestamp, not_before: Timestamp) -> Duration {
    let wait = elapsed(now, not_before);
    let partial_second = u64::from(wait.subsec_nanos() > 0);
    let whole = Duration::from_secs(wait.as_secs().saturating_add(partial_second));
    whole.min(MAX_DELAY)
}

/// Makes complete-export check whether this export can be concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompletionMessage {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub cause: CompletionCause,
}

/// The reason for the check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum CompletionCause {
    /// A run ended.
    RunEnded { slice: u32, run: u32 },
    /// A resume, a cancel or the sweep requested the check.
    Nudge { at: Timestamp },
}

impl CompletionMessage {
    pub fn run_ended(run: &RunId) -> Self {
        let cause = CompletionCause::RunEnded {
            slice: run.slice,
            run: run.run,
        };
        Self {
            format_version: FormatVersion,
            export_id: run.export_id.clone(),
            cause,
        }
    }

    pub fn nudge(export_id: &ExportId, at: Timestamp) -> Self {
        let cause = CompletionCause::Nudge { at };
        Self {
            format_version: FormatVersion,
            export_id: export_id.clone(),
            cause,
        }
    }

    pub fn outgoing(&self) -> Result<OutgoingMessage, serde_json::Error> {
        let export_id = &self.export_id;
        let deduplication_id = match &self.cause {
            CompletionCause::RunEnded { slice, run } => format!("{export_id}-s{slice}-r{run}"),
            CompletionCause::Nudge { at } => format!("{export_id}-n{}", at.as_millisecond()),
        };
        Ok(OutgoingMessage {
            queue: Queue::Completion,
            body: message_body(self)?,
            fifo: Some(Fifo {
                group: export_id.to_string(),
                deduplication_id,
            }),
            delay: Duration::ZERO,
        })
    }
}

/// Makes send-webhook deliver the webhook of this outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookMessage {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub attempt: u32,
    /// The key of the outcome; the webhook's body is built from it.
    pub outcome_key: String,
    /// As in the `owed/` marker; messages of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
}

impl WebhookMessage {
    pub fn outgoing(&self) -> Result<OutgoingMessage, serde_json::Error> {
        Ok(OutgoingMessage {
            queue: Queue::Webhooks,
            body: message_body(self)?,
            fifo: None,
            delay: Duration::ZERO,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(page: u32, origin: Origin) -> PageMessage {
        let run = RunId {
            export_id: "texts".parse().unwrap(),
            slice: 1,
            run: 3,
        };
        PageMessage {
            format_version: FormatVersion,
            id: run.page(page),
            attempt: 1,
            origin,
            checkpoint: Checkpoint::offset(0),
            totals: Totals::default(),
            times_parked: 0,
            audit_head: Sha256::of(""),
            before: Before::Settled,
        }
    }

    #[test]
    fn the_first_page_of_a_continued_run_follows_the_previous_run() {
        let continues = |after_page| Origin::Continues { run: 2, after_page };
        let before = |page, origin| {
            let before = message(page, origin).previous_page();
            before.map(|id| (id.run.run, id.page))
        };

        assert_eq!(before(2, Origin::First), Some((3, 1)));
        assert_eq!(before(5, continues(4)), Some((2, 4)));
        assert_eq!(before(6, continues(4)), Some((3, 5)));
        assert_eq!(before(1, continues(0)), None);
        assert_eq!(before(1, Origin::First), None);
        assert_eq!(before(1, Origin::Replaces { run: 2 }), None);
    }

    #[test]
    fn a_wait_under_a_millisecond_is_rounded_up_to_a_second() {
        let now: Timestamp = "2026-03-10T01:30:07.688401271Z".parse().unwrap();
        let delays = [0, 1, 650_000, 1_000_000_000, 1_000_000_001].map(|nanoseconds| {
            let not_before = now + jiff::SignedDuration::from_nanos(nanoseconds);
            let waiting = WaitingMessage {
                format_version: FormatVersion,
                page: message(1, Origin::First),
                reason: WaitReason::Unavailable,
                not_before,
                deadline: not_before,
            };
            waiting.outgoing(now).unwrap().delay.as_secs()
        });

        assert_eq!(delays, [0, 1, 1, 1, 2]);
    }

    #[test]
    fn only_the_value_committed_of_the_before_field_is_written() {
        let settled = message(2, Origin::First);
        let committed = PageMessage {
            before: Before::Committed,
            ..settled.clone()
        };

        for message in [settled, committed] {
            let body = message.outgoing().unwrap().body;

            assert_eq!(
                body.contains(r#""before":"committed""#),
                message.before == Before::Committed
            );
            assert_eq!(serde_json::from_str::<PageMessage>(&body).unwrap(), message);
        }
    }
}
