//! Derives the state of an export from the bucket alone.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{Archive, ArchiveError};
use crate::base::format::FormatVersion;
use crate::base::ids::RunId;
use crate::export::attempt::{Attempt, SliceProgress};
use crate::export::message::{Before, PageMessage};
use crate::export::objects::{ObjectKey, run_prefix};
use crate::export::page_record::{NextStep, PageRecord};
use crate::export::plan::{ExportPlan, Slice};
use crate::export::run::{End, Origin, RunEnd};

/// Slices whose state is read at the same time.
const READS_AT_ONCE: usize = 16;
use crate::export::totals::Totals;

/// A slice with its current run.
#[derive(Clone, Debug)]
pub struct SliceStatus {
    pub slice: Slice,
    pub attempt: u32,
    pub run: RunId,
    pub origin: Origin,
    pub end: Option<RunEnd>,
}

/// Every slice of the attempt with its current run.
pub async fn all(
    archive: &Archive,
    plan: &ExportPlan,
    attempt: &Attempt,
) -> Result<Vec<SliceStatus>, ArchiveError> {
    let mut slice_statuses = Vec::with_capacity(attempt.slices.len());
    for entry in &attempt.slices {
        slice_statuses.extend(of_slice(archive, plan, attempt, entry.slice).await?);
    }
    Ok(slice_statuses)
}

/// One slice: follows the runs from the one in the attempt to the newest replacement.
pub async fn of_slice(
    archive: &Archive,
    plan: &ExportPlan,
    attempt: &Attempt,
    number: u32,
) -> Result<Option<SliceStatus>, ArchiveError> {
    let (Some(slice), Some((mut run, mut origin))) =
        (attempt.slice(plan, number), attempt.run_of(number))
    else {
        return Ok(None);
    };
    loop {
        let end = archive.end(&run).await?;
        if let Some(End::Replaced { successor, .. }) = end.as_ref().map(|end| &end.end) {
            if *successor <= run.run {
                return Err(ArchiveError::Lineage(ObjectKey::End(&run).key()));
            }
            origin = Origin::Replaces { run: run.run };
            run = run.with_run(*successor);
        } else {
            return Ok(Some(SliceStatus {
                slice,
                attempt: attempt.attempt,
                run,
                origin,
                end,
            }));
        }
    }
}

/// Whether the bucket has no object of the run yet.
pub(crate) async fn has_no_objects(archive: &Archive, run: &RunId) -> Result<bool, ArchiveError> {
    Ok(archive
        .store()
        .list(&run_prefix(run), None)
        .await?
        .objects
        .is_empty())
}

/// The message that continues a slice, as its chain would have sent it; but it does not assume that the events of
/// the page before were published.
pub async fn next_message(
    archive: &Archive,
    slice_status: &SliceStatus,
    plan: &ExportPlan,
) -> Result<PageMessage, ArchiveError> {
    let mut message = match archive.newest_record(&slice_status.run).await? {
        Some(record) => after_record(slice_status, &record),
        None => opening_message(archive, slice_status, plan).await?,
    };
    message.times_parked = archive
        .waiting(&message)
        .await?
        .map_or(0, |waiting| waiting.times_parked);
    Ok(message)
}

/// The first message of the slice's current run.
pub(crate) async fn opening_message(
    archive: &Archive,
    slice_status: &SliceStatus,
    plan: &ExportPlan,
) -> Result<PageMessage, ArchiveError> {
    match slice_status.origin {
        Origin::First => Ok(first_message(slice_status, plan, None, Totals::default())),
        Origin::Replaces { run } => {
            let totals = totals_of(archive, &slice_status.run.with_run(run)).await?;
            Ok(first_message(slice_status, plan, None, totals.superseded()))
        }
        Origin::Continues { run, after_page: 0 } => {
            let before = slice_status.run.with_run(run);
            let opened = archive.run(&before).await?.and_then(|record| record.job);
            // A run that failed before it was opened passes on the job that it inherited.
            let job = match opened {
                Some(job) => Some(job),
                None => archive.end(&before).await?.and_then(|end| end.job),
            };
            Ok(first_message(
                slice_status,
                plan,
                job,
                totals_of(archive, &before).await?.superseded(),
            ))
        }
        Origin::Continues { run, after_page } => {
            let page = slice_status.run.with_run(run).page(after_page);
            let record = archive.existing_record(&page).await?;
            Ok(after_record(slice_status, &record))
        }
    }
}

/// The progress of a slice, for planning the next attempt.
pub(crate) async fn progress(
    archive: &Archive,
    slice_status: &SliceStatus,
) -> Result<SliceProgress, ArchiveError> {
    let newest = archive.newest_record(&slice_status.run).await?;
    let inherited = slice_status.origin.first_page() - 1;
    // A run that failed after its last page reads that page again, because a chain can only continue from a
    // checkpoint.
    let last_page = newest.map_or(inherited, |record| match record.content.next {
        NextStep::Continue { .. } => record.id.page,
        NextStep::EndRun => record.id.page - 1,
    });
    Ok(SliceProgress {
        slice: slice_status.slice.number,
        run: slice_status.run.run,
        origin: slice_status.origin,
        end: slice_status.end.as_ref().map(|end| end.end.clone()),
        last_page,
    })
}

/// The progress of all slices of the attempt.
pub async fn all_progress(
    archive: &Archive,
    plan: &ExportPlan,
    attempt: &Attempt,
) -> Result<Vec<SliceProgress>, ArchiveError> {
    let slice_statuses = all(archive, plan, attempt).await?;
    // Collected: a stream over borrowing closures could not move between threads.
    let reads: Vec<_> = slice_statuses
        .iter()
        .map(|slice_status| progress(archive, slice_status))
        .collect();
    stream::iter(reads)
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await
}

async fn totals_of(archive: &Archive, run: &RunId) -> Result<Totals, ArchiveError> {
    if let Some(end) = archive.end(run).await? {
        return Ok(end.totals);
    }
    Ok(archive
        .newest_record(run)
        .await?
        .map_or_else(Totals::default, |record| record.totals))
}

/// The first message of a run that inherits no pages.
pub(crate) fn first_message(
    slice_status: &SliceStatus,
    plan: &ExportPlan,
    job: Option<String>,
    totals: Totals,
) -> PageMessage {
    let checkpoint = plan.first_checkpoint(slice_status.slice.range, job);
    PageMessage {
        format_version: FormatVersion,
        id: slice_status.run.page(1),
        attempt: slice_status.attempt,
        origin: slice_status.origin,
        checkpoint,
        totals,
        times_parked: 0,
        audit_head: plan.start_event.hash,
        before: Before::Settled,
    }
}

/// The message that follows `record`; for the last page, the message of that page itself, whose handler ends the run.
fn after_record(slice_status: &SliceStatus, record: &PageRecord) -> PageMessage {
    let last_record = match &record.content.next {
        NextStep::Continue { checkpoint } => {
            let following = PageMessage::for_next_page(
                record,
                &slice_status.run,
                slice_status.attempt,
                slice_status.origin,
                checkpoint.clone(),
            );
            return PageMessage {
                before: Before::Committed,
                ..following
            };
        }
        NextStep::EndRun => record,
    };
    PageMessage {
        format_version: FormatVersion,
        id: last_record.id.clone(),
        attempt: slice_status.attempt,
        origin: slice_status.origin,
        checkpoint: last_record.content.checkpoint.clone(),
        totals: last_record.totals,
        times_parked: 0,
        audit_head: last_record.event.hash,
        before: Before::Settled,
    }
}
