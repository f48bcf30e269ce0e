//! Resume: a stopped export continues, a failed one gets another attempt, and a completed one returns its state.

use conversation_archive::archive::{
    cancellation, deliveries, open_marker, outcomes, slice_status,
};
use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::{Attempt, Overrides};
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::Outcome;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::request::InvalidRequest;
use conversation_archive::export::scheduled_resume::ScheduledResume;
use conversation_archive::pipeline::conclusion::{self, ConclusionInput};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{scheduling, webhooks};
use conversation_archive::source::QuerySpec;

use crate::{Resume, StartError, StartExport, Started, State, final_state};

/// A failed attempt that another attempt will follow.
#[derive(Clone, Copy)]
struct FailedAttempt<'a> {
    plan: &'a ExportPlan,
    attempt: &'a Attempt,
    outcome: &'a Outcome,
}

/// The origin of the resume.
#[derive(Clone, Copy)]
enum ResumeTrigger<'a> {
    Operator(&'a Resume),
    /// The sweep, at the scheduled time of the automatic resume.
    Sweep,
}

impl ResumeTrigger<'_> {
    fn overrides(self) -> Overrides {
        match self {
            Self::Operator(resume) => resume.overrides(),
            Self::Sweep => Overrides::default(),
        }
    }
}

impl StartExport {
    #[tracing::instrument(skip_all, fields(export.id = %resume.export_id))]
    pub(crate) async fn resume(
        &self,
        resume: &Resume,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        let id = &resume.export_id;
        if resume.quota_mb == Some(0) {
            return Err(InvalidRequest::new(
                "quotaMb",
                0,
                "at least 1 (megabytes of 10⁶ stored bytes)",
            )
            .into());
        }
        let Some(plan) = self.archive().plan(id).await? else {
            return Err(InvalidRequest::new(
                "exportId",
                id,
                "there is no export with this id in this archive",
            )
            .into());
        };
        let attempt = if let Some(attempt) = self.archive().newest_attempt(id).await? {
            attempt.as_ref().clone()
        } else {
            // The invocation that planned the export ended before the first attempt. If the plan is refused, nothing
            // changes.
            self.check_plan(&plan)?;
            self.create_first_attempt(&plan).await?
        };
        let Some(outcome) =
            outcomes::of_attempt(self.archive(), &plan.export_id, attempt.attempt).await?
        else {
            self.check_plan(&plan)?;
            return self.continue_attempt(resume, &plan, &attempt).await;
        };
        if let Some(state) = final_state(outcome.status) {
            self.announce_if_owed(&plan, &attempt, &outcome, invocation)
                .await?;
            return Ok(self.started(&plan, outcome.attempt, state));
        }
        self.check_plan(&plan)?;
        let failed = FailedAttempt {
            plan: &plan,
            attempt: &attempt,
            outcome: &outcome,
        };
        self.begin_next_attempt(failed, ResumeTrigger::Operator(resume), invocation)
            .await
    }

    /// Resumes the newest attempt if it failed, its automatic resume is scheduled and due, and the export is not
    /// cancelled. Returns whether it resumed.
    pub(crate) async fn resume_automatically(
        &self,
        id: &ExportId,
        invocation: &Invocation,
    ) -> Result<bool, StartError> {
        let Some(attempt) = self.archive().newest_attempt(id).await? else {
            return Ok(false);
        };
        let name = ObjectKey::Resume(id, attempt.attempt);
        let scheduled: Option<ScheduledResume> = self.archive().read(name).await?;
        let is_due = |it: &ScheduledResume| it.not_before <= self.pipeline.clock.now();
        if !scheduled.as_ref().is_some_and(is_due) {
            return Ok(false);
        }
        let Some(outcome) = outcomes::resumable(self.archive(), id, attempt.attempt).await? else {
            return Ok(false);
        };
        let plan = self.archive().existing_plan(id).await?;
        self.check_plan(&plan)?;
        let failed = FailedAttempt {
            plan: &plan,
            attempt: &attempt,
            outcome: &outcome,
        };
        self.begin_next_attempt(failed, ResumeTrigger::Sweep, invocation)
            .await?;
        Ok(true)
    }

    /// Continues an attempt without an outcome: messages may be lost, so they are sent again.
    async fn continue_attempt(
        &self,
        resume: &Resume,
        plan: &ExportPlan,
        attempt: &Attempt,
    ) -> Result<Started, StartError> {
        if let Some(quota_mb) = resume.quota_mb {
            let rule =
                "it can change only with the next attempt; the current attempt has not failed";
            return Err(InvalidRequest::new("quotaMb", quota_mb, rule).into());
        }
        if let Some(on_bad_record) = resume.on_bad_record {
            let rule =
                "it can change only with the next attempt; the current attempt has not failed";
            let value = format!("{on_bad_record:?}").to_lowercase();
            return Err(InvalidRequest::new("onBadRecord", value, rule).into());
        }
        self.reopen(plan).await?;
        scheduling::restart(&self.pipeline, plan, attempt).await?;
        // An earlier resume may have been interrupted after creating the attempt and before removing the marker.
        self.delete_scheduled_resume(&plan.export_id, attempt.attempt.saturating_sub(1))
            .await?;
        Ok(self.started(plan, attempt.attempt, State::Resumed))
    }

    /// Creates the next attempt; `attempt-{n}` is its commit point.
    async fn begin_next_attempt(
        &self,
        failed: FailedAttempt<'_>,
        trigger: ResumeTrigger<'_>,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        let FailedAttempt {
            plan,
            attempt: failed,
            outcome,
        } = failed;
        // An automatic resume is only scheduled after the failure is announced or its webhook is owed.
        if let ResumeTrigger::Operator(_) = trigger {
            self.announce_if_owed(plan, failed, outcome, invocation)
                .await?;
            let now = self.pipeline.clock.now();
            cancellation::withdraw(self.archive(), &plan.export_id, now).await?;
        }
        let overrides = trigger.overrides();
        let next = self
            .next_attempt(plan, failed, outcome, trigger, invocation)
            .await?;
        // Not before: a resume that is refused leaves the export as it was. In any case before the attempt, which would
        // be overlooked without its marker.
        self.reopen(plan).await?;
        let (name, requested_overrides) = (
            ObjectKey::Attempt(&plan.export_id, next.attempt),
            next.overrides,
        );
        let (next, _) = self.archive().create_or_read(name, next).await?;
        // Written again after the attempt is created: the announcement of the previous outcome may have removed the
        // marker in the meantime.
        self.reopen(plan).await?;
        scheduling::restart(&self.pipeline, plan, &next).await?;
        self.delete_scheduled_resume(&plan.export_id, failed.attempt)
            .await?;
        tracing::info!(
            export.id = %plan.export_id,
            attempt = next.attempt,
            automatic_resumes = next.automatic_resumes,
            "export resumed"
        );
        if let ResumeTrigger::Operator(resume) = trigger
            && overrides != Overrides::default()
            && next.overrides != requested_overrides
        {
            return Err(overrides_ignored(resume, &next).into());
        }
        Ok(self.started(plan, next.attempt, State::Resumed))
    }

    /// The attempt that follows the failed one, with a new query if the old one is not usable.
    async fn next_attempt(
        &self,
        plan: &ExportPlan,
        failed: &Attempt,
        outcome: &Outcome,
        trigger: ResumeTrigger<'_>,
        invocation: &Invocation,
    ) -> Result<Attempt, StartError> {
        let slice_progress = slice_status::all_progress(self.archive(), plan, failed).await?;
        let of_export = outcome
            .failures
            .iter()
            .find(|failure| failure.slice.is_none());
        let export_failure = of_export.map(|failure| failure.failure.kind);
        // A query that violated its contract is not read again. Sources without a query return none.
        let mut kinds = outcome.failures.iter().map(|failed| failed.failure.kind);
        let query = if kinds.any(FailureKind::makes_source_unusable) {
            let spec = QuerySpec::of_plan(plan);
            self.sources
                .of(plan.source)
                .query(&spec, invocation.deadline)
                .await?
        } else {
            None
        };
        let now = self.pipeline.clock.now();
        let overrides = trigger.overrides();
        let next = failed.resumed(&slice_progress, export_failure, overrides, query, now);
        Ok(match trigger {
            ResumeTrigger::Operator(_) => next,
            ResumeTrigger::Sweep => next.as_automatic_resume(failed),
        })
    }

    /// Deletes the automatic resume of a failed attempt that another attempt follows.
    async fn delete_scheduled_resume(&self, id: &ExportId, failed: u32) -> Result<(), StartError> {
        if failed > 0 {
            self.archive().delete(ObjectKey::Resume(id, failed)).await?;
        }
        Ok(())
    }

    /// Announces an outcome if that is still owed: until the marker is gone and the audit trail shows that the receiver
    /// accepted the webhook or wants no more deliveries. An owed webhook gets a new schedule, even if it was given up.
    async fn announce_if_owed(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        outcome: &Outcome,
        invocation: &Invocation,
    ) -> Result<(), StartError> {
        let is_owed = plan.webhook_url.is_some()
            && deliveries::delivery_state(self.archive(), outcome)
                .await?
                .is_owed();
        if !is_owed {
            // A process may have died after the delivery and before it deleted the marker.
            let owed = ObjectKey::Owed(&plan.export_id, outcome.attempt);
            self.archive().delete(owed).await?;
        }
        if self.archive().is_open(&plan.export_id).await? {
            if is_owed {
                webhooks::write_new_schedule(&self.pipeline, outcome).await?;
            }
            let slice_statuses = slice_status::all(self.archive(), plan, attempt).await?;
            let input = ConclusionInput {
                plan,
                attempt,
                slice_statuses: &slice_statuses,
                invocation,
            };
            return Ok(conclusion::announce(&self.pipeline, input, outcome).await?);
        }
        if is_owed {
            webhooks::start_again(&self.pipeline, outcome).await?;
        }
        Ok(())
    }

    async fn reopen(&self, plan: &ExportPlan) -> Result<(), StartError> {
        let now = self.pipeline.clock.now();
        Ok(open_marker::write(self.archive(), &plan.export_id, now).await?)
    }
}

/// Another resume created the attempt at the same time, without the overrides of this one.
fn overrides_ignored(resume: &Resume, attempt: &Attempt) -> InvalidRequest {
    let rule = format!(
        "another resume started attempt {} at the same time without this value; set it again if that attempt fails",
        attempt.attempt
    );
    match (resume.quota_mb, resume.on_bad_record) {
        (Some(quota_mb), _) => InvalidRequest::new("quotaMb", quota_mb, rule),
        (None, value) => {
            let value = value.map(|value| format!("{value:?}").to_lowercase());
            InvalidRequest::new("onBadRecord", value.unwrap_or_default(), rule)
        }
    }
}
