//! The marker of an export that is not ended: what sweep-exports goes by.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::FormatVersion;
use crate::hash::Sha256;
use crate::ids::ExportId;
use crate::request::ExportRequest;

/// `open/{id}`. Overwritten by sweeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenMarker {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub since: Timestamp,
    /// The request that is to be started, until its export is planned. Its scheduled time is set, so that the interval and the ids
    /// stay the same however late it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<ExportRequest>>,
    /// The number of times in a row that messages were sent again while the export stood where `standing` says.
    #[serde(default)]
    pub fruitless_sweeps: u32,
    /// When that was done last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_again_at: Option<Timestamp>,
    /// Where the export stood at the last sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Sha256>,
}

impl OpenMarker {
    pub fn new(export_id: ExportId, since: Timestamp) -> Self {
        Self {
            format_version: FormatVersion,
            export_id,
            since,
            request: None,
            fruitless_sweeps: 0,
            sent_again_at: None,
            standing: None,
        }
    }
}
