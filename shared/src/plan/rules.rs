//! The rules for a request that need nothing but the clock and the limits.

use jiff::{SignedDuration, Timestamp};

use super::{ExportRequest, Filters, Interval, PlanLimits, Refusal, SourceKind, millis};

pub(super) fn check_end(interval: Interval, now: Timestamp) -> Result<(), Refusal> {
    let latest = now
        .saturating_add(SignedDuration::from_hours(24))
        .unwrap_or(Timestamp::MAX);
    if interval.end() <= latest {
        return Ok(());
    }
    let rule = format!(
        "the end lies more than 24 hours ahead; the latest now is {}",
        millis(latest)
    );
    Err(Refusal::new("interval", interval, rule))
}

pub(super) fn check_retention(
    interval: Interval,
    now: Timestamp,
    days: Option<u32>,
) -> Result<(), Refusal> {
    let Some(days) = days else { return Ok(()) };
    let kept = SignedDuration::from_hours(24 * i64::from(days));
    let earliest = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    if earliest <= interval.start() {
        return Ok(());
    }
    let rule = format!(
        "conversations are kept {days} days; the earliest start now is {}",
        millis(earliest)
    );
    Err(Refusal::new("interval", interval, rule))
}

pub(super) fn check_filters(source: SourceKind, filters: &Filters) -> Result<(), Refusal> {
    let refused =
        |field, value: &dyn std::fmt::Display, rule: &str| Err(Refusal::new(field, value, rule));
    match source {
        SourceKind::AnalyticsJob => match &filters.conversation_id_range {
            Some(range) => refused(
                "filters.conversationIdRange",
                &format_args!("{}..{}", range.min, range.max),
                "only the source export-gateway filters by a range of ids",
            ),
            None => Ok(()),
        },
        SourceKind::ExportGateway => {
            let lists = [
                ("filters.conversationIds", &filters.conversation_ids),
                ("filters.participantIds", &filters.participant_ids),
                ("filters.mediaTypes", &filters.media_types),
                ("filters.messageTypes", &filters.message_types),
                ("filters.queueIds", &filters.queue_ids),
            ];
            match lists.into_iter().find(|(_, list)| !list.is_empty()) {
                Some((field, list)) => refused(
                    field,
                    &list.join(", "),
                    "the source export-gateway filters only by filters.conversationIdRange",
                ),
                None => Ok(()),
            }
        }
    }
}

pub(super) fn page_size(request: &ExportRequest, limits: &PlanLimits) -> Result<u32, Refusal> {
    let (max, setting) = match request.source {
        SourceKind::AnalyticsJob => (limits.job_page_size_max, "GENESYS_JOB_PAGE_SIZE_MAX"),
        SourceKind::ExportGateway => (limits.gateway_page_size_max, "GATEWAY_PAGE_SIZE_MAX"),
    };
    let size = request.page_size.unwrap_or(max);
    if (1..=max).contains(&size) {
        return Ok(size);
    }
    Err(Refusal::new(
        "pageSize",
        size,
        format!("{} takes 1 to {max} ({setting})", request.source),
    ))
}
