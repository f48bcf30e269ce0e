//! The small reads: how far the data lake is, and how long data is kept.

use jiff::Timestamp;
use serde_json::json;

use super::answer::{Answer, ApiError};

pub(crate) fn availability(watermark: Timestamp) -> Answer {
    Answer::json(
        200,
        &json!({ "dataAvailabilityDate": whole_seconds(watermark) }),
    )
}

pub(crate) fn retention(days: Option<u32>) -> Result<Answer, ApiError> {
    let days = days.ok_or_else(|| {
        let message = "Unable to perform the requested action. You are missing the following permission(s): analytics:dataRetention:view";
        ApiError::new(403, "missing.permissions", message)
    })?;
    let changed = "2025-01-07T09:00:00.000Z";
    Ok(Answer::json(
        200,
        &json!({ "retentionDays": days, "dateCreated": changed, "dateModified": changed }),
    ))
}

/// The one date of the API that has no milliseconds.
pub(crate) fn whole_seconds(time: Timestamp) -> String {
    format!(
        "{:.0}",
        Timestamp::from_second(time.as_second()).unwrap_or(time)
    )
}
