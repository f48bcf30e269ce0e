//! Runs: a chain of pages read from one job or query, its start and its end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::failure::Failure;
use crate::base::format::FormatVersion;
use crate::base::ids::RunId;
use crate::export::audit::{AuditEvent, Audited};
use crate::export::totals::Totals;

/// The relation of a run to the earlier runs of its slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Origin {
    /// The slice's first run.
    First,
    /// Same job or query: that run's pages up to `after_page` count, and this run continues after them.
    Continues { run: u32, after_page: u32 },
    /// The job or query was lost: that run's pages are superseded, and this run starts again.
    Replaces { run: u32 },
}

impl Origin {
    /// The number of the first page that a run of this origin reads itself.
    pub(crate) fn first_page(self) -> u32 {
        match self {
            Self::First | Self::Replaces { .. } => 1,
            Self::Continues { after_page, .. } => after_page + 1,
        }
    }
}

/// `run.json`: the commit point of a job submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: RunId,
    pub origin: Origin,
    /// The asynchronous job, for sources that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The gateway's query, for sources that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    /// Time up to which the API's data was complete when the job was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Audited for RunRecord {}

/// `end.json`: the end of a run. The first writer wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEnd {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: RunId,
    pub end: End,
    /// The last page that counts; 0 if there is none.
    pub last_page: u32,
    pub totals: Totals,
    /// The run's job, if it had one, so that it can be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    pub event: AuditEvent,
}

impl Audited for RunEnd {
    fn audit_event(&self) -> Option<&AuditEvent> {
        Some(&self.event)
    }
}

/// The ways in which a run ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum End {
    Complete,
    Failed {
        failure: Failure,
    },
    /// The job or query was lost; the successor's first message must be sent.
    Replaced {
        successor: u32,
        reason: String,
    },
    Cancelled,
}
