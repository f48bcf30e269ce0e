//! Outcomes of attempts at an export. Only the manifest means complete.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::failure::Failure;
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::ExportId;
use crate::base::time::Interval;
use crate::export::audit::{AuditEvent, Audited};
use crate::export::effort::Effort;
use crate::export::objects::ObjectKey;
use crate::export::page_record::PageObjects;
use crate::export::plan::{AppliedRedaction, Residency, SliceRange};
use crate::export::request::SourceKind;
use crate::export::totals::Totals;
use crate::records::page::{Counts, is_zero};
use crate::records::redaction::Tally;
use crate::records::transcript::Status;

mod gaps;
mod repeated;
mod summary;

pub use gaps::{Basis, Gaps};
pub(crate) use repeated::MAX_NAMED_IDS;
pub use repeated::{IdVersions, RepeatedRecords};
pub use summary::OutcomeSummary;

/// `failed-{n}.json` and `cancelled.json`, and the first part of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub status: ExportStatus,
    pub attempt: u32,
    pub source: SourceKind,
    pub interval: Interval,
    /// The gateway's query of this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    pub totals: Totals,
    pub residency: Residency,
    /// What texts were redacted with. Outcomes of earlier versions do not state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction: Option<AppliedRedaction>,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<SliceFailure>,
    /// The hash of each slice's last event.
    pub audit_heads: Vec<Sha256>,
    /// Set for a complete export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<ExportMetrics>,
    /// Set for a complete export of this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// Set for a failed or cancelled export: the requests of the pages committed until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<RequestMetrics>,
    pub event: AuditEvent,
}

impl Audited for Outcome {
    fn audit_event(&self) -> Option<&AuditEvent> {
        Some(&self.event)
    }
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportStatus {
    Completed,
    /// Complete, with some records set aside because they lack their id or start.
    CompletedWithRejects,
    /// All that the source returned is archived, but more of what was asked for is missing than the plan allows.
    CompletedWithGaps,
    Failed,
    Cancelled,
}

/// A failure and its place; without a slice, a failure of the export as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceFailure {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// The last page committed before the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_page: Option<u32>,
    #[serde(flatten)]
    pub failure: Failure,
}

/// `manifest.json`: the contents of the export, with every hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    #[serde(flatten)]
    pub outcome: Outcome,
    pub content: Content,
    /// Conversations that were requested by id and not returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Audited for Manifest {
    fn audit_event(&self) -> Option<&AuditEvent> {
        Some(&self.outcome.event)
    }
}

/// Metrics of a complete export. Rates are from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportMetrics {
    pub pages: u64,
    /// Number of lines; byte-identical repetitions are not counted.
    pub records: u64,
    /// Number of lines that repeat an earlier line byte for byte.
    #[serde(skip_serializing_if = "is_zero")]
    pub identical_lines: u64,
    /// Number of ids with more than one stored version.
    #[serde(skip_serializing_if = "is_zero")]
    pub ids_with_versions: u64,
    #[serde(flatten)]
    pub requests: RequestMetrics,
    /// The share of what was asked for that the export holds: conversations requested by id that have a record,
    /// conversations whose transcript has texts, or records that a gateway announced. `None` if the expected
    /// number is unknown.
    pub completeness: Option<f64>,
    /// Conversations that were requested by id and not returned.
    pub missing: u64,
    /// Pages of the longest slice.
    pub pagination_depth: u64,
    /// Number of redacted values in the texts.
    pub redactions: u64,
    /// Number of transcripts whose oldest messages were left out, as the request demands.
    #[serde(skip_serializing_if = "is_zero")]
    pub truncated: u64,
}

/// Requests for the pages of an export, and their rates, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestMetrics {
    #[serde(flatten)]
    pub effort: Effort,
    /// Successful requests among all requests; `None` if there were none.
    pub success_rate: Option<f64>,
    pub latency_mean_ms: Option<f64>,
    /// Pages from the cache among all pages.
    pub cache_hit_rate: Option<f64>,
}

/// The part of a manifest that depends only on the source's responses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    pub counts: Counts,
    pub stored_bytes: u64,
    /// Number of redacted values in the texts, by label.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub redactions: Tally,
    /// For transcripts: their number by status.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub statuses: Tally,
    /// `None` if each id is on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated: Option<RepeatedRecords>,
    pub slices: Vec<SliceContent>,
}

/// The pages of one slice, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceContent {
    pub slice: u32,
    #[serde(flatten)]
    pub range: SliceRange,
    pub counts: Counts,
    pub pages: Vec<PageEntry>,
}

/// One page: the run that committed it, and its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageEntry {
    pub run: u32,
    pub page: u32,
    pub counts: Counts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<PageObjects>,
}

impl ExportMetrics {
    pub fn of(content: &Content, effort: Effort, missing: u64, gaps: Gaps) -> Self {
        let depths = || content.slices.iter().map(|slice| slice.pages.len() as u64);
        let pages = depths().sum();
        let repeated = content.repeated.as_ref();
        Self {
            pages,
            records: content.records(),
            identical_lines: repeated.map_or(0, |repeated| repeated.identical_lines),
            ids_with_versions: repeated.map_or(0, |repeated| repeated.ids_with_versions),
            requests: RequestMetrics::of(effort, pages),
            completeness: gaps.completeness(),
            missing,
            pagination_depth: depths().max().unwrap_or_default(),
            redactions: content.redactions.total(),
            truncated: content.statuses.of(Status::Truncated.as_str()),
        }
    }
}

impl RequestMetrics {
    pub fn of(effort: Effort, pages: u64) -> Self {
        Self {
            effort,
            success_rate: rate(effort.answers, effort.answers + effort.repeats),
            latency_mean_ms: rate(effort.latency_ms, effort.answers),
            cache_hit_rate: rate(effort.cached, pages),
        }
    }
}

/// A rate rounded to four decimal places; `None` if `whole` is 0.
fn rate(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a figure for display")]
    let rate = part as f64 / whole as f64;
    (whole > 0).then(|| (rate * 1e4).round() / 1e4)
}

impl Content {
    /// Number of records: lines without byte-identical repetitions.
    pub fn records(&self) -> u64 {
        let repeated = self.repeated.as_ref();
        let identical = repeated.map_or(0, |repeated| repeated.identical_lines);
        // A valid manifest has no more repeated lines than lines; `verify` reports an invalid one.
        self.counts.archived.saturating_sub(identical)
    }

    /// Number of distinct ids.
    pub fn distinct_ids(&self) -> u64 {
        let repeated = self.repeated.as_ref();
        repeated.map_or(self.counts.archived, |repeated| repeated.distinct_ids)
    }

    /// Number of records received, where those with the same id count once.
    pub(crate) fn distinct_received(&self) -> u64 {
        // As in `records`: a valid manifest has no more ids than lines, and no more lines than received records.
        let repetitions = self.counts.archived.saturating_sub(self.distinct_ids());
        self.counts.received.saturating_sub(repetitions)
    }
}

impl Outcome {
    /// Number of records, as in the metrics of a complete export; otherwise the number of lines committed so far.
    pub fn records(&self) -> u64 {
        let records = self.metrics.map(|metrics| metrics.records);
        records.unwrap_or(self.totals.counts.archived)
    }

    /// The object that stores the outcome.
    pub fn object_key(&self) -> ObjectKey<'_> {
        match self.status {
            ExportStatus::Completed
            | ExportStatus::CompletedWithRejects
            | ExportStatus::CompletedWithGaps => ObjectKey::Manifest(&self.export_id),
            ExportStatus::Cancelled => ObjectKey::Cancelled(&self.export_id),
            ExportStatus::Failed => ObjectKey::Failed(&self.export_id, self.attempt),
        }
    }
}

impl ExportStatus {
    /// Whether the export has a manifest.
    pub fn is_complete(self) -> bool {
        match self {
            Self::Completed | Self::CompletedWithRejects | Self::CompletedWithGaps => true,
            Self::Failed | Self::Cancelled => false,
        }
    }

    /// The event type of the webhook.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Completed | Self::CompletedWithRejects | Self::CompletedWithGaps => {
                "export.completed"
            }
            Self::Failed => "export.failed",
            Self::Cancelled => "export.cancelled",
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::CompletedWithRejects => "completed_with_rejects",
            Self::CompletedWithGaps => "completed_with_gaps",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
