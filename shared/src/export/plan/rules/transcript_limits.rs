//! Rules for the fields of a request that limit each transcript.

use std::ops::RangeInclusive;

use crate::export::request::{ExportRequest, InvalidRequest, SourceKind};
use crate::records::transcript::Limits;

/// Largest number of messages that a request may ask to keep.
const MAX_CONTEXT_WINDOW: u64 = 1_000_000;

/// Checks `contextWindow` and `maxTranscriptBytes`, which apply to transcripts only.
pub(in crate::export::plan) fn check_transcript_limits(
    request: &ExportRequest,
) -> Result<(), InvalidRequest> {
    let fields = [
        (
            "contextWindow",
            request.context_window,
            1..=MAX_CONTEXT_WINDOW,
        ),
        (
            "maxTranscriptBytes",
            request.max_transcript_bytes,
            1..=Limits::NONE.max_transcript_bytes,
        ),
    ];
    for (field, value, accepted) in fields {
        if let Some(value) = value {
            check(request, field, value, &accepted)?;
        }
    }
    Ok(())
}

fn check(
    request: &ExportRequest,
    field: &'static str,
    value: u64,
    accepted: &RangeInclusive<u64>,
) -> Result<(), InvalidRequest> {
    if request.source != SourceKind::Transcripts && request.include.is_empty() {
        let rule = "only transcripts are limited: the source transcripts, or an export that includes transcripts";
        return Err(InvalidRequest::new(field, value, rule));
    }
    if accepted.contains(&value) {
        return Ok(());
    }
    let rule = format!("expected {} to {}", accepted.start(), accepted.end());
    Err(InvalidRequest::new(field, value, rule))
}
