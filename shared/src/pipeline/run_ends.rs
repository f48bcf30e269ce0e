//! Ends runs: `end.json` commits the decision; the following steps are repeated by every handler that finds it.

use serde_json::json;

use crate::archive::{SliceStatus, slice_status};
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::RunId;
use crate::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use crate::export::message::{CompletionMessage, PageMessage};
use crate::export::objects::ObjectKey;
use crate::export::page_record::{NextStep, PageRecord};
use crate::export::plan::ExportPlan;
use crate::export::request::SourceKind;
use crate::export::run::{End, RunEnd};
use crate::export::totals::Totals;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::{Pipeline, PipelineError, scheduling};
use crate::source::Sources;

/// A run that is to end, with the position of its chain.
#[derive(Clone, Debug)]
pub struct RunEndDraft<'a> {
    pub run: &'a RunId,
    /// The last page that counts; 0 if there is none.
    pub last_page: u32,
    pub totals: Totals,
    pub job: Option<String>,
    /// The hash of the chain's last event.
    pub audit_head: Sha256,
}

impl<'a> RunEndDraft<'a> {
    /// Ends the run before the page of `message`.
    pub fn before(message: &'a PageMessage) -> Self {
        Self {
            run: &message.id.run,
            last_page: message.id.page - 1,
            totals: message.totals,
            job: message.checkpoint.job().map(ToOwned::to_owned),
            audit_head: message.audit_head,
        }
    }

    /// Ends `run` after the page of `record`, which counts for it.
    pub fn after(run: &'a RunId, record: &PageRecord) -> Self {
        Self {
            run,
            last_page: record.id.page,
            totals: record.totals,
            job: record.content.checkpoint.job().map(ToOwned::to_owned),
            audit_head: record.event.hash,
        }
    }
}

/// Writes `end.json`, or returns the existing one, which may differ (first writer wins).
pub async fn end_run(
    pipeline: &Pipeline,
    plan: &ExportPlan,
    draft: RunEndDraft<'_>,
    end: End,
    invocation: &Invocation,
) -> Result<RunEnd, PipelineError> {
    let job = match draft.job {
        Some(job) => Some(job),
        None => pipeline
            .archive
            .run(draft.run)
            .await?
            .and_then(|record| record.job),
    };
    let event = end_event(
        plan,
        draft.run,
        &end,
        draft.last_page,
        invocation,
        pipeline.clock.now(),
    );
    let document = RunEnd {
        format_version: FormatVersion,
        id: draft.run.clone(),
        end,
        last_page: draft.last_page,
        totals: draft.totals,
        job,
        event: event.chained_after(Some(draft.audit_head)),
    };
    Ok(pipeline
        .archive
        .create_or_read(ObjectKey::End(draft.run), document)
        .await?
        .0)
}

/// Completes the steps after a run's end: deletes its job, and sends its completion message or its successor's
/// first message.
pub async fn clean_up_run(
    pipeline: &Pipeline,
    plan: &ExportPlan,
    end: &RunEnd,
    sources: &Sources,
    invocation: &Invocation,
) -> Result<(), PipelineError> {
    // A failed run keeps its job for a resume.
    let keeps_job = matches!(end.end, End::Failed { .. });
    if let Some(job) = end.job.as_deref().filter(|_| !keeps_job)
        && let Err(source_error) = sources
            .of(plan.source)
            .close(job, invocation.deadline)
            .await
    {
        tracing::warn!(run = %end.id, error = %source_error, "could not delete the job; it will expire on its own");
    }
    if !matches!(end.end, End::Replaced { .. }) {
        return scheduling::send_completion(pipeline, &CompletionMessage::run_ended(&end.id)).await;
    }
    // The newest attempt has the current run and its query.
    match pipeline.archive.newest_attempt(&plan.export_id).await? {
        Some(attempt) => scheduling::start_slice(pipeline, plan, &attempt, end.id.slice).await,
        None => Ok(()),
    }
}

/// Ends the current run of a slice from outside its chain: after a dead letter, a stalled export or a lost query. A
/// failed chain that had committed its last page is complete, whatever happened to its last message. Exception:
/// transcript events may not be published yet, so a resume reads that page again.
pub async fn end_slice(
    pipeline: &Pipeline,
    plan: &ExportPlan,
    slice_status: &SliceStatus,
    end: End,
    invocation: &Invocation,
) -> Result<RunEnd, PipelineError> {
    let Some(record) = pipeline.archive.newest_record(&slice_status.run).await? else {
        let message = slice_status::opening_message(&pipeline.archive, slice_status, plan).await?;
        return end_run(
            pipeline,
            plan,
            RunEndDraft::before(&message),
            end,
            invocation,
        )
        .await;
    };
    let end = match (&record.content.next, end) {
        (NextStep::EndRun, End::Failed { .. }) if plan.source != SourceKind::Transcripts => {
            End::Complete
        }
        (_, end) => end,
    };
    end_run(
        pipeline,
        plan,
        RunEndDraft::after(&slice_status.run, &record),
        end,
        invocation,
    )
    .await
}

fn end_event(
    plan: &ExportPlan,
    run: &RunId,
    end: &End,
    last_page: u32,
    invocation: &Invocation,
    now: jiff::Timestamp,
) -> AuditEvent {
    let event = AuditEvent::new(NewAuditEvent {
        export_id: &plan.export_id,
        query_hash: plan.query_hash,
        request_id: &invocation.request_id,
        timestamp: now,
        action: Action::EndRun,
        event_type: EventType::Run,
        subject: format!("s{} r{}", run.slice, run.run),
        details: json!({"slice": run.slice, "run": run.run, "lastPage": last_page, "end": end}),
    });
    match end {
        End::Failed { failure } => event.with_failure(failure.to_string()),
        End::Replaced { reason, .. } => event.with_failure(reason),
        End::Complete | End::Cancelled => event,
    }
}
