//! sweep-exports: runs hourly so that no export hangs unnoticed. Reads the markers under `open/`, sends lost messages
//! again, and fails exports that cannot continue. With live capture, it also closes live gaps and seals days.

use std::time::Duration;

use conversation_archive::archive::{Archive, SliceStatus, open_marker, outcomes, slice_status};
use conversation_archive::base::failure::{Failure, FailureKind, error_chain};
use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::marker::OpenMarker;
use conversation_archive::export::objects::{OPEN_PREFIX, ObjectKey};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::run::End;
use conversation_archive::pipeline::conclusion::{self, ConclusionInput};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{Pipeline, PipelineError, metrics, run_ends, scheduling};
use jiff::SignedDuration;

mod live;
mod owed;
mod progress;
mod resends;
mod resumes;

pub use live::LiveSweep;
use progress::ExportProgress;
use resends::{FRUITLESS_SWEEPS, NextStep, Resends};

/// Time during which an accepted start and a scheduled resume are retried: enough for an operator to fix a login or a
/// permission.
const RETRY_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Time budget for one export, whatever the sweep does with it.
const EXPORT_TIME: Duration = Duration::from_mins(1);

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct SweepExports {
    pub pipeline: Pipeline,
    pub live: LiveSweep,
}

/// The result of sweeping one export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepOutcome {
    /// It makes progress, or waits for a valid reason.
    LeftAlone,
    /// Its messages were sent again.
    Revived,
    /// A document that it needs to continue is damaged; the export fails if that does not change.
    Damaged,
    /// It could not continue and was failed.
    Failed,
    /// Its request was accepted and not planned yet; a start message was sent.
    StartedAgain,
    /// It had only a marker, or a request that could not be started for a week. The marker was removed.
    Removed,
    /// Its webhook message was sent again.
    WebhookSent,
    /// It had failed; a message that starts its next attempt was sent.
    ResumeRequested,
}

impl SweepExports {
    /// Sweeps the open exports, then the owed webhooks, resumes failed exports that are due, and sweeps the streams of live
    /// capture.
    pub async fn handle(
        &self,
        invocation: &Invocation,
    ) -> anyhow::Result<Vec<(ExportId, SweepOutcome)>> {
        let exports = self.sweep_exports(invocation).await;
        let webhooks = self.send_overdue_webhooks().await;
        let resumed = self.resume_failed().await;
        let streams = self.sweep_streams(invocation).await;
        let mut swept = exports?;
        swept.extend(webhooks?);
        swept.extend(resumed?);
        streams?;
        Ok(swept)
    }

    /// Sweeps as many open exports as there is time for. An error in one export does not stop the others. The order
    /// changes every hour, so that a slow export cannot starve the same ones each time.
    pub async fn sweep_exports(
        &self,
        invocation: &Invocation,
    ) -> anyhow::Result<Vec<(ExportId, SweepOutcome)>> {
        let mut swept = Vec::new();
        let mut first_error = None;
        let ids = self.open_exports().await?;
        for (position, id) in ids.iter().enumerate() {
            let now = self.pipeline.clock.now();
            if position > 0 && !invocation.deadline.allows(now, EXPORT_TIME) {
                tracing::warn!(
                    left = ids.len() - position,
                    "sweep out of time; the next sweep continues with the other exports"
                );
                break;
            }
            match self.sweep(id, invocation).await {
                Ok(outcome) => swept.push((id.clone(), outcome)),
                Err(error) => {
                    tracing::error!(export.id = %id, error = error_chain(error.as_ref()), "sweep failed");
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(swept), Err)
    }

    /// All open exports, in an order that depends on the hour.
    async fn open_exports(&self) -> anyhow::Result<Vec<ExportId>> {
        let hour = self.pipeline.clock.now().as_second() / 3600;
        let listed = self.archive().list_all(OPEN_PREFIX).await?;
        let id = |key: &str| key.strip_prefix(OPEN_PREFIX)?.parse::<ExportId>().ok();
        let mut ids: Vec<_> = listed.iter().filter_map(|it| id(&it.key)).collect();
        ids.sort_by_cached_key(|id| Sha256::of(format!("{hour} {id}")));
        Ok(ids)
    }

    #[tracing::instrument(skip_all, fields(export.id = %id))]
    async fn sweep(&self, id: &ExportId, invocation: &Invocation) -> anyhow::Result<SweepOutcome> {
        let now = self.pipeline.clock.now();
        let name = ObjectKey::Open(id);
        let Some(marker) = self.archive().read::<OpenMarker>(name).await? else {
            return Ok(SweepOutcome::LeftAlone);
        };
        if now.duration_since(marker.since) < HOUR {
            return Ok(SweepOutcome::LeftAlone);
        }
        let Some(plan) = self.archive().plan(id).await? else {
            return self.start_or_remove(&marker).await;
        };
        let attempt = match self.archive().newest_attempt(id).await? {
            Some(attempt) => attempt.as_ref().clone(),
            None => {
                self.archive()
                    .create_or_read(ObjectKey::Attempt(id, 1), Attempt::first(&plan))
                    .await?
                    .0
            }
        };
        // An export whose documents cannot be read does not make progress.
        let progress = match ExportProgress::read(self.archive(), &plan, &attempt).await {
            Ok(progress) => progress,
            Err(error) if error.is_damage() => ExportProgress::unreadable(&error),
            Err(error) => return Err(error.into()),
        };
        if progress.is_active(now) {
            return Ok(SweepOutcome::LeftAlone);
        }
        let resends = Resends::of(&marker, progress.digest());
        // A message of this export may be in the queue after those of other exports.
        let is_queued = self.pipeline.queue.depth(progress.queue()).await? > 0;
        match resends.next_step(now, is_queued) {
            NextStep::Wait => Ok(SweepOutcome::LeftAlone),
            NextStep::SendAgain => self.send_again(&plan, &attempt, marker, resends).await,
            NextStep::GiveUp => {
                self.give_up(&plan, &attempt, invocation).await?;
                Ok(SweepOutcome::Failed)
            }
        }
    }

    /// Handles an export without a plan: starts its request, or removes the marker if the request is too old.
    async fn start_or_remove(&self, marker: &OpenMarker) -> anyhow::Result<SweepOutcome> {
        let (id, now) = (&marker.export_id, self.pipeline.clock.now());
        let is_accepted = marker.request.is_some();
        if is_accepted && now.duration_since(marker.since) < RETRY_PERIOD {
            metrics::record(&[(metrics::STARTS_OVERDUE, 1)]);
            tracing::error!(export.id = %id, since = %marker.since, "accepted export not started yet; retrying");
            scheduling::send_start(&self.pipeline, id).await?;
            return Ok(SweepOutcome::StartedAgain);
        }
        if is_accepted {
            metrics::record(&[(metrics::GIVEN_UP, 1)]);
            tracing::error!(export.id = %id, since = %marker.since, "accepted export given up; it could not be started for a week");
        } else {
            tracing::warn!(export.id = %id, "marker of an export that was never planned removed");
        }
        open_marker::remove_without_plan(self.archive(), id, now).await?;
        Ok(SweepOutcome::Removed)
    }

    async fn send_again(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        marker: OpenMarker,
        resends: Resends,
    ) -> anyhow::Result<SweepOutcome> {
        // Counted before the messages are sent, so that a sweep that dies in between still counts.
        let marker = resends.with_resend(marker, self.pipeline.clock.now());
        self.archive()
            .replace(ObjectKey::Open(&plan.export_id), &marker)
            .await?;
        tracing::warn!(export.id = %plan.export_id, times = marker.fruitless_sweeps, "no progress for an hour; sending messages again");
        match scheduling::restart(&self.pipeline, plan, attempt).await {
            Ok(()) => Ok(SweepOutcome::Revived),
            Err(PipelineError::Archive(error)) if error.is_damage() => {
                tracing::error!(export.id = %plan.export_id, error = error_chain(&error), "messages of a damaged export cannot be sent again");
                Ok(SweepOutcome::Damaged)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends all open slices as failed and writes the failure. Does not depend on complete-export, which may be the
    /// broken part, and reads no pages.
    async fn give_up(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        invocation: &Invocation,
    ) -> anyhow::Result<()> {
        let message = format!(
            "no progress in {FRUITLESS_SWEEPS} hours although messages were sent again each hour"
        );
        let failure = Failure::new(FailureKind::Stalled, message);
        let mut slice_statuses = slice_status::all(self.archive(), plan, attempt).await?;
        for slice_status in &mut slice_statuses {
            if slice_status.end.is_none() {
                let end = End::Failed {
                    failure: failure.clone(),
                };
                slice_status.end =
                    match run_ends::end_slice(&self.pipeline, plan, slice_status, end, invocation)
                        .await
                    {
                        Ok(end) => Some(end),
                        // A run that cannot be read cannot be ended; the export fails regardless.
                        Err(PipelineError::Archive(error)) if error.is_damage() => None,
                        Err(error) => return Err(error.into()),
                    };
            }
        }
        let input = ConclusionInput {
            plan,
            attempt,
            slice_statuses: &slice_statuses,
            invocation,
        };
        let decided = outcomes::of_attempt(self.archive(), &plan.export_id, attempt.attempt);
        let outcome = match decided.await? {
            Some(outcome) => outcome,
            None => match conclusion::give_up(&self.pipeline, input, failure).await {
                Ok(outcome) => outcome,
                // A later attempt has begun, so the export makes progress after all.
                Err(PipelineError::Superseded { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            },
        };
        Ok(conclusion::announce(&self.pipeline, input, &outcome).await?)
    }

    fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }
}
