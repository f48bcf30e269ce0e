//! The time range of the organisation's data: the newest and the oldest that can be exported.

use std::time::Duration;

use conversation_archive::base::time::elapsed;
use conversation_archive::genesys::Call;
use conversation_archive::genesys::wire::DataRetention;
use jiff::Timestamp;

use super::{Api, Finding};
use crate::figures::time;
use crate::problem::full_message;

/// A data lake that lags more than this is a matter for the vendor.
const MAX_LAG: Duration = Duration::from_hours(24);

const RETENTION: &str = "/api/v2/analytics/dataretention/settings";
const RETENTION_VIEW: &str = "analytics:dataRetention:view";

/// Reports up to when the job API can export, and the consequence for a schedule.
pub(super) fn watermark_finding(watermark: Timestamp, now: Timestamp) -> Finding {
    let lag = elapsed(watermark, now);
    let what = format!(
        "data is complete up to {watermark:.0} ({} ago); a daily export of the previous day waits until about {} after midnight UTC",
        time(lag),
        time(lag),
    );
    if lag > MAX_LAG {
        Finding::warning("watermark", what)
            .fix("exports wait for the data for up to WATERMARK_DEADLINE_HOURS; report a lag of more than a day to the vendor's support")
    } else {
        Finding::ok("watermark", what)
    }
}

/// Reports how long the organisation keeps conversations.
pub(super) async fn check_retention(api: &Api) -> Finding {
    match api.request::<DataRetention>(&Call::get(RETENTION)).await {
        Ok(reply) => match reply.value.retention_days {
            Some(days) => Finding::ok(
                "retention",
                format!(
                    "conversations are kept for {days} days; requests for older ones are refused"
                ),
            ),
            None => Finding::ok("retention", "the organisation sets no limit"),
        },
        Err(error) if error.status() == Some(403) => Finding::warning(
            "retention",
            "the client may not read it, so no limit is assumed",
        )
        .fix(format!(
            "grant {RETENTION_VIEW}, or set ARCHIVE_RETENTION_DAYS"
        )),
        Err(error) => Finding::warning("retention", full_message(error))
            .fix("set ARCHIVE_RETENTION_DAYS if the organisation has a limit"),
    }
}
