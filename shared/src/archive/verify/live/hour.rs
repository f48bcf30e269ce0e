//! The objects of one hour of arrival: records by themselves, their chains, then what they name.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::civil::Date;

use super::super::subject::{Subject, VerifyError};
use super::chains::{Connection, check_digest};
use super::day::{DayContents, is_first_hour};
use super::objects::NamedObjects;
use super::record::check_record;
use super::stream::StreamCheck;
use crate::archive::{Archive, ArchiveError, documents};
use crate::base::hash::Sha256;
use crate::export::live::{FrameRecord, PreviousRecord};
use crate::export::live_coverage::SealedRecord;
use crate::export::objects::{RECORD_SUFFIX, stream_prefix};

/// Records that are read at a time.
const RECORDS_AT_ONCE: usize = 8;

/// Batches in memory at a time, compressed.
const BATCHES_AT_ONCE: usize = 4;

type StoredRecord = (SealedRecord, FrameRecord);

impl StreamCheck<'_, '_> {
    /// Checks the objects with these keys, which are those of one folder, and adds their frames to the day.
    pub(super) async fn check_hour(
        &mut self,
        folder: &str,
        keys: &[String],
        contents: &mut DayContents,
    ) -> Result<(), VerifyError> {
        let archive = self.documents.archive;
        let records = read_records(archive, keys).await?;
        for (sealed, record) in &records {
            check_record(&sealed.key, record)?;
        }
        self.check_chains(&records).await?;
        let named = named_keys(&records);
        let unnamed = keys.iter().filter(|key| !named.contains(*key));
        self.report.orphans.extend(unnamed.cloned());

        let is_first_hour = is_first_hour(self.stream, contents.day, folder);
        let reads: Vec<_> = records
            .into_iter()
            .map(|(sealed, record)| NamedObjects::read(archive, sealed, record))
            .collect();
        let mut reads = stream::iter(reads).buffered(BATCHES_AT_ONCE);
        while let Some(batch) = reads.try_next().await? {
            batch.check(|frame| contents.add_frame(frame, is_first_hour))?;
            contents.add_record(batch.sealed, &batch.record);
        }
        Ok(())
    }

    async fn check_chains(&mut self, records: &[StoredRecord]) -> Result<(), VerifyError> {
        let mut in_order: Vec<_> = records.iter().collect();
        in_order.sort_by_key(|(_, record)| (&record.writer, record.sequence));
        for (sealed, record) in in_order {
            if let Connection::NotSeen(previous) = self.chains.add(sealed, record)? {
                self.check_previous(&sealed.key, record, previous).await?;
            }
        }
        Ok(())
    }

    /// Reads the record that the one with this key names as the one before it, unless it is of a day out of scope.
    async fn check_previous(
        &self,
        key: &str,
        record: &FrameRecord,
        previous: &PreviousRecord,
    ) -> Result<(), VerifyError> {
        let subject = Subject::at(key);
        let day = self.day_of(&previous.key);
        let day = day.ok_or_else(|| subject.damaged("it follows an object of another stream"))?;
        if !self.days.contains(day) {
            return Ok(());
        }
        let Some(bytes) = self.documents.bytes(&previous.key).await? else {
            let rule = format!("missing, though {key} names it as the record before it");
            return Err(Subject::at(&previous.key).damaged(rule));
        };
        check_digest(key, previous, Sha256::of(&bytes))?;
        let before: FrameRecord = documents::open(&previous.key, &bytes)?;
        let is_before = before.writer == record.writer
            && before.sequence.checked_add(1) == Some(record.sequence);
        let rule = format_args!(
            "the chain of its writer is broken: {} is not the record before it",
            previous.key
        );
        subject.require(is_before, rule)
    }

    /// The day of arrival in a key of this stream.
    fn day_of(&self, key: &str) -> Option<Date> {
        let prefix = format!("{}dt=", stream_prefix(self.stream));
        key.strip_prefix(&prefix)?.get(..10)?.parse().ok()
    }
}

async fn read_records(
    archive: &Archive,
    keys: &[String],
) -> Result<Vec<StoredRecord>, VerifyError> {
    let keys = keys.iter().filter(|key| key.ends_with(RECORD_SUFFIX));
    let reads: Vec<_> = keys.map(|key| read_record(archive, key.clone())).collect();
    stream::iter(reads)
        .buffered(RECORDS_AT_ONCE)
        .try_collect()
        .await
}

async fn read_record(archive: &Archive, key: String) -> Result<StoredRecord, VerifyError> {
    let bytes = archive.store().get(&key).await;
    let bytes = bytes.map_err(ArchiveError::from)?;
    let bytes = bytes.ok_or_else(|| ArchiveError::Missing(key.clone()))?;
    let record = documents::open(&key, &bytes)?;
    let sha256 = Sha256::of(&bytes);
    Ok((SealedRecord { key, sha256 }, record))
}

/// The keys of the records and of their frame objects and indexes.
fn named_keys(records: &[StoredRecord]) -> HashSet<String> {
    let named = records.iter().flat_map(|(sealed, record)| {
        let objects = record.objects.iter();
        let objects = objects.flat_map(|objects| [&objects.page.key, &objects.index.key]);
        objects.chain([&sealed.key]).cloned()
    });
    named.collect()
}
