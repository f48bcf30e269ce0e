//! The epoch of a stream: which process holds it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::ids::{StreamName, WriterId};
use crate::export::audit::Audited;

/// `epoch-{epoch}.json`. The process with the highest epoch holds the stream; each earlier one ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Epoch {
    pub format_version: FormatVersion,
    pub stream: StreamName,
    /// Counted from 1.
    pub epoch: u64,
    pub writer: WriterId,
    pub started_at: Timestamp,
}

/// `epoch-{epoch}-ended.json`. A process that was killed leaves none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedEpoch {
    pub format_version: FormatVersion,
    pub stream: StreamName,
    pub epoch: u64,
    pub writer: WriterId,
    /// Everything that was sent until then is in a frame record, or in the time of a recorded gap. `None` if the process
    /// has heard nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_until: Option<Timestamp>,
    pub ended_at: Timestamp,
}

impl Audited for Epoch {}
impl Audited for EndedEpoch {}
