//! Commits batches of live frames: first the frame object, its index and the quarantined texts, then the create-only
//! frame record that names them.
//!
//! Each record names the writer's record before it. The chain continues only after a write that is known to have
//! succeeded: after any other, the record may exist or not, so the process continues as another writer, with a chain of
//! its own.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::{ConversationId, StreamName, WriterId};
use crate::export::live::{
    FrameRecord, PreviousRecord, QuarantinedFrame, QuarantinedObject, content_digest,
};
use crate::export::objects::{LiveKey, LivePlace, ObjectKey, audit_day};
use crate::export::page_record::{PageObjects, StoredObject};
use crate::records::live::{EncodedBatch, EncodedFrames, FrameCounts, Quarantined};
use crate::storage::store::Stored;

/// Quarantined texts are objects of their own, and a batch may consist of them.
const WRITES_AT_ONCE: usize = 8;

/// The digits of the digest that is a writer's id. Two processes have the same with a chance of one in 2⁶⁴.
const WRITER_DIGITS: usize = 16;

/// Writes the frames of one stream, for one process.
#[derive(Debug)]
pub struct LiveWriter {
    archive: Archive,
    stream: StreamName,
    process: String,
    /// Number of chains that the process has begun.
    chains: u32,
    chain: Chain,
}

/// The records of one writer id.
#[derive(Debug)]
struct Chain {
    writer: WriterId,
    /// The last record; `None` before the first.
    last: Option<(u64, PreviousRecord)>,
}

/// When a batch arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub at: Timestamp,
    /// The end of the time that the stream covers with this batch; `None` for a source without gaps.
    pub covered_until: Option<Timestamp>,
}

/// A batch that is committed.
#[derive(Clone, Debug)]
pub struct CommittedFrames {
    /// The key of the frame record.
    pub key: String,
    pub counts: FrameCounts,
    /// The conversations that may have ended.
    pub ended: BTreeSet<ConversationId>,
    /// Whether this commit created the record.
    pub stored: Stored,
    /// The earliest time of an event; `None` if no stored frame has a plausible time of its own.
    pub oldest_event_time: Option<Timestamp>,
}

impl LiveWriter {
    /// `process` is a text that no other process has.
    pub fn new(archive: Archive, stream: StreamName, process: &str) -> Self {
        Self {
            archive,
            stream,
            process: process.to_owned(),
            chains: 1,
            chain: Chain::new(process, 1),
        }
    }

    /// Stores the batch. `None` for an empty one. After an error, the batch may be committed or not: it must be
    /// committed again.
    pub async fn commit(
        &mut self,
        batch: &EncodedBatch,
        arrival: Arrival,
    ) -> Result<Option<CommittedFrames>, ArchiveError> {
        if batch.is_empty() {
            return Ok(None);
        }
        let Arrival { at, covered_until } = arrival;
        let event_times = batch.frames.as_ref();
        let event_times = event_times.map(|it| (it.first_event_time, it.last_event_time));
        let objects = match &batch.frames {
            Some(frames) => Some(self.put_frames(frames, at).await?),
            None => None,
        };
        let quarantined = self.put_quarantined(&batch.quarantined, at).await?;
        let record = FrameRecord {
            format_version: FormatVersion,
            stream: self.stream.clone(),
            writer: self.chain.writer.clone(),
            sequence: self.chain.next_sequence(),
            previous: self.chain.last.as_ref().map(|(_, record)| record.clone()),
            arrived_at: at,
            covered_until,
            first_event_time: event_times.map(|(first, _)| first),
            last_event_time: event_times.map(|(_, last)| last),
            objects,
            counts: batch.counts,
            topics: batch.topics.clone(),
            redactions: batch.redactions.clone(),
            quarantined,
        };
        let counts = record.counts;
        let (key, stored) = self.create_record(record).await?;
        Ok(Some(CommittedFrames {
            key,
            counts,
            ended: batch.ended.clone(),
            stored,
            oldest_event_time: batch.oldest_event_time,
        }))
    }

    async fn put_frames(
        &self,
        frames: &EncodedFrames,
        arrived_at: Timestamp,
    ) -> Result<PageObjects, ArchiveError> {
        let place = self.place(arrived_at);
        let digest = Sha256::of(&frames.object);
        let object = ObjectKey::Live(LiveKey::Frames(place, digest));
        let index = ObjectKey::Live(LiveKey::Index(place, digest));
        let objects = PageObjects {
            page: StoredObject::of(object.key(), &frames.object),
            index: StoredObject::of(index.key(), &frames.index),
        };
        futures::try_join!(
            self.archive.put(object, frames.object.clone()),
            self.archive.put(index, frames.index.clone()),
        )?;
        Ok(objects)
    }

    async fn put_quarantined(
        &self,
        quarantined: &[Quarantined],
        arrived_at: Timestamp,
    ) -> Result<Vec<QuarantinedObject>, ArchiveError> {
        let put = async |text: &Quarantined| self.put_text(text, arrived_at).await;
        let writes: Vec<_> = quarantined.iter().map(put).collect();
        let mut objects: Vec<_> = stream::iter(writes)
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect()
            .await?;
        objects.sort_by_key(|it: &QuarantinedObject| it.object.sha256);
        Ok(objects)
    }

    async fn put_text(
        &self,
        quarantined: &Quarantined,
        arrived_at: Timestamp,
    ) -> Result<QuarantinedObject, ArchiveError> {
        let problem = quarantined.problem;
        let document = QuarantinedFrame {
            format_version: FormatVersion,
            stream: self.stream.clone(),
            reason: problem,
            size_bytes: quarantined.size_bytes,
            text: quarantined.text.clone(),
        };
        let day = audit_day(arrived_at);
        let name = |digest| ObjectKey::Live(LiveKey::Quarantined(&self.stream, day, digest));
        let sealed = self.archive.sealed(name(Sha256::of("")), &document).await?;
        let digest = Sha256::of(&sealed.body);
        let object = StoredObject::of(name(digest).key(), &sealed.body);
        self.archive.put(name(digest), sealed.body).await?;
        Ok(QuarantinedObject {
            reason: problem,
            object,
        })
    }

    /// The commit point.
    async fn create_record(
        &mut self,
        record: FrameRecord,
    ) -> Result<(String, Stored), ArchiveError> {
        let FrameRecord {
            stream,
            writer,
            sequence,
            arrived_at,
            ..
        } = &record;
        let place = LivePlace {
            stream,
            writer,
            arrived_at: *arrived_at,
        };
        let digest = content_digest(record.objects.as_ref(), &record.quarantined);
        let name = ObjectKey::Live(LiveKey::Record(place, digest));
        let sealed = self.archive.sealed(name, &record).await?;
        let (key, sha256, sequence) = (name.key(), Sha256::of(&sealed.body), *sequence);
        // If this function does not return, or with an error, the chain stays a new one.
        let mut chain = self.begin_chain();
        let stored = self.archive.store().create(sealed).await?;
        match stored {
            Stored::Created => {
                let previous = PreviousRecord {
                    key: key.clone(),
                    sha256,
                };
                chain.last = Some((sequence, previous));
            }
            Stored::AlreadyExists => self.check_existing(&key, &record).await?,
        }
        self.chain = chain;
        Ok((key, stored))
    }

    /// A record that exists must be one of this writer that names the same objects: the batch was delivered before.
    async fn check_existing(&self, key: &str, record: &FrameRecord) -> Result<(), ArchiveError> {
        let existing = self.archive.read_key::<FrameRecord>(key).await?;
        let existing = existing.ok_or_else(|| ArchiveError::Missing(key.to_owned()))?;
        let objects = |record: &FrameRecord| (record.objects.clone(), record.quarantined.clone());
        if objects(&existing) == objects(record) {
            return Ok(());
        }
        Err(ArchiveError::page(key, "it names other objects"))
    }

    /// Begins a new chain, and returns the one before.
    fn begin_chain(&mut self) -> Chain {
        self.chains += 1;
        std::mem::replace(&mut self.chain, Chain::new(&self.process, self.chains))
    }

    fn place(&self, arrived_at: Timestamp) -> LivePlace<'_> {
        LivePlace {
            stream: &self.stream,
            writer: &self.chain.writer,
            arrived_at,
        }
    }
}

impl Chain {
    fn new(process: &str, number: u32) -> Self {
        let digest = Sha256::of(format!("{process}\n{number}"));
        #[expect(clippy::expect_used, reason = "hexadecimal digits are a valid id")]
        let writer = digest.short(WRITER_DIGITS).parse().expect("a valid id");
        Self { writer, last: None }
    }

    fn next_sequence(&self) -> u64 {
        self.last.as_ref().map_or(1, |(sequence, _)| sequence + 1)
    }
}

#[cfg(test)]
mod tests;
