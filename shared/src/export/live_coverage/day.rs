//! The seal of a day of a stream: what was stored, and what is known to be missing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::LiveGapSpan;
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::{ConversationId, ExportId, StreamName};
use crate::export::audit::Audited;
use crate::records::live::FrameCounts;
use crate::records::redaction::Tally;

/// The ids that a seal lists; the rest are counted.
const LISTED_IDS: usize = 1_000;

/// `days/YYYY-MM-DD.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DaySeal {
    pub format_version: FormatVersion,
    pub stream: StreamName,
    pub day: Date,
    /// The frame records that arrived in the day, sorted by key.
    pub records: Vec<SealedRecord>,
    /// Number of damaged records, which the figures leave out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    #[serde(flatten)]
    pub figures: DayFigures,
    /// The gaps that begin in the day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<ListedGap>,
    pub conversations_heard: u64,
    pub not_ended: NotEnded,
    /// The complete export that covers the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<ExportId>,
    /// Number of its conversations that no frame of the day names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard: Option<u64>,
    pub sealed_at: Timestamp,
}

/// Sums over the frame records of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayFigures {
    pub counts: FrameCounts,
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub topics: Tally,
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub redactions: Tally,
}

/// A frame record of a sealed day, with the digest of its stored bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SealedRecord {
    pub key: String,
    pub sha256: Sha256,
}

/// A gap in a seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedGap {
    #[serde(flatten)]
    pub span: LiveGapSpan,
    /// The export that closed it; `None` while the gap is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_id: Option<ExportId>,
}

/// The conversations that frames name and no export of an end has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotEnded {
    pub count: u64,
    /// The first of them, sorted.
    pub ids: Vec<ConversationId>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Audited for DaySeal {}

impl NotEnded {
    pub fn of(ids: &BTreeSet<ConversationId>) -> Self {
        Self {
            count: ids.len() as u64,
            ids: ids.iter().take(LISTED_IDS).cloned().collect(),
        }
    }

    /// Whether the ids are the first ones of that many, sorted.
    pub fn is_consistent(&self) -> bool {
        let listed = self.count.min(LISTED_IDS as u64);
        self.ids.len() as u64 == listed && self.ids.is_sorted_by(|one, next| one < next)
    }
}
