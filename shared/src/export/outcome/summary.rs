//! The summary of an outcome in the details of its audit event.

use serde::Serialize;

use super::{ExportMetrics, ExportStatus, Gaps};
use crate::base::time::Interval;
use crate::export::plan::ExportPlan;
use crate::export::totals::Totals;

/// What was archived from where, and whether that is everything that was asked for. Derived from the plan and the rest of
/// the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeSummary<'a> {
    result: &'static str,
    interval: Interval,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    records: u64,
    record_bytes: u64,
    stored_bytes: u64,
    /// The number of ids that the request lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids_requested: Option<u64>,
    /// Of a complete export: the number of these ids that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids_retrieved: Option<u64>,
}

impl<'a> OutcomeSummary<'a> {
    /// `metrics` and `gaps` are those of a complete export.
    pub fn of(
        plan: &'a ExportPlan,
        status: ExportStatus,
        totals: &Totals,
        metrics: Option<&ExportMetrics>,
        gaps: Option<Gaps>,
    ) -> Self {
        let organisation = plan.organisation.as_ref();
        let ids = plan.requested_ids().len() as u64;
        let ids_requested = (ids > 0).then_some(ids);
        let retrieved = |gaps: Gaps| ids.saturating_sub(gaps.missing);
        Self {
            result: result(status, gaps),
            interval: plan.interval,
            environment: organisation.map(|it| it.environment.as_str()),
            client_id: organisation.map(|it| it.client_id.as_str()),
            records: metrics.map_or(totals.counts.archived, |metrics| metrics.records),
            record_bytes: totals.record_bytes,
            stored_bytes: totals.stored_bytes,
            ids_requested,
            ids_retrieved: ids_requested.and(gaps.map(retrieved)),
        }
    }
}

/// The result in the words of an audit: whether everything that was asked for is archived.
fn result(status: ExportStatus, gaps: Option<Gaps>) -> &'static str {
    let is_whole = gaps.is_none_or(|gaps| gaps.missing == 0);
    match status {
        ExportStatus::Completed if is_whole => "success",
        ExportStatus::Completed
        | ExportStatus::CompletedWithRejects
        | ExportStatus::CompletedWithGaps => "partial",
        ExportStatus::Failed => "failed",
        ExportStatus::Cancelled => "cancelled",
    }
}
