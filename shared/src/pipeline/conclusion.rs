//! Concludes an attempt: writes the outcome and the audit copies, sends the webhook message, removes the marker.
//!
//! Every step can be repeated. The marker is removed last: while it exists, steps may be missing.

use crate::archive::{SliceStatus, cancellation, ledger, open_marker};
use crate::base::failure::{Failure, error_chain};
use crate::base::ids::ExportId;
use crate::base::time::{elapsed, saturating_millis};
use crate::export::attempt::Attempt;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{ExportMetrics, ExportStatus, Gaps, Manifest, Outcome, SliceFailure};
use crate::export::plan::ExportPlan;
use crate::export::scheduled_resume::ScheduledResume;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::{FailedExports, Pipeline, PipelineError, metrics, scheduling, webhooks};
use crate::storage::store::Stored;

mod audit_copies;
mod decided;
mod portions;

use crate::archive::{Comparison, repeated_warning};
use decided::{Decision, export_failure, failures};
use portions::{ExportPages, Reader};

/// An attempt whose slices have all ended, or an export that is given up.
#[derive(Clone, Copy, Debug)]
pub struct ConclusionInput<'a> {
    pub plan: &'a ExportPlan,
    pub attempt: &'a Attempt,
    pub slice_statuses: &'a [SliceStatus],
    pub invocation: &'a Invocation,
}

/// The result of one invocation.
#[derive(Clone, Debug)]
pub enum Progress {
    Decided(Box<Outcome>),
    /// The invocation ran out of time. Another one continues from what this one stored.
    Unfinished,
}

/// Fails an export that is given up. Uses the ends of its slices and does not read their pages.
pub async fn give_up(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
    failure: Failure,
) -> Result<Outcome, PipelineError> {
    let id = &input.plan.export_id;
    if cancellation::is_requested(&pipeline.archive, id).await? {
        let outcome = Decision::Cancelled.outcome(pipeline, input);
        return create_outcome(pipeline, input, ObjectKey::Cancelled(id), outcome).await;
    }
    let mut failures = failures(input.slice_statuses);
    let is_ended = |slice_status: &SliceStatus| slice_status.end.is_some();
    if failures.is_empty() || !input.slice_statuses.iter().all(is_ended) {
        failures.insert(0, export_failure(failure));
    }
    fail_export(pipeline, input, failures).await
}

/// Decides the outcome of the attempt from the ends of its slices. Reads pages until the invocation's deadline.
/// Fails with `Superseded` if a later attempt has begun.
pub async fn conclude(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
) -> Result<Progress, PipelineError> {
    if let Some(outcome) = decided_without_pages(pipeline, input).await? {
        return Ok(Progress::Decided(Box::new(outcome)));
    }
    let reader = Reader {
        archive: &pipeline.archive,
        clock: &pipeline.clock,
        input,
        limits: pipeline.portions,
    };
    match reader.read_pages().await? {
        Some(pages) => {
            let outcome = complete(pipeline, input, pages).await?;
            Ok(Progress::Decided(Box::new(outcome)))
        }
        None => Ok(Progress::Unfinished),
    }
}

/// The outcome of an attempt that was cancelled or failed; `None` if it can be completed.
async fn decided_without_pages(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
) -> Result<Option<Outcome>, PipelineError> {
    let id = &input.plan.export_id;
    if cancellation::is_requested(&pipeline.archive, id).await? {
        let outcome = Decision::Cancelled.outcome(pipeline, input);
        return create_outcome(pipeline, input, ObjectKey::Cancelled(id), outcome)
            .await
            .map(Some);
    }
    let failures = failures(input.slice_statuses);
    if failures.is_empty() {
        return Ok(None);
    }
    fail_export(pipeline, input, failures).await.map(Some)
}

/// Writes the manifest.
async fn complete(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
    pages: ExportPages,
) -> Result<Outcome, PipelineError> {
    let ConclusionInput { plan, attempt, .. } = input;
    let id = &plan.export_id;
    let ExportPages {
        content,
        comparison: Comparison { missing, .. },
        mut warnings,
        effort,
    } = pages;
    let query = attempt.query(plan);
    warnings.extend(repeated_warning(query, &content));
    warnings.extend(plan.session_warnings());
    let gaps = Gaps::of(plan, query, &content, missing.len() as u64);
    let status = gaps.status(plan, &content);
    tracing::info!(export.id = %id, attempt = attempt.attempt, records = content.records(), status = status.as_str(), "export complete");
    if status == ExportStatus::CompletedWithGaps {
        tracing::warn!(export.id = %id, missing = gaps.missing, expected = gaps.expected, "the export lacks more of what was asked for than maxGapPercent allows");
    }
    if let Some(repeated) = &content.repeated {
        tracing::warn!(export.id = %id, %repeated, "export complete with repeated records");
    }
    let metrics = ExportMetrics::of(&content, effort, missing.len() as u64, gaps);
    let decision = Decision::Complete {
        status,
        gaps,
        metrics,
    };
    let manifest = Manifest {
        outcome: decision.outcome(pipeline, input),
        content,
        missing_ids: missing,
        warnings,
    };
    check_newest(pipeline, input).await?;
    let name = ObjectKey::Manifest(id);
    let (manifest, stored) = pipeline.archive.create_or_read(name, manifest).await?;
    record_metrics(&manifest.outcome, stored);
    Ok(manifest.outcome)
}

/// Fails with `Superseded` if a later attempt has begun. A lost query begins a later attempt while slices of this one
/// end. The slice statuses of an attempt follow replaced runs into the later one, so an outcome made of them would mix
/// the pages of two queries. This check is made after the slice statuses were read, and a run of the later attempt ends
/// only after that attempt was created, so the check cannot miss it.
async fn check_newest(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
) -> Result<(), PipelineError> {
    let attempt = input.attempt.attempt;
    let newest = pipeline
        .archive
        .newest_attempt(&input.plan.export_id)
        .await?;
    match newest.map(|newest| newest.attempt) {
        Some(newest) if newest > attempt => Err(PipelineError::Superseded { attempt, newest }),
        _ => Ok(()),
    }
}

/// Writes the failure of the attempt.
pub async fn fail_export(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
    failures: Vec<SliceFailure>,
) -> Result<Outcome, PipelineError> {
    let ConclusionInput { plan, attempt, .. } = input;
    let first = failures
        .first()
        .map(|failure| failure.failure.to_string())
        .unwrap_or_default();
    tracing::error!(export.id = %plan.export_id, attempt = attempt.attempt, failure = first, "export failed");
    let outcome = Decision::Failed(failures).outcome(pipeline, input);
    let name = ObjectKey::Failed(&plan.export_id, attempt.attempt);
    create_outcome(pipeline, input, name, outcome).await
}

/// Creates the outcome, or returns the existing one (first writer wins).
async fn create_outcome(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
    name: ObjectKey<'_>,
    outcome: Outcome,
) -> Result<Outcome, PipelineError> {
    check_newest(pipeline, input).await?;
    let (outcome, stored) = pipeline.archive.create_or_read(name, outcome).await?;
    record_metrics(&outcome, stored);
    Ok(outcome)
}

/// Completes all steps after the outcome is stored: copies the audit events, sends the webhook message, removes the
/// marker.
pub async fn announce(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
    outcome: &Outcome,
) -> Result<(), PipelineError> {
    let id = &input.plan.export_id;
    append_to_ledger(pipeline, outcome).await?;
    let copied = match audit_copies::copy_audit(pipeline, input, outcome).await {
        Ok(copied) => copied,
        // A complete export must have its copies; a failure is announced even if its audit events cannot be read.
        Err(error) if outcome.status.is_complete() => return Err(error.into()),
        Err(error) => {
            tracing::warn!(export.id = %id, error = error_chain(&error), "audit events could not be copied");
            true
        }
    };
    if !copied && outcome.status.is_complete() {
        return scheduling::send_recheck(pipeline, id).await;
    }
    if input.plan.webhook_url.is_some() {
        webhooks::ensure_scheduled(pipeline, outcome).await?;
    }
    if !copied {
        return scheduling::send_recheck(pipeline, id).await;
    }
    if pipeline.failed_exports == FailedExports::Swept
        && let Some(resume) = ScheduledResume::after(outcome, input.attempt)
    {
        pipeline
            .archive
            .replace(resume.object_key(), &resume)
            .await?;
    }
    pipeline.archive.delete(ObjectKey::Open(id)).await?;
    keep_open_for_later_attempts(pipeline, id, outcome.attempt).await
}

/// Appends the outcome to the ledger. A ledger that another program damaged must not keep exports from ending.
async fn append_to_ledger(pipeline: &Pipeline, outcome: &Outcome) -> Result<(), PipelineError> {
    match ledger::append(&pipeline.archive, outcome, pipeline.clock.now()).await {
        Err(error) if error.is_damage() => {
            let error = error_chain(&error);
            tracing::error!(export.id = %outcome.export_id, error, "the outcome is not in the ledger, which is damaged; `genesys-archive ledger` names the objects to restore or remove");
            Ok(())
        }
        appended => Ok(appended?),
    }
}

/// Writes the marker again if a later attempt was begun in the meantime.
async fn keep_open_for_later_attempts(
    pipeline: &Pipeline,
    id: &ExportId,
    attempt: u32,
) -> Result<(), PipelineError> {
    let newest = pipeline.archive.newest_attempt(id).await?;
    if newest.is_some_and(|newest| newest.attempt > attempt) {
        open_marker::write(&pipeline.archive, id, pipeline.clock.now()).await?;
    }
    Ok(())
}

/// Records the metrics of an outcome, once.
fn record_metrics(outcome: &Outcome, stored: Stored) {
    if stored != Stored::Created {
        return;
    }
    let ended_as = match outcome.status {
        ExportStatus::Completed
        | ExportStatus::CompletedWithRejects
        | ExportStatus::CompletedWithGaps => metrics::EXPORTS_COMPLETED,
        ExportStatus::Failed => metrics::EXPORTS_FAILED,
        ExportStatus::Cancelled => metrics::EXPORTS_CANCELLED,
    };
    let with_gaps = u64::from(outcome.status == ExportStatus::CompletedWithGaps);
    let duration_ms = saturating_millis(elapsed(outcome.started_at, outcome.ended_at));
    metrics::record(&[
        (ended_as, 1),
        (metrics::EXPORTS_WITH_GAPS, with_gaps),
        (metrics::EXPORT_DURATION, duration_ms),
    ]);
}

#[cfg(test)]
mod tests;
