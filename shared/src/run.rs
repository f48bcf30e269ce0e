//! Runs: a chain of pages read from one job or query, how it began and how it ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::AuditEvent;
use crate::failure::Failure;
use crate::format::FormatVersion;
use crate::ids::RunId;
use crate::totals::Totals;

/// How a run relates to the runs before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Origin {
    /// The slice's first run.
    First,
    /// Same job or query: that run's pages up to `after_page` count, and this one goes on behind them.
    Continues { run: u32, after_page: u32 },
    /// The job or query was lost: that run's pages are superseded, and this one begins anew.
    Replaces { run: u32 },
}

impl Origin {
    /// The number of the first page that a run of this origin reads itself.
    pub fn first_page(self) -> u32 {
        match self {
            Self::First | Self::Replaces { .. } => 1,
            Self::Continues { after_page, .. } => after_page + 1,
        }
    }
}

/// `run.json`: the commit point of a job's submission.
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
    /// Up to where the API's data was complete when the job was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// `end.json`: how a run ended. Who writes it first decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEnd {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: RunId,
    pub end: End,
    /// The last page that counts, 0 when there is none.
    pub last_page: u32,
    pub totals: Totals,
    /// Known when the run had a job: for deleting it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    pub event: AuditEvent,
}

/// The ways in which a run ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum End {
    Complete,
    Failed {
        failure: Failure,
    },
    /// Lost its job or query; the successor's first message is owed.
    Replaced {
        successor: u32,
        reason: String,
    },
    Cancelled,
}
