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

impl Audited for Epoch {}
