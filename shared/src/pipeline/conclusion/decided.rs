//! The outcome of a decided attempt: its document and its audit event.

use serde::Serialize;
use serde_json::json;

use super::ConclusionInput;
use crate::archive::SliceStatus;
use crate::base::failure::Failure;
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use crate::export::outcome::{
    ExportMetrics, ExportStatus, Gaps, Outcome, OutcomeSummary, RequestMetrics, SliceFailure,
};
use crate::export::run::End;
use crate::export::totals::Totals;
use crate::pipeline::Pipeline;

/// The details of an outcome's event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    status: ExportStatus,
    attempt: u32,
    audit_heads: &'a [Sha256],
    /// The URI of the archive.
    destination: String,
    #[serde(flatten)]
    summary: OutcomeSummary<'a>,
}

/// The decision about an attempt.
pub(super) enum Decision {
    Complete {
        status: ExportStatus,
        gaps: Gaps,
        metrics: ExportMetrics,
    },
    Failed(Vec<SliceFailure>),
    Cancelled,
}

/// The fields of an outcome that the decision alone determines.
struct Decided {
    status: ExportStatus,
    metrics: Option<ExportMetrics>,
    gaps: Option<Gaps>,
    failures: Vec<SliceFailure>,
}

impl Decision {
    pub(super) fn outcome(self, pipeline: &Pipeline, input: ConclusionInput<'_>) -> Outcome {
        let ConclusionInput { plan, attempt, .. } = input;
        let ends = || input.slice_statuses.iter().filter_map(|it| it.end.as_ref());
        let audit_heads: Vec<_> = ends().map(|end| end.event.hash).collect();
        let totals = ends().fold(Totals::default(), |sum, end| sum.plus(end.totals));
        let decided = self.decided();
        let event = decided.event(pipeline, input, &totals, &audit_heads);
        let Decided {
            status,
            metrics,
            gaps,
            failures,
        } = decided;
        let effort = RequestMetrics::of(totals.effort, totals.pages);
        Outcome {
            format_version: FormatVersion,
            export_id: plan.export_id.clone(),
            status,
            attempt: attempt.attempt,
            source: plan.source,
            interval: plan.interval,
            query_id: attempt.query(plan).map(|query| query.query_id.clone()),
            totals,
            residency: plan.residency.clone(),
            redaction: Some(plan.applied_redaction()),
            started_at: plan.planned_at,
            ended_at: event.timestamp,
            failures,
            audit_heads,
            metrics,
            gaps,
            effort: metrics.is_none().then_some(effort),
            event,
        }
    }

    fn decided(self) -> Decided {
        let without_manifest = |status, failures| Decided {
            status,
            metrics: None,
            gaps: None,
            failures,
        };
        match self {
            Self::Complete {
                status,
                gaps,
                metrics,
            } => Decided {
                status,
                metrics: Some(metrics),
                gaps: Some(gaps),
                failures: Vec::new(),
            },
            Self::Failed(failures) => without_manifest(ExportStatus::Failed, failures),
            Self::Cancelled => without_manifest(ExportStatus::Cancelled, Vec::new()),
        }
    }
}

impl Decided {
    fn event(
        &self,
        pipeline: &Pipeline,
        input: ConclusionInput<'_>,
        totals: &Totals,
        audit_heads: &[Sha256],
    ) -> AuditEvent {
        let ConclusionInput {
            plan,
            attempt,
            invocation,
            ..
        } = input;
        let action = match self.status {
            ExportStatus::Cancelled => Action::CancelExport,
            _ => Action::CompleteExport,
        };
        let (metrics, gaps) = (self.metrics.as_ref(), self.gaps);
        let details = Details {
            status: self.status,
            attempt: attempt.attempt,
            audit_heads,
            destination: pipeline.archive.store().uri(""),
            summary: OutcomeSummary::of(plan, self.status, totals, metrics, gaps),
        };
        let event = AuditEvent::new(NewAuditEvent {
            export_id: &plan.export_id,
            query_hash: plan.query_hash,
            request_id: &invocation.request_id,
            timestamp: pipeline.clock.now(),
            action,
            event_type: EventType::Outcome,
            subject: format!("attempt {}", attempt.attempt),
            details: json!(details),
        });
        let event = match self.failures.first() {
            Some(first) => event.with_failure(first.failure.to_string()),
            None => event,
        };
        event.chained_after(Some(plan.start_event.hash))
    }
}

pub(super) fn export_failure(failure: Failure) -> SliceFailure {
    SliceFailure {
        slice: None,
        run: None,
        after_page: None,
        failure,
    }
}

/// The failures of the slices, in their order.
pub(super) fn failures(slice_statuses: &[SliceStatus]) -> Vec<SliceFailure> {
    let failure = |slice_status: &SliceStatus| {
        let end = slice_status.end.as_ref()?;
        let End::Failed { failure } = &end.end else {
            return None;
        };
        Some(SliceFailure {
            slice: Some(slice_status.slice.number),
            run: Some(slice_status.run.run),
            after_page: Some(end.last_page),
            failure: failure.clone(),
        })
    };
    slice_statuses.iter().filter_map(failure).collect()
}
