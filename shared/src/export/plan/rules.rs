//! Rules for a request that need only the current time and the limits.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    ExportRequest, Interval, InvalidRequest, Membership, OnBadRecord, PlanLimits, SourceKind,
    format_timestamp,
};
use crate::base::ids::{ExportId, is_uuid};
use crate::base::json::message_body;
use crate::base::time::{earlier, later};
use crate::export::request::HistoryForm;
use crate::records::page::Projection;
use crate::records::transcript::is_id;

mod sessions;
mod transcript_limits;
mod transcript_media;

pub(super) use sessions::check_sessions;
pub(super) use transcript_limits::check_transcript_limits;
pub(super) use transcript_media::check_media;

pub(super) fn check_end(interval: Interval, now: Timestamp) -> Result<(), InvalidRequest> {
    let latest = later(now, Duration::from_hours(24));
    if interval.end() <= latest {
        return Ok(());
    }
    let rule = format!(
        "the end is more than 24 hours in the future; the latest end is currently {}",
        format_timestamp(latest)
    );
    Err(InvalidRequest::new("interval", interval, rule))
}

pub(super) fn check_retention(
    interval: Interval,
    now: Timestamp,
    days: u32,
) -> Result<(), InvalidRequest> {
    let retention = Duration::from_hours(24 * u64::from(days));
    let earliest = earlier(now, retention);
    if earliest <= interval.start() {
        return Ok(());
    }
    let rule = format!(
        "conversations are kept for {days} days; the earliest start is currently {}",
        format_timestamp(earliest)
    );
    Err(InvalidRequest::new("interval", interval, rule))
}

/// Refuses `activity` for windowed queries: a conversation that is active in two windows would be stored twice.
pub(super) fn check_membership(request: &ExportRequest) -> Result<(), InvalidRequest> {
    if request.membership == Membership::Start {
        return Ok(());
    }
    if request.source == SourceKind::Transcripts {
        let rule = "transcripts are fetched for the listed conversations; omit the field";
        return Err(InvalidRequest::new("membership", "activity", rule));
    }
    if request.source != SourceKind::AnalyticsQuery {
        return Ok(());
    }
    let rule = "the source analytics-query reads in windows and supports only `start`; analytics-job supports both";
    Err(InvalidRequest::new("membership", "activity", rule))
}

/// Refuses name lookups except for normalized analytics records; other records are stored unchanged.
pub(super) fn check_names(request: &ExportRequest) -> Result<(), InvalidRequest> {
    let has_names = request.records == Projection::Normalized && request.source.is_analytics();
    if !request.lookup_names || has_names {
        return Ok(());
    }
    let rule = "names are looked up only for `normalized` records of analytics sources";
    Err(InvalidRequest::new("lookupNames", true, rule))
}

/// The export that the conversation ids are taken from.
pub(super) fn check_from_export(
    request: &ExportRequest,
) -> Result<Option<ExportId>, InvalidRequest> {
    let Some(id) = &request.from_export else {
        return Ok(None);
    };
    let refused = |rule: &str| InvalidRequest::new("fromExport", id, rule);
    if request.source != SourceKind::Transcripts {
        return Err(refused(
            "only the source transcripts can use an earlier export",
        ));
    }
    if !request.filters.is_empty() {
        return Err(refused(
            "omit the filters: all conversations of that export are used",
        ));
    }
    let id = id
        .parse()
        .map_err(|_| refused("1 to 64 letters, digits, `-` or `_`"))?;
    Ok(Some(id))
}

/// Refuses `include` for transcripts: a companion export covers the conversations of an export.
pub(super) fn check_include(request: &ExportRequest) -> Result<(), InvalidRequest> {
    if request.include.is_empty() || request.source != SourceKind::Transcripts {
        return Ok(());
    }
    let rule = "the source transcripts cannot include transcripts; omit the field";
    Err(InvalidRequest::new("include", "transcripts", rule))
}

/// Refuses a share over 100 percent.
pub(super) fn check_max_gap(request: &ExportRequest) -> Result<(), InvalidRequest> {
    match request.max_gap_percent {
        Some(percent @ 101..) => Err(InvalidRequest::new(
            "maxGapPercent",
            percent,
            "0 to 100 (percent of what is asked for)",
        )),
        _ => Ok(()),
    }
}

/// Refuses `onBadRecord: fail` for transcripts: an unavailable transcript is stored with a status.
pub(super) fn check_bad_records(request: &ExportRequest) -> Result<(), InvalidRequest> {
    let fails = request.on_bad_record == OnBadRecord::Fail;
    if request.source != SourceKind::Transcripts || !fails {
        return Ok(());
    }
    let rule = "transcripts that cannot be fetched are recorded with their status; omit the field";
    Err(InvalidRequest::new("onBadRecord", "fail", rule))
}

/// Checks that transcripts use the record type `transcript`, and that no other source does.
pub(super) fn check_records(request: &ExportRequest) -> Result<(), InvalidRequest> {
    let are_transcripts = request.source == SourceKind::Transcripts;
    if are_transcripts && !request.is_lookup() && !request.is_by_session() {
        let rule = "the source transcripts requires filters.conversationIds or fromExport, and accepts no interval; or, of a gateway, filters.sessionIds and an interval";
        return Err(InvalidRequest::new("source", request.source, rule));
    }
    let rule = match request.records {
        Projection::Transcript if !are_transcripts => {
            "only the source transcripts has these records"
        }
        Projection::Minimal | Projection::Full | Projection::Normalized if are_transcripts => {
            "the source transcripts supports only the records `transcript`; omit the field"
        }
        _ => return Ok(()),
    };
    Err(InvalidRequest::new("records", request.records, rule))
}

/// A request body of the API is limited to 512,000 bytes (the page of limits that `genesys/pace.rs` cites); a filter
/// with one value takes about 120 bytes.
const MAX_FILTER_VALUES: usize = 3_000;

/// The plan holds the values of each filter as JSON, and an object of the archive has at most 256 MiB. Enough for five
/// million ids.
const MAX_FILTER_BYTES: usize = 200_000_000;

/// Checks that the source supports these filters and that their values are well-formed. `interval` is that of the
/// plan, for requests that have one.
pub(super) fn check_filters(
    request: &ExportRequest,
    interval: Interval,
    limits: &PlanLimits,
) -> Result<(), InvalidRequest> {
    let (source, filters) = (request.source, &request.filters);
    let non_empty = filters.non_empty();
    check_length(&non_empty, MAX_FILTER_BYTES)?;
    if source == SourceKind::HistoryGateway {
        let requested = request.interval.as_ref().map(|_| interval);
        return limits.history_form.check(filters, requested);
    }
    let supported = supported_filters(source, limits.history_form);
    if let Some((name, value)) = non_empty.iter().find(|(name, _)| !supported.contains(name)) {
        let rule = format!(
            "the source {source} supports only the filters {}",
            supported.join(", ")
        );
        return Err(InvalidRequest::new(format!("filters.{name}"), value, rule));
    }
    if source == SourceKind::Transcripts {
        let rule = "expected an id of up to 100 letters, digits, `-`, `_` and `.`";
        check_values("conversationIds", &filters.conversation_ids, is_id, rule)?;
        return check_values("sessionIds", &filters.session_ids, is_id, rule);
    }
    if !source.is_analytics() {
        return Ok(());
    }
    let ids = [
        ("conversationIds", &filters.conversation_ids),
        ("participantIds", &filters.participant_ids),
        ("queueIds", &filters.queue_ids),
    ];
    for (name, list) in ids {
        check_values(
            name,
            list,
            is_uuid,
            "expected an id of 36 characters, such as 0f8fad5b-d9cb-469f-a165-70867728950e",
        )?;
    }
    let is_direction = |value: &str| matches!(value, "inbound" | "outbound");
    check_values(
        "directions",
        &filters.directions,
        is_direction,
        "inbound or outbound",
    )?;
    let values: usize = non_empty
        .iter()
        .map(|(_, value)| value.split(", ").count())
        .sum();
    // Ids of a lookup are requested in batches.
    if values <= MAX_FILTER_VALUES || request.is_lookup() {
        return Ok(());
    }
    let rule = format!("at most {MAX_FILTER_VALUES} fit into one request; use several exports");
    Err(InvalidRequest::new(
        "filters",
        format!("{values} values"),
        rule,
    ))
}

/// Checks that the filter values fit into the plan.
fn check_length(non_empty: &[(&str, String)], max_bytes: usize) -> Result<(), InvalidRequest> {
    let too_long = non_empty.iter().find_map(|(name, value)| {
        let size = message_body(value).map_or(usize::MAX, |json| json.len());
        (size > max_bytes).then_some((name, size))
    });
    let Some((name, bytes)) = too_long else {
        return Ok(());
    };
    let rule = format!("at most {max_bytes} fit into a plan; use several exports");
    Err(InvalidRequest::new(
        format!("filters.{name}"),
        format!("{bytes} bytes long"),
        rule,
    ))
}

/// The filters that a source supports.
fn supported_filters(source: SourceKind, history_form: HistoryForm) -> &'static [&'static str] {
    match source {
        SourceKind::AnalyticsJob | SourceKind::AnalyticsQuery => &[
            "conversationIds",
            "participantIds",
            "mediaTypes",
            "messageTypes",
            "queueIds",
            "directions",
        ],
        SourceKind::ExportGateway => &["conversationIdRange"],
        SourceKind::Transcripts => &["conversationIds", "sessionIds"],
        SourceKind::HistoryGateway => history_form.filters(),
    }
}

fn check_values(
    name: &str,
    values: &[String],
    is_valid: impl Fn(&str) -> bool,
    rule: &str,
) -> Result<(), InvalidRequest> {
    match values.iter().position(|value| !is_valid(value)) {
        Some(index) => Err(InvalidRequest::new(
            format!("filters.{name}[{index}]"),
            &values[index],
            rule,
        )),
        None => Ok(()),
    }
}

pub(super) fn page_size(
    request: &ExportRequest,
    limits: &PlanLimits,
) -> Result<u32, InvalidRequest> {
    let (max, setting) = match request.source {
        SourceKind::AnalyticsJob => (limits.job_page_size_max, " (GENESYS_JOB_PAGE_SIZE_MAX)"),
        SourceKind::AnalyticsQuery => {
            (limits.query_page_size_max, " (GENESYS_QUERY_PAGE_SIZE_MAX)")
        }
        SourceKind::ExportGateway => (limits.gateway_page_size_max, " (GATEWAY_PAGE_SIZE_MAX)"),
        SourceKind::HistoryGateway => (
            limits.history_form.page_size_max(),
            " (GATEWAY_HISTORY_FORM)",
        ),
        SourceKind::Transcripts => (limits.transcript_page_size_max, ""),
    };
    let size = request.page_size.unwrap_or(max);
    if (1..=max).contains(&size) {
        return Ok(size);
    }
    Err(InvalidRequest::new(
        "pageSize",
        size,
        format!("{} supports 1 to {max}{setting}", request.source),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_too_long_for_a_plan_are_refused_by_name() {
        let non_empty = [
            ("mediaTypes", "voice".to_owned()),
            ("conversationIds", "abcdef".to_owned()),
        ];

        assert_eq!(check_length(&non_empty, 8), Ok(()));
        assert_eq!(
            check_length(&non_empty, 7).unwrap_err().to_string(),
            "`filters.conversationIds` is 8 bytes long: at most 7 fit into a plan; use several exports"
        );
    }
}
