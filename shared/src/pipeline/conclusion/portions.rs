//! Reads all pages of an export in portions, so that one invocation can continue where another stopped.
//!
//! A portion is a number of consecutive pages. Its record holds their contribution to the manifest and is created after
//! the objects with its lines, one per bucket. The division into portions depends only on the pages and the limits, so
//! every handler writes the same bytes; the first record counts. After all portions are stored, the lines are compared
//! bucket by bucket. An export within [`PortionLimits`] is one portion, which is compared in memory and not stored.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::ConclusionInput;
use crate::archive::comparison::{Comparison, Lines, PortionLimits, Tally, finish};
use crate::archive::content::{PageRange, Pages, pages_of, slice_page_ranges};
use crate::archive::{Archive, ArchiveError, SliceStatus, page_objects};
use crate::base::ids::{ExportId, PageId};
use crate::export::effort::Effort;
use crate::export::outcome::Content;
use crate::export::page_record::PageRecord;
use crate::net::clock::Clock;
use crate::pipeline::PipelineError;

mod merge;
mod stored;

use stored::PortionRecord;

/// Page records and page indexes read at a time.
const READS_AT_ONCE: usize = 16;

/// More than the time of the longest uninterrupted step: storing a portion, merging a bucket, or writing the manifest.
const LONGEST_STEP: Duration = Duration::from_secs(20);

/// All pages of an export, and the result of the comparison of their lines.
#[derive(Debug)]
pub(super) struct ExportPages {
    pub(super) content: Content,
    pub(super) comparison: Comparison,
    pub(super) warnings: Vec<String>,
    pub(super) effort: Effort,
}

/// A page record and its page index.
type Page = (PageRecord, Option<Bytes>);

/// One invocation's work on the portions of an attempt.
pub(super) struct Reader<'a> {
    pub(super) archive: &'a Archive,
    pub(super) clock: &'a Clock,
    pub(super) input: ConclusionInput<'a>,
    pub(super) limits: PortionLimits,
}

impl Reader<'_> {
    /// Reads all pages and compares their lines. `None` if the deadline is reached and another invocation can continue.
    pub(super) async fn read_pages(&self) -> Result<Option<ExportPages>, PipelineError> {
        let expected = ExportSize::of(self.input.slice_statuses);
        if expected.fits(self.limits) {
            return self.read_in_memory(expected).await.map(Some);
        }
        let mut portions = self.stored_portions().await?;
        let before = portions.len();
        let read = self.read_portions(&mut portions, expected).await;
        match read.and_then(|()| self.check_deadline()) {
            // If this invocation made no progress, the next one would not either, so it fails.
            Err(PipelineError::OutOfTime) if portions.len() > before => return Ok(None),
            read => read?,
        }
        match self.merge(&portions).await? {
            Some(tally) => self.finish(all_pages(portions), &tally).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads an export of one portion.
    async fn read_in_memory(&self, expected: ExportSize) -> Result<ExportPages, PipelineError> {
        let mut pages = Pages::default();
        let mut lines = Lines::with_capacity(expected.lines);
        let (mut position, mut stream) = (0, self.pages_after(0).await?);
        while let Some((record, index)) = stream.try_next().await? {
            self.check_deadline()?;
            add(&mut lines, &mut position, &record, index)?;
            pages.add(record);
        }
        let mut tally = Tally::for_ids(&self.input.plan.requested_ids());
        tally.add(lines.sorted());
        drop(lines);
        self.finish(pages, &tally).await
    }

    /// Stores the portions that are not stored yet.
    async fn read_portions(
        &self,
        portions: &mut Vec<PortionRecord>,
        expected: ExportSize,
    ) -> Result<(), PipelineError> {
        let buckets = self.limits.buckets(expected.lines);
        let mut lines = Lines::with_capacity(expected.lines.min(self.limits.lines));
        // Repeated after another handler stored a portion of another size, because of other limits.
        while !self
            .store_next_portions(portions, &mut lines, buckets)
            .await?
        {}
        Ok(())
    }

    /// Stores portions until no page is left. Returns false after a portion that another handler stored differently.
    async fn store_next_portions(
        &self,
        portions: &mut Vec<PortionRecord>,
        lines: &mut Lines,
        buckets: u32,
    ) -> Result<bool, PipelineError> {
        let buckets = portions.first().map_or(buckets, |first| first.buckets);
        let skipped = portions.iter().map(|portion| portion.pages.len()).sum();
        let positions = portions.iter().map(|it| it.pages.with_records());
        let (mut position, mut stream) = (positions.sum(), self.pages_after(skipped).await?);
        let mut pages = Pages::default();
        loop {
            let next = stream.try_next().await?;
            let is_last = next.is_none();
            if let Some((record, index)) = next {
                self.check_deadline()?;
                add(lines, &mut position, &record, index)?;
                pages.add(record);
            }
            let is_full = lines.len() >= self.limits.lines || pages.len() >= self.limits.pages;
            if is_full || (is_last && pages.len() > 0) {
                let full = std::mem::take(&mut pages);
                let number = full.len();
                let stored = self.store(portions, full, lines, buckets).await?;
                let is_own = stored.pages.len() == number && stored.buckets == buckets;
                portions.push(stored);
                if !is_own {
                    return Ok(false);
                }
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    async fn finish(&self, pages: Pages, tally: &Tally) -> Result<ExportPages, PipelineError> {
        let (warnings, effort) = (pages.warnings.clone(), pages.effort);
        let mut content = pages.into_content(self.input.slice_statuses);
        let requested_ids = self.input.plan.requested_ids();
        let comparison = finish(self.archive, &content, tally, &requested_ids).await?;
        content.repeated.clone_from(&comparison.repeated);
        Ok(ExportPages {
            content,
            comparison,
            warnings,
            effort,
        })
    }

    /// The pages of the export without the first `read` ones, in order, each with its index.
    async fn pages_after(
        &self,
        skipped: u64,
    ) -> Result<BoxStream<'static, Result<Page, ArchiveError>>, ArchiveError> {
        let mut ranges: Vec<PageRange> = Vec::new();
        for slice_status in self.input.slice_statuses {
            ranges.extend(slice_page_ranges(self.archive, slice_status).await?);
        }
        let pages = ranges.into_iter().flat_map(pages_of);
        let pages = pages.skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        let archive = self.archive.clone();
        let reads = stream::iter(pages).map(move |page| read_page(archive.clone(), page));
        Ok(reads.buffered(READS_AT_ONCE).boxed())
    }

    fn check_deadline(&self) -> Result<(), PipelineError> {
        let deadline = self.input.invocation.deadline;
        if deadline.allows(self.clock.now(), LONGEST_STEP) {
            Ok(())
        } else {
            Err(PipelineError::OutOfTime)
        }
    }

    fn id(&self) -> &ExportId {
        &self.input.plan.export_id
    }
}

/// The size of an export, from the ends of its runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExportSize {
    pub(super) lines: u64,
    pub(super) pages: u64,
}

impl ExportSize {
    pub(super) fn of(slice_statuses: &[SliceStatus]) -> Self {
        let ends = || {
            slice_statuses
                .iter()
                .filter_map(|slice_status| slice_status.end.as_ref())
        };
        Self {
            lines: ends().map(|end| end.totals.counts.archived).sum(),
            pages: ends().map(|end| u64::from(end.last_page)).sum(),
        }
    }

    fn fits(self, limits: PortionLimits) -> bool {
        self.lines <= limits.lines && self.pages <= limits.pages
    }
}

async fn read_page(archive: Archive, page: PageId) -> Result<Page, ArchiveError> {
    let record = archive.existing_record(&page).await?;
    let index = match &record.content.objects {
        Some(objects) => Some(page_objects::read(&archive, &objects.index).await?),
        None => None,
    };
    Ok((record, index))
}

/// Adds the lines of a page, if it has any. Fails if the index does not have one entry for each record of the page: the
/// manifest's counts are differences of the two.
fn add(
    lines: &mut Lines,
    position: &mut u32,
    record: &PageRecord,
    index: Option<Bytes>,
) -> Result<(), PipelineError> {
    let (Some(index), Some(objects)) = (index, &record.content.objects) else {
        return Ok(());
    };
    let key = &objects.index.key;
    let before = lines.len();
    let added = lines.add_index(*position, &index);
    *position += 1;
    added.map_err(|source| PipelineError::Index {
        key: key.clone(),
        source,
    })?;
    if lines.len() - before != record.content.counts.archived {
        let problem = "its number of entries differs from the page's number of records";
        return Err(ArchiveError::page(key, problem).into());
    }
    Ok(())
}

fn all_pages(portions: Vec<PortionRecord>) -> Pages {
    let mut pages = Pages::default();
    for portion in portions {
        pages.append(portion.pages);
    }
    pages
}
