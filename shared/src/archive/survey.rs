//! Derives the state of an export from the bucket alone.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{Archive, ArchiveError};
use crate::base::format::FormatVersion;
use crate::base::ids::{PageId, RunId};
use crate::export::attempt::{Attempt, SliceStanding};
use crate::export::message::{Before, PageMessage};
use crate::export::objects::{Name, RECORD_SUFFIX, run_prefix};
use crate::export::page_record::{NextStep, PageRecord};
use crate::export::plan::{ExportPlan, Slice};
use crate::export::run::{End, Origin, RunEnd};
use crate::storage::store::Listed;

/// Slices whose state is read at the same time.
const READS_AT_ONCE: usize = 16;
use crate::export::totals::Totals;

/// A slice with its current run.
#[derive(Clone, Debug)]
pub struct SliceView {
    pub slice: Slice,
    pub attempt: u32,
    pub run: RunId,
    pub origin: Origin,
    pub end: Option<RunEnd>,
}

impl Archive {
    /// Every slice of the attempt with its current run.
    pub async fn survey(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
    ) -> Result<Vec<SliceView>, ArchiveError> {
        let mut views = Vec::with_capacity(attempt.slices.len());
        for entry in &attempt.slices {
            views.extend(self.slice_view(plan, attempt, entry.slice).await?);
        }
        Ok(views)
    }

    /// One slice: follows the runs from the one in the attempt to the newest replacement.
    pub async fn slice_view(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        number: u32,
    ) -> Result<Option<SliceView>, ArchiveError> {
        let (Some(slice), Some((mut run, mut origin))) =
            (attempt.slice(plan, number), attempt.run_of(number))
        else {
            return Ok(None);
        };
        loop {
            let end = self.end(&run).await?;
            if let Some(End::Replaced { successor, .. }) = end.as_ref().map(|end| &end.end) {
                if *successor <= run.run {
                    return Err(ArchiveError::Lineage(Name::End(&run).key()));
                }
                origin = Origin::Replaces { run: run.run };
                run = run.with_run(*successor);
            } else {
                return Ok(Some(SliceView {
                    slice,
                    attempt: attempt.attempt,
                    run,
                    origin,
                    end,
                }));
            }
        }
    }

    /// The last page that the run itself committed. Memory use does not depend on the number of pages.
    pub async fn newest_record(&self, run: &RunId) -> Result<Option<PageRecord>, ArchiveError> {
        let prefix = format!("{}page-", run_prefix(run));
        let (mut newest, mut after) = (None, None);
        loop {
            let listing = self.store().list(&prefix, after.as_deref()).await?;
            after = listing.objects.last().map(|object| object.key.clone());
            let is_record = |object: &Listed| object.key.ends_with(RECORD_SUFFIX);
            newest = listing.objects.into_iter().rfind(is_record).or(newest);
            if !listing.truncated {
                break;
            }
        }
        match newest {
            Some(object) => self.read_key(&object.key).await,
            None => Ok(None),
        }
    }

    /// Whether the bucket has no object of the run yet.
    pub async fn is_untouched(&self, run: &RunId) -> Result<bool, ArchiveError> {
        Ok(self
            .store()
            .list(&run_prefix(run), None)
            .await?
            .objects
            .is_empty())
    }

    /// The message that continues a slice, as its chain would have sent it; but it does not assume that the events of
    /// the page before were published.
    pub async fn next_message(
        &self,
        view: &SliceView,
        plan: &ExportPlan,
    ) -> Result<PageMessage, ArchiveError> {
        let mut message = match self.newest_record(&view.run).await? {
            Some(record) => after_record(view, &record),
            None => self.opening_message(view, plan).await?,
        };
        message.times_parked = self
            .waiting(&message)
            .await?
            .map_or(0, |waiting| waiting.times_parked);
        Ok(message)
    }

    /// The first message of the view's run.
    pub async fn opening_message(
        &self,
        view: &SliceView,
        plan: &ExportPlan,
    ) -> Result<PageMessage, ArchiveError> {
        match view.origin {
            Origin::First => Ok(first_message(view, plan, None, Totals::default())),
            Origin::Replaces { run } => {
                let totals = self.totals_of(&view.run.with_run(run)).await?;
                Ok(first_message(view, plan, None, totals.superseded()))
            }
            Origin::Continues { run, after_page: 0 } => {
                let before = view.run.with_run(run);
                let opened = self.run(&before).await?.and_then(|record| record.job);
                // A run that failed before it was opened passes on the job that it inherited.
                let job = match opened {
                    Some(job) => Some(job),
                    None => self.end(&before).await?.and_then(|end| end.job),
                };
                Ok(first_message(
                    view,
                    plan,
                    job,
                    self.totals_of(&before).await?.superseded(),
                ))
            }
            Origin::Continues { run, after_page } => {
                let page = view.run.with_run(run).page(after_page);
                let record = self.existing_record(&page).await?;
                Ok(after_record(view, &record))
            }
        }
    }

    /// The standing of a slice when the next attempt is planned.
    pub(crate) async fn standing(&self, view: &SliceView) -> Result<SliceStanding, ArchiveError> {
        let newest = self.newest_record(&view.run).await?;
        let inherited = view.origin.first_page() - 1;
        // A run that failed after its last page reads that page again, because a chain can only continue from a
        // checkpoint.
        let last_page = newest.map_or(inherited, |record| match record.content.next {
            NextStep::Continue { .. } => record.id.page,
            NextStep::EndRun => record.id.page - 1,
        });
        Ok(SliceStanding {
            slice: view.slice.number,
            run: view.run.run,
            origin: view.origin,
            end: view.end.as_ref().map(|end| end.end.clone()),
            last_page,
        })
    }

    /// The standing of all slices of the attempt.
    pub async fn standings(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
    ) -> Result<Vec<SliceStanding>, ArchiveError> {
        let views = self.survey(plan, attempt).await?;
        // Collected: a stream over borrowing closures could not move between threads.
        let standings: Vec<_> = views.iter().map(|view| self.standing(view)).collect();
        stream::iter(standings)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await
    }

    pub async fn existing_record(&self, page: &PageId) -> Result<PageRecord, ArchiveError> {
        self.record(page)
            .await?
            .ok_or_else(|| ArchiveError::Missing(Name::Record(page).key()))
    }

    async fn totals_of(&self, run: &RunId) -> Result<Totals, ArchiveError> {
        if let Some(end) = self.end(run).await? {
            return Ok(end.totals);
        }
        Ok(self
            .newest_record(run)
            .await?
            .map_or_else(Totals::default, |record| record.totals))
    }
}

/// The first message of a run that inherits no pages.
pub fn first_message(
    view: &SliceView,
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
fn after_record(view: &SliceView, record: &PageRecord) -> PageMessage {
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
