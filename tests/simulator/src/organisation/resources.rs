//! The small endpoints: the availability date of the data lake, and the retention settings.

use jiff::Timestamp;
use serde_json::json;

use super::response::ApiResponse;

pub(crate) fn availability(watermark: Timestamp) -> ApiResponse {
    ApiResponse::json(
        200,
        &json!({ "dataAvailabilityDate": whole_seconds(watermark) }),
    )
}

/// The API's response where no maximum is set is unverified; here the field is absent.
pub(crate) fn retention(days: Option<u32>) -> ApiResponse {
    let changed = "2025-01-07T09:00:00.000Z";
    let mut body = json!({ "dateCreated": changed, "dateModified": changed });
    if let Some(days) = days {
        body["retentionDays"] = json!(days);
    }
    ApiResponse::json(200, &body)
}

/// The only date of the API without milliseconds.
pub(crate) fn whole_seconds(time: Timestamp) -> String {
    format!(
        "{:.0}",
        Timestamp::from_second(time.as_second()).unwrap_or(time)
    )
}
