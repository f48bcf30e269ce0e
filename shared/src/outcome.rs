//! Outcomes: how an attempt at an export ended. Only the manifest means complete.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::AuditEvent;
use crate::failure::Failure;
use crate::format::FormatVersion;
use crate::hash::Sha256;
use crate::ids::ExportId;
use crate::objects::Name;
use crate::page::Counts;
use crate::page_record::PageObjects;
use crate::plan::{Residency, SliceRange};
use crate::request::SourceKind;
use crate::time::Interval;
use crate::totals::Totals;

/// `failed-{n}.json` and `cancelled.json`, and the head of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub status: ExportStatus,
    pub attempt: u32,
    pub source: SourceKind,
    pub interval: Interval,
    /// The gateway's query that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    pub totals: Totals,
    pub residency: Residency,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<SliceFailure>,
    /// The hash of each slice's last event.
    pub audit_heads: Vec<Sha256>,
    pub event: AuditEvent,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportStatus {
    Completed,
    /// Complete, and some records were kept aside because they lack their id or start.
    CompletedWithRejects,
    Failed,
    Cancelled,
}

/// What went wrong where; without a slice, in the export as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceFailure {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// The last page that was committed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_page: Option<u32>,
    #[serde(flatten)]
    pub failure: Failure,
}

/// `manifest.json`: what is in the export, with every hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    #[serde(flatten)]
    pub outcome: Outcome,
    pub content: Content,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The part of a manifest that depends on the source's answers alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    pub counts: Counts,
    pub stored_bytes: u64,
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

/// One page: the run that committed it and its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageEntry {
    pub run: u32,
    pub page: u32,
    pub counts: Counts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<PageObjects>,
}

impl Outcome {
    /// Where it is stored.
    pub fn name(&self) -> Name<'_> {
        match self.status {
            ExportStatus::Completed | ExportStatus::CompletedWithRejects => {
                Name::Manifest(&self.export_id)
            }
            ExportStatus::Cancelled => Name::Cancelled(&self.export_id),
            ExportStatus::Failed => Name::Failed(&self.export_id, self.attempt),
        }
    }
}

impl ExportStatus {
    /// Whether there is a manifest.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Completed | Self::CompletedWithRejects)
    }

    /// The webhook's type.
    pub fn event(self) -> &'static str {
        match self {
            Self::Completed | Self::CompletedWithRejects => "export.completed",
            Self::Failed => "export.failed",
            Self::Cancelled => "export.cancelled",
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::CompletedWithRejects => "completed_with_rejects",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
