//! The report on intact live objects.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::super::SignatureReport;
use crate::base::ids::{ExportId, StreamName};
use crate::export::live_coverage::{GapReason, LiveGapSpan};
use crate::export::outcome::ExportStatus;

/// The contents of intact live objects, by stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveReport {
    pub streams: Vec<StreamReport>,
    /// Of day seals, and of the exports that gaps and day seals name.
    pub signatures: SignatureReport,
}

/// The contents of a stream, in the days that were checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamReport {
    pub stream: StreamName,
    /// The first day of arrival with frame records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// Number of days with frame records.
    pub days: u64,
    pub records: u64,
    /// Number of lines of frame objects.
    pub frames: u64,
    /// Number of frames that differ from all others of the same day in their identity.
    pub distinct_frames: u64,
    /// Number of texts that were received and are no frames.
    pub quarantined: u64,
    /// Of frame objects and frame indexes.
    pub stored_bytes: u64,
    /// Number of chains of frame records.
    pub writers: u64,
    /// Number of processes that have held the stream; each but the newest is superseded.
    pub epochs: u64,
    pub sealed_days: u64,
    /// Days with frame records and without a seal.
    pub unsealed_days: Vec<Date>,
    pub open_gaps: Vec<OpenLiveGap>,
    pub closed_gaps: Vec<ClosedLiveGap>,
    /// Keys that no document names: left behind by a crash, about to be named by a running writer, or not written by this
    /// program.
    pub orphans: Vec<String>,
}

/// A live gap without a complete export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenLiveGap {
    #[serde(flatten)]
    pub span: LiveGapSpan,
    pub reason: GapReason,
    /// The code with which the server closed the connection, if it sent one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    pub recorded_at: Timestamp,
}

/// A live gap that an export closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosedLiveGap {
    #[serde(flatten)]
    pub span: LiveGapSpan,
    pub export_id: ExportId,
    pub status: ExportStatus,
    pub conversations: u64,
    pub unheard: u64,
}

impl StreamReport {
    pub(super) fn new(stream: StreamName) -> Self {
        Self {
            stream,
            first_day: None,
            last_day: None,
            days: 0,
            records: 0,
            frames: 0,
            distinct_frames: 0,
            quarantined: 0,
            stored_bytes: 0,
            writers: 0,
            epochs: 0,
            sealed_days: 0,
            unsealed_days: Vec::new(),
            open_gaps: Vec::new(),
            closed_gaps: Vec::new(),
            orphans: Vec::new(),
        }
    }
}
