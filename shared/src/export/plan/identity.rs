//! The identity of the export that a request is for.

use jiff::Timestamp;

use super::{ExportRequest, Interval, InvalidRequest, Sha256};
use crate::base::ids::ExportId;
use crate::base::time::format_timestamp;

/// The identity of the export that a request is for. It is known before any rule is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportIdentity {
    pub export_id: ExportId,
    pub query_hash: Sha256,
    pub interval: Interval,
}

impl ExportIdentity {
    pub fn of(request: &ExportRequest, scheduled_time: Timestamp) -> Result<Self, InvalidRequest> {
        let interval = match &request.interval {
            Some(interval) => interval.resolve(scheduled_time)?,
            None => interval_until(request, scheduled_time)?,
        };
        let query_hash = request.fingerprint(interval);
        let export_id = export_id(request, interval, query_hash)?;
        Ok(Self {
            export_id,
            query_hash,
            interval,
        })
    }
}

/// The interval of a request without one: from the Unix epoch to the scheduled time. Only lookups by id may omit it.
fn interval_until(
    request: &ExportRequest,
    scheduled_time: Timestamp,
) -> Result<Interval, InvalidRequest> {
    if !request.is_lookup() {
        let rule = "expected \"start/end\" or {\"last\": \"P1D\"}; only analytics-query and transcripts with filters.conversationIds and no other filter, and history-gateway with filters.conversationIds, need no interval";
        return Err(InvalidRequest::new("interval", "missing", rule));
    }
    Interval::new(Timestamp::UNIX_EPOCH, scheduled_time).map_err(|error| {
        InvalidRequest::new(
            "scheduledTime",
            format_timestamp(scheduled_time),
            error.to_string(),
        )
    })
}

/// The requested id, or a descriptive one that differs for different requests.
fn export_id(
    request: &ExportRequest,
    interval: Interval,
    query_hash: Sha256,
) -> Result<ExportId, InvalidRequest> {
    let text = request.export_id.clone().unwrap_or_else(|| {
        let day = crate::export::objects::audit_day(interval.start())
            .strftime("%Y%m%d")
            .to_string();
        format!("{}-{day}-{}", request.source, query_hash.short(12))
    });
    let refusal = |_| InvalidRequest::new("exportId", &text, "1 to 64 letters, digits, `-` or `_`");
    text.parse().map_err(refusal)
}
