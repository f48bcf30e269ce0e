//! Finds a conversation: its versions in complete exports, through their page indexes.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::page_objects::READS_AT_ONCE;
use super::{Archive, ArchiveError};
use crate::archive::{exports, page_objects};
use crate::base::ids::{ExportId, RunId};
use crate::base::time::Interval;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{Manifest, PageEntry};
use crate::export::page_record::{PageObjects, StoredObject};
use crate::export::plan::ExportPlan;
use crate::export::request::SourceKind;
use crate::records::page::{IndexEntry, Projection, read_index};

/// One version of a conversation, and its location.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    pub export_id: ExportId,
    pub source: SourceKind,
    /// The interval of the export.
    pub interval: Interval,
    /// The time as of which the source's data is known: its watermark or, for a source without one, the time when the
    /// page was read.
    pub as_of: Timestamp,
    pub exported_at: Timestamp,
    pub slice: u32,
    pub page: u32,
    #[serde(rename = "pageKey", serialize_with = "serialize_key")]
    pub page_object: StoredObject,
    /// The entry in the page index: start of the conversation, position in the uncompressed object, content hash.
    pub entry: IndexEntry<'static>,
}

/// The search criteria.
#[derive(Clone, Copy, Debug)]
pub struct SearchCriteria<'a> {
    /// Compared exactly first, then ignoring case: some tools copy ids in upper case.
    pub id: &'a str,
    /// Only exports whose interval overlaps it are searched.
    pub day: Option<Interval>,
    pub records: RecordType,
}

/// The type of records to search: transcripts of a conversation are not versions of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    Conversations,
    Transcripts,
}

impl RecordType {
    fn of(plan: &ExportPlan) -> Self {
        match plan.records {
            Projection::Transcript => Self::Transcripts,
            Projection::Minimal
            | Projection::Standard
            | Projection::Full
            | Projection::Normalized => Self::Conversations,
        }
    }
}

/// Progress of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchProgress {
    pub exports: u64,
    pub pages: u64,
}

/// All versions of a conversation, oldest first: ordered by `as_of`, then end of the interval, then time of the
/// export, then position in the export. Of identical lines in one export, the last one counts.
pub async fn versions(
    archive: &Archive,
    criteria: SearchCriteria<'_>,
    progress: &mut (dyn FnMut(SearchProgress) + Send),
) -> Result<Vec<Version>, ArchiveError> {
    let mut versions = Vec::new();
    let mut searched = SearchProgress::default();
    for export_id in exports::ids(archive).await? {
        let Some(plan) = archive.plan(&export_id).await? else {
            continue;
        };
        let is_outside = criteria
            .day
            .is_some_and(|day| !overlaps(plan.interval, day));
        if is_outside || RecordType::of(&plan) != criteria.records {
            continue;
        }
        let Some(manifest) = archive
            .read::<Manifest>(ObjectKey::Manifest(&export_id))
            .await?
        else {
            continue;
        };
        versions.extend(versions_in_export(archive, criteria.id, &plan, &manifest).await?);
        searched.exports += 1;
        searched.pages += manifest.outcome.totals.pages;
        progress(searched);
    }
    // Ids of a gateway may differ only in case.
    if versions
        .iter()
        .any(|version| version.entry.id == criteria.id)
    {
        versions.retain(|version| version.entry.id == criteria.id);
    }
    versions.sort_by_key(|version| (version.as_of, version.interval.end(), version.exported_at));
    drop_repeated(&mut versions);
    Ok(versions)
}

/// The record as stored.
pub async fn stored_record(archive: &Archive, version: &Version) -> Result<String, ArchiveError> {
    let lines = page_objects::lines(archive, &version.page_object).await?;
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let (start, length) = (version.entry.offset, version.entry.length);
    let line = lines.get(index(start)..index(start.saturating_add(length)));
    let line = line.ok_or_else(|| ArchiveError::Page {
        key: version.page_object.key.clone(),
        source: "its index names a line that the page object does not have".into(),
    })?;
    Ok(line.to_owned())
}

async fn versions_in_export(
    archive: &Archive,
    id: &str,
    plan: &ExportPlan,
    manifest: &Manifest,
) -> Result<Vec<Version>, ArchiveError> {
    // Collected, because a stream over borrowing closures is not `Send`.
    let pages: Vec<(u32, &PageEntry, &PageObjects)> = manifest
        .content
        .slices
        .iter()
        .flat_map(|slice| slice.pages.iter().map(|page| (slice.slice, page)))
        .filter_map(|(slice, page)| Some((slice, page, page.objects.as_ref()?)))
        .collect();
    let search = async |(slice, page, objects): (u32, &PageEntry, &PageObjects)| {
        let entries = entries(archive, id, objects).await?;
        if entries.is_empty() {
            return Ok::<_, ArchiveError>(Vec::new());
        }
        let run = RunId {
            export_id: plan.export_id.clone(),
            slice,
            run: page.run,
        };
        let record = archive.existing_record(&run.page(page.page)).await?;
        let version = |entry| Version {
            export_id: run.export_id.clone(),
            source: plan.source,
            interval: plan.interval,
            exported_at: plan.planned_at,
            as_of: record.watermark.unwrap_or(record.committed_at),
            slice,
            page: page.page,
            page_object: objects.page.clone(),
            entry,
        };
        Ok(entries.into_iter().map(version).collect())
    };
    let found = stream::iter(pages).map(search).buffered(READS_AT_ONCE);
    let found: Vec<Vec<Version>> = Box::pin(found).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The entries of the conversation in a page's index; there may be several.
async fn entries(
    archive: &Archive,
    id: &str,
    objects: &PageObjects,
) -> Result<Vec<IndexEntry<'static>>, ArchiveError> {
    let page_index = page_objects::read(archive, &objects.index).await?;
    let entries = read_index(&page_index).filter(|entry| {
        let is_of_conversation = |entry: &IndexEntry<'_>| entry.id.eq_ignore_ascii_case(id);
        entry.as_ref().map_or(true, is_of_conversation)
    });
    let entries: Result<_, _> = entries.collect();
    entries.map_err(|error| ArchiveError::Page {
        key: objects.index.key.clone(),
        source: error.into(),
    })
}

fn serialize_key<S: Serializer>(object: &StoredObject, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&object.key)
}

fn drop_repeated(versions: &mut Vec<Version>) {
    let mut seen = HashSet::new();
    versions.reverse();
    versions.retain(|version| {
        let entry = &version.entry;
        seen.insert((version.export_id.clone(), entry.id.clone(), entry.sha256))
    });
    versions.reverse();
}

fn overlaps(interval: Interval, day: Interval) -> bool {
    interval.start() < day.end() && day.start() < interval.end()
}
