//! Reads what live capture stored: the streams, the frame records of a day, and the conversations that frames name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use jiff::civil::Date;

use super::page_objects::{self, READS_AT_ONCE};
use super::{Archive, ArchiveError, live_epochs};
use crate::base::hash::Sha256;
use crate::base::ids::{ConversationId, StreamName};
use crate::base::time::later;
use crate::export::live::FrameRecord;
use crate::export::live_coverage::SealedRecord;
use crate::export::objects::{
    LIVE_PREFIX, RECORD_SUFFIX, arrivals_prefix, audit_day, days_prefix, hour_prefix, stream_prefix,
};
use crate::export::page_record::StoredObject;
use crate::records::live::read_frame_index;
use crate::storage::store::Listed;

const HOUR: Duration = Duration::from_hours(1);

/// A frame record as it is stored.
#[derive(Debug)]
pub struct StoredRecord {
    pub sealed: SealedRecord,
    /// `None` if the document is damaged.
    pub record: Option<FrameRecord>,
}

/// The streams of the archive, in ascending order. Costs one listing per stream.
pub async fn streams(archive: &Archive) -> Result<Vec<StreamName>, ArchiveError> {
    let names = archive.folders(LIVE_PREFIX).await?;
    // Skips names that are not streams.
    Ok(names
        .into_iter()
        .filter_map(|name| StreamName::try_from(name).ok())
        .collect())
}

/// The day of the first frame that arrived; `None` if none has.
pub async fn first_day(
    archive: &Archive,
    stream: &StreamName,
) -> Result<Option<Date>, ArchiveError> {
    let prefix = format!("{}dt=", stream_prefix(stream));
    let listing = archive.store().list(&prefix, None).await?;
    let day = |key: &str| key.strip_prefix(&prefix)?.get(..10)?.parse().ok();
    Ok(listing.objects.iter().find_map(|object| day(&object.key)))
}

/// The newest day that is sealed.
pub async fn last_sealed_day(
    archive: &Archive,
    stream: &StreamName,
) -> Result<Option<Date>, ArchiveError> {
    let prefix = days_prefix(stream);
    let days = archive.list_all(&prefix).await?;
    let day = |key: &str| {
        key.strip_prefix(&prefix)?
            .strip_suffix(".json")?
            .parse()
            .ok()
    };
    Ok(days.iter().filter_map(|object| day(&object.key)).max())
}

/// The frame records that arrived in the day, sorted by key.
pub async fn records(
    archive: &Archive,
    stream: &StreamName,
    day: Date,
) -> Result<Vec<StoredRecord>, ArchiveError> {
    records_below(archive, &arrivals_prefix(stream, day)).await
}

async fn records_below(archive: &Archive, prefix: &str) -> Result<Vec<StoredRecord>, ArchiveError> {
    let listed = archive.list_all(prefix).await?;
    read_records(archive, record_keys(listed).collect()).await
}

/// The keys of the frame records among the objects, in order.
fn record_keys(listed: Vec<Listed>) -> impl Iterator<Item = String> {
    let keys = listed.into_iter().map(|object| object.key);
    keys.filter(|key| key.ends_with(RECORD_SUFFIX))
}

async fn read_records(
    archive: &Archive,
    keys: Vec<String>,
) -> Result<Vec<StoredRecord>, ArchiveError> {
    let reads = keys.into_iter().map(|key| read_record(archive, key));
    let reads: Vec<_> = reads.collect();
    stream::iter(reads)
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await
}

async fn read_record(archive: &Archive, key: String) -> Result<StoredRecord, ArchiveError> {
    let bytes = archive.store().get(&key).await?;
    let bytes = bytes.ok_or_else(|| ArchiveError::Missing(key.clone()))?;
    let sha256 = Sha256::of(&bytes);
    let record = super::documents::open(&key, &bytes).ok();
    let sealed = SealedRecord { key, sha256 };
    Ok(StoredRecord { sealed, record })
}

/// The moment until which the stream is covered, according to its newest frame records and the newest epochs that have
/// ended; without both, the beginning of the first epoch. `None` if no process has heard the stream. The moment may be
/// earlier than the truth, and is never later.
pub async fn covered_until(
    archive: &Archive,
    stream: &StreamName,
    now: Timestamp,
) -> Result<Option<Timestamp>, ArchiveError> {
    let newest = live_epochs::newest(archive, stream).await?;
    let mut covered_until = None;
    for epoch in newest.saturating_sub(1).max(1)..=newest {
        let ended = live_epochs::ended(archive, stream, epoch).await?;
        covered_until = covered_until.max(ended.and_then(|ended| ended.covered_until));
    }
    let records = newest_records(archive, stream, now).await?;
    let records = records.into_iter().filter_map(|stored| stored.record);
    let of_records = records.filter_map(|record| record.covered_until).max();
    let mut covered_until = covered_until.max(of_records);
    if covered_until.is_none() && newest > 0 {
        let first = live_epochs::read(archive, stream, 1).await?;
        covered_until = Some(first.map_or(Timestamp::UNIX_EPOCH, |epoch| epoch.started_at));
    }
    // The clock of another process may have been ahead.
    Ok(covered_until.map(|moment| moment.min(now)))
}

/// The frame records of the last hour that has any that can be read.
async fn newest_records(
    archive: &Archive,
    stream: &StreamName,
    now: Timestamp,
) -> Result<Vec<StoredRecord>, ArchiveError> {
    let Some(first) = first_day(archive, stream).await? else {
        return Ok(Vec::new());
    };
    // The clock of the writer may have been ahead.
    let mut day = audit_day(later(now, Duration::from_hours(24)));
    while day >= first {
        let listed = archive.list_all(&arrivals_prefix(stream, day)).await?;
        let keys: Vec<_> = record_keys(listed).collect();
        let hour = |key: &String| key.rsplit_once('/').map(|(hour, _)| hour.to_owned());
        let hours = keys.chunk_by(|one, next| hour(one) == hour(next));
        for keys in hours.rev() {
            let records = read_records(archive, keys.to_vec()).await?;
            if records.iter().any(|stored| stored.record.is_some()) {
                return Ok(records);
            }
        }
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    Ok(Vec::new())
}

/// The conversations that frames named since a moment, each with the latest arrival of such a frame.
pub async fn heard_since(
    archive: &Archive,
    stream: &StreamName,
    since: Timestamp,
    now: Timestamp,
) -> Result<BTreeMap<ConversationId, Timestamp>, ArchiveError> {
    let mut heard = BTreeMap::new();
    let mut hour = since;
    // Ends after the current hour.
    while hour <= later(now, HOUR) {
        let records = records_below(archive, &hour_prefix(stream, hour)).await?;
        let reads: Vec<_> = records
            .into_iter()
            .filter_map(|stored| Some((stored.record.as_ref()?.arrived_at, stored)))
            .map(async |(arrived_at, stored)| {
                let ids = conversations(archive, std::slice::from_ref(&stored)).await?;
                Ok::<_, ArchiveError>((arrived_at, ids))
            })
            .collect();
        let mut reads = stream::iter(reads).buffer_unordered(READS_AT_ONCE);
        while let Some(read) = reads.next().await {
            let (arrived_at, ids) = read?;
            for id in ids {
                let latest = heard.entry(id).or_insert(arrived_at);
                *latest = arrived_at.max(*latest);
            }
        }
        hour = later(hour, HOUR);
    }
    Ok(heard)
}

/// The conversations that these frames name. A frame index that is missing or damaged names none, and is reported.
pub async fn conversations(
    archive: &Archive,
    records: &[StoredRecord],
) -> Result<BTreeSet<ConversationId>, ArchiveError> {
    let records = records.iter().filter_map(|stored| stored.record.as_ref());
    let indexes = records.filter_map(|record| Some(record.objects.as_ref()?.index.clone()));
    let reads: Vec<_> = indexes
        .map(|index| conversations_in(archive, index))
        .collect();
    let mut reads = stream::iter(reads).buffer_unordered(READS_AT_ONCE);
    let mut conversations = BTreeSet::new();
    while let Some(read) = reads.next().await {
        match read {
            Ok(ids) => conversations.extend(ids),
            Err(error) if error.is_damage() => {
                tracing::error!(%error, "unusable frame index ignored");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(conversations)
}

async fn conversations_in(
    archive: &Archive,
    index: StoredObject,
) -> Result<BTreeSet<ConversationId>, ArchiveError> {
    let bytes = page_objects::read(archive, &index).await?;
    let ids = read_frame_index(&bytes).filter_map(|entry| match entry {
        Ok(entry) => entry.conversation_id.map(Ok),
        Err(error) => Some(Err(ArchiveError::page(&index.key, error))),
    });
    ids.collect()
}

/// The conversations of the first hour of the day: events of a conversation may arrive after midnight.
pub async fn conversations_of_first_hour(
    archive: &Archive,
    stream: &StreamName,
    day: Date,
) -> Result<BTreeSet<ConversationId>, ArchiveError> {
    let prefix = format!("{}hour=00/", arrivals_prefix(stream, day));
    conversations(archive, &records_below(archive, &prefix).await?).await
}
