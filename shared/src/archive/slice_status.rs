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
    let mut views = Vec::with_capacity(attempt.slices.len());
    for entry in &attempt.slices {
        views.extend(of_slice(archive, plan, attempt, entry.slice).await?);
    }
    Ok(views)
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
pub async fn is_untouched(archive: &Archive, run: &RunId) -> Result<bool, ArchiveError> {
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
    view: &SliceStatus,
    plan: &ExportPlan,
) -> Result<PageMessage, ArchiveError> {
    let mut message = match archive.newest_record(&view.run).await? {
        Some(record) => after_record(view, &record),
        None => opening_message(archive, view, plan).await?,
    };
    message.times_parked = archive
        .waiting(&message)
        .await?
        .map_or(0, |waiting| waiting.times_parked);
    Ok(message)
}

/// The first message of the view's run.
pub async fn opening_message(
    archive: &Archive,
    view: &SliceStatus,
    plan: &ExportPlan,
) -> Result<PageMessage, ArchiveError> {
    match view.origin {
        Origin::First => Ok(first_message(view, plan, None, Totals::default())),
        Origin::Replaces { run } => {
            let totals = totals_of(archive, &view.run.with_run(run)).await?;
            Ok(first_message(view, plan, None, totals.superseded()))
        }
        Origin::Continues { run, after_page: 0 } => {
            let before = view.run.with_run(run);
            let opened = archive.run(&before).await?.and_then(|record| record.job);
            // A run that failed before it was opened passes on the job that it inherited.
            let job = match opened {
                Some(job) => Some(job),
                None => archive.end(&before).await?.and_then(|end| end.job),
            };
            Ok(first_message(
                view,
                plan,
                job,
                totals_of(archive, &before).await?.superseded(),
            ))
        }
        Origin::Continues { run, after_page } => {
            let page = view.run.with_run(run).page(after_page);
            let record = archive.existing_record(&page).await?;
            Ok(after_record(view, &record))
        }
    }
}

/// The standing of a slice when the next attempt is planned.
pub(crate) async fn progress(
    archive: &Archive,
    view: &SliceStatus,
) -> Result<SliceProgress, ArchiveError> {
    let newest = archive.newest_record(&view.run).await?;
    let inherited = view.origin.first_page() - 1;
    // A run that failed after its last page reads that page again, because a chain can only continue from a
    // checkpoint.
    let last_page = newest.map_or(inherited, |record| match record.content.next {
        NextStep::Continue { .. } => record.id.page,
        NextStep::EndRun => record.id.page - 1,
    });
    Ok(SliceProgress {
        slice: view.slice.number,
        run: view.run.run,
        origin: view.origin,
        end: view.end.as_ref().map(|end| end.end.clone()),
        last_page,
    })
}

/// The standing of all slices of the attempt.
pub async fn all_progress(
    archive: &Archive,
    plan: &ExportPlan,
    attempt: &Attempt,
) -> Result<Vec<SliceProgress>, ArchiveError> {
    let views = all(archive, plan, attempt).await?;
    // Collected: a stream over borrowing closures could not move between threads.
    let standings: Vec<_> = views.iter().map(|view| progress(archive, view)).collect();
    stream::iter(standings)
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
pub fn first_message(
    view: &SliceStatus,
    plan: &ExportPlan,
    job: Option<String>,
    totals: Totals,
) -> PageMessage {
    let checkpoint = plan.first_checkpoint(view.slice.range, job);
    PageMessage {
        format_version: FormatVersion,
        id: view.run.page(1),
        attempt: view.attempt,
        origin: view.origin,
        checkpoint,
        totals,
        times_parked: 0,
        audit_head: plan.start_event.hash,
        before: Before::Settled,
    }
}

/// The message that follows `record`; for the last page, the message of that page itself, whose handler ends the run.
fn after_record(view: &SliceStatus, record: &PageRecord) -> PageMessage {
    let own_last = match &record.content.next {
        NextStep::Continue { checkpoint } => {
            let following = PageMessage::following(
                record,
                &view.run,
                view.attempt,
                view.origin,
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
        id: own_last.id.clone(),
        attempt: view.attempt,
        origin: view.origin,
        checkpoint: own_last.content.checkpoint.clone(),
        totals: own_last.totals,
        times_parked: 0,
        audit_head: own_last.event.hash,
        before: Before::Settled,
    }
}
