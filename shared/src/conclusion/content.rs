//! What an export holds: the pages of every slice's chain, in order.

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::archive::{Archive, ArchiveError, SliceView};
use crate::effort::Effort;
use crate::ids::{PageId, RunId};
use crate::outcome::{Content, PageEntry, SliceContent};
use crate::page::Counts;
use crate::page_record::PageRecord;
use crate::plan::ExportPlan;
use crate::run::Origin;

/// So many small objects are read at a time.
const READS_AT_ONCE: usize = 16;

impl Archive {
    /// The manifest's content, its warnings, and what the pages took.
    pub(super) async fn content(
        &self,
        plan: &ExportPlan,
        views: &[SliceView],
    ) -> Result<(Content, Vec<String>, Effort), ArchiveError> {
        let mut content = Content {
            slices: Vec::with_capacity(plan.slices.len()),
            ..Content::default()
        };
        let mut warnings = Vec::new();
        let mut effort = Effort::default();
        for view in views {
            let pages = slice_chain(self, view).await?;
            let mut slice = SliceContent {
                slice: view.slice.number,
                range: view.slice.range,
                counts: Counts::default(),
                pages: Vec::with_capacity(pages.len()),
            };
            let mut records = chain_records(self, &pages);
            while let Some(record) = records.try_next().await? {
                content.stored_bytes += record.content.totals().stored_bytes;
                effort = effort.plus(record.effort);
                slice.counts = slice.counts + record.content.counts;
                content.redactions.add(&record.content.redactions);
                content.statuses.add(&record.content.statuses);
                let place = format!("slice {} page {}: ", view.slice.number, record.id.page);
                warnings.extend(
                    record
                        .content
                        .warnings
                        .iter()
                        .map(|warning| format!("{place}{warning}")),
                );
                slice.pages.push(PageEntry {
                    run: record.id.run.run,
                    page: record.id.page,
                    counts: record.content.counts,
                    objects: record.content.objects,
                });
            }
            drop(records);
            content.counts = content.counts + slice.counts;
            content.slices.push(slice);
        }
        Ok((content, warnings, effort))
    }
}

/// The pages that count for a slice, through all runs that continue one another.
pub async fn slice_chain(archive: &Archive, view: &SliceView) -> Result<Vec<PageId>, ArchiveError> {
    let mut last = view.end.as_ref().map_or(0, |end| end.last_page);
    let (mut run, mut origin) = (view.run.clone(), view.origin);
    let mut pages = Vec::new();
    loop {
        pages.extend(
            (origin.first_page()..=last)
                .rev()
                .map(|page| run.page(page)),
        );
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
    pages.reverse();
    Ok(pages)
}

/// The records of those pages, in order.
pub fn chain_records<'a>(
    archive: &'a Archive,
    pages: &'a [PageId],
) -> BoxStream<'a, Result<PageRecord, ArchiveError>> {
    let reads = pages.iter().map(|page| archive.existing_record(page));
    stream::iter(reads).buffered(READS_AT_ONCE).boxed()
}

async fn origin_of(archive: &Archive, run: &RunId) -> Result<Origin, ArchiveError> {
    let missing = || ArchiveError::Missing(crate::objects::Name::Run(run).key());
    Ok(archive.run(run).await?.ok_or_else(missing)?.origin)
}
