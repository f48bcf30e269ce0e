//! The marker of an export that has not ended. sweep-exports finds open exports by their markers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::ExportId;
use crate::export::request::ExportRequest;

/// `open/{id}`. Overwritten by sweeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenMarker {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub since: Timestamp,
    /// The accepted request, until its export is planned. Its scheduled time is set, so that a late start does not
    /// change the interval and the ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<ExportRequest>>,
    /// Number of consecutive times that messages were sent again while the export's standing was `standing`.
    #[serde(default)]
    pub fruitless_sweeps: u32,
    /// Time of the last such send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_again_at: Option<Timestamp>,
    /// Digest of the export's standing at the last sweep.
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
