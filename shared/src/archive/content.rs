//! The contents of an export: the pages of every slice's chain, in order.

use std::ops::RangeInclusive;

use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};

use crate::archive::{Archive, ArchiveError, SliceStatus};
use crate::base::ids::{PageId, RunId};
use crate::export::effort::Effort;
use crate::export::outcome::{Content, PageEntry, SliceContent};
use crate::export::page_record::PageRecord;
use crate::export::run::Origin;
use crate::records::page::Counts;
use crate::records::redaction::Tally;

/// Objects read at a time; they are small.
const READS_AT_ONCE: usize = 16;

/// Consecutive pages of one run that count.
pub(crate) type PageRange = (RunId, RangeInclusive<u32>);

/// Pages in order, with their contribution to the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pages {
    pub(crate) slices: Vec<SlicePages>,
    stored_bytes: u64,
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    redactions: Tally,
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    statuses: Tally,
    pub(crate) effort: Effort,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// Consecutive pages of one slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlicePages {
    pub(crate) slice: u32,
    pub(crate) pages: Vec<PageEntry>,
}

impl Pages {
    pub(crate) fn add(&mut self, record: PageRecord) {
        let PageRecord {
            id,
            content,
            effort,
            ..
        } = record;
        self.stored_bytes += content.stored_bytes();
        self.effort = self.effort.plus(effort);
        self.redactions.add(&content.redactions);
        self.statuses.add(&content.statuses);
        let prefix = format!("slice {} page {}: ", id.run.slice, id.page);
        let warnings = content.warnings.iter();
        self.warnings
            .extend(warnings.map(|warning| format!("{prefix}{warning}")));
        let entry = PageEntry {
            run: id.run.run,
            page: id.page,
            counts: content.counts,
            objects: content.objects,
        };
        self.slice(id.run.slice).push(entry);
    }

    /// Appends pages that follow these.
    pub(crate) fn append(&mut self, later: Self) {
        self.stored_bytes += later.stored_bytes;
        self.effort = self.effort.plus(later.effort);
        self.redactions.add(&later.redactions);
        self.statuses.add(&later.statuses);
        self.warnings.extend(later.warnings);
        for SlicePages { slice, pages } in later.slices {
            self.slice(slice).extend(pages);
        }
    }

    /// The pages of the slice, which is the last one or the next one.
    fn slice(&mut self, slice: u32) -> &mut Vec<PageEntry> {
        if self.slices.last().is_none_or(|last| last.slice != slice) {
            let pages = Vec::new();
            self.slices.push(SlicePages { slice, pages });
        }
        let last = self.slices.len() - 1;
        &mut self.slices[last].pages
    }

    /// Number of pages.
    pub(crate) fn len(&self) -> u64 {
        let pages = self.slices.iter().map(|slice| slice.pages.len() as u64);
        pages.sum()
    }

    /// Number of pages that hold records.
    #[expect(clippy::expect_used, reason = "4 billion pages do not fit into memory")]
    pub(crate) fn with_records(&self) -> u32 {
        let pages = self.slices.iter().flat_map(|slice| &slice.pages);
        let number = pages.filter(|page| page.objects.is_some()).count();
        u32::try_from(number).expect("fewer than 4 billion pages")
    }

    /// The `content` of the manifest. Repeated lines are not filled in yet.
    pub(crate) fn into_content(self, slice_statuses: &[SliceStatus]) -> Content {
        let mut pages = self.slices.into_iter().peekable();
        let mut slices = Vec::with_capacity(slice_statuses.len());
        for slice_status in slice_statuses {
            let slice = slice_status.slice.number;
            let own = pages.next_if(|pages| pages.slice == slice);
            let pages = own.map(|own| own.pages).unwrap_or_default();
            let counts = pages.iter().map(|page| page.counts);
            slices.push(SliceContent {
                slice,
                range: slice_status.slice.range,
                counts: counts.fold(Counts::default(), |sum, counts| sum + counts),
                pages,
            });
        }
        let counts = slices.iter().map(|slice| slice.counts);
        Content {
            counts: counts.fold(Counts::default(), |sum, counts| sum + counts),
            stored_bytes: self.stored_bytes,
            redactions: self.redactions,
            statuses: self.statuses,
            repeated: None,
            slices,
        }
    }
}

/// The pages that count for a slice, over all runs that continue one another.
pub(crate) async fn slice_chain(
    archive: &Archive,
    slice_status: &SliceStatus,
) -> Result<Vec<PageId>, ArchiveError> {
    let ranges = slice_page_ranges(archive, slice_status).await?;
    Ok(ranges.into_iter().flat_map(pages_of).collect())
}

/// The same pages, grouped by run. Costs one read per run before the last.
pub(crate) async fn slice_page_ranges(
    archive: &Archive,
    slice_status: &SliceStatus,
) -> Result<Vec<PageRange>, ArchiveError> {
    let mut last = slice_status.end.as_ref().map_or(0, |end| end.last_page);
    let (mut run, mut origin) = (slice_status.run.clone(), slice_status.origin);
    let mut ranges = Vec::new();
    loop {
        ranges.push((run.clone(), origin.first_page()..=last));
        let Origin::Continues {
            run: before,
            after_page,
        } = origin
        else {
            break;
        };
        if after_page == 0 {
            break;
        }
        last = after_page;
        run = run.with_run(before);
        origin = origin_of(archive, &run).await?;
    }
    ranges.reverse();
    Ok(ranges)
}

pub(crate) fn pages_of((run, pages): PageRange) -> impl Iterator<Item = PageId> + Send {
    pages.map(move |page| run.page(page))
}

/// The records of these pages, in order.
pub(crate) fn chain_records<'a>(
    archive: &'a Archive,
    pages: &'a [PageId],
) -> BoxStream<'a, Result<PageRecord, ArchiveError>> {
    let reads = pages.iter().map(|page| archive.existing_record(page));
    stream::iter(reads).buffered(READS_AT_ONCE).boxed()
}

async fn origin_of(archive: &Archive, run: &RunId) -> Result<Origin, ArchiveError> {
    let missing = || ArchiveError::Missing(crate::export::objects::ObjectKey::Run(run).key());
    Ok(archive.run(run).await?.ok_or_else(missing)?.origin)
}
