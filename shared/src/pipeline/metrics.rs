//! Metrics in CloudWatch's embedded metric format: lines on standard output. They need no API call and no
//! permission.
//!
//! Recorded where they are measured and written only by [`crate::runtime::telemetry::init_lambda`]; the command line
//! discards them. Each has one dimension, the stack, so that each is billed as one metric. A step that runs twice is
//! counted twice, unless it was committed only once. Alarms and dashboard of the template use exactly these metrics.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::base::time::saturating_millis;
use crate::genesys::StatsSnapshot;

/// Namespace of all metrics.
pub const NAMESPACE: &str = "ConversationArchive";

/// The only dimension.
pub const DIMENSION: &str = "Stack";

/// Tracing target of metrics events.
pub(crate) const TARGET: &str = "conversation_archive::metrics";

/// Units, in CloudWatch's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Bytes,
    Milliseconds,
}

/// A metric: its name, unit and description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub unit: Unit,
    pub meaning: &'static str,
}

const fn metric(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric {
        name,
        unit,
        meaning,
    }
}

pub const EXPORTS_STARTED: Metric = metric("ExportsStarted", Unit::Count, "exports planned");
pub(crate) const EXPORTS_COMPLETED: Metric =
    metric("ExportsCompleted", Unit::Count, "manifests written");
pub(crate) const EXPORTS_WITH_GAPS: Metric = metric(
    "ExportsWithGaps",
    Unit::Count,
    "manifests of exports that lack more of what was asked for than maxGapPercent allows",
);
pub(crate) const EXPORTS_FAILED: Metric =
    metric("ExportsFailed", Unit::Count, "attempts that failed");
pub(crate) const EXPORTS_CANCELLED: Metric = metric(
    "ExportsCancelled",
    Unit::Count,
    "exports that were cancelled",
);
pub(crate) const EXPORT_DURATION: Metric = metric(
    "ExportDuration",
    Unit::Milliseconds,
    "time from the start of an export to its outcome",
);
pub const PAGES: Metric = metric("Pages", Unit::Count, "pages committed");
pub const RECORDS: Metric = metric(
    "Records",
    Unit::Count,
    "records in committed pages; a repeated record counts each time",
);
pub const REDACTIONS: Metric = metric("Redactions", Unit::Count, "values redacted in texts");
pub const REJECTED_RECORDS: Metric = metric(
    "RejectedRecords",
    Unit::Count,
    "quarantined records, which have no id or start",
);
pub const RECORD_BYTES: Metric = metric(
    "RecordBytes",
    Unit::Bytes,
    "records of committed pages before compression",
);
pub const STORED_BYTES: Metric = metric(
    "StoredBytes",
    Unit::Bytes,
    "page objects of committed pages",
);
pub const API_LATENCY: Metric = metric(
    "ApiLatency",
    Unit::Milliseconds,
    "requests for a page that received a response, each from sending to the last byte, without the waits between tries",
);
pub const CACHED_PAGES: Metric = metric(
    "CachedPages",
    Unit::Count,
    "pages from the cache, without a request",
);
pub const PAGES_PARKED: Metric = metric(
    "PagesParked",
    Unit::Count,
    "pages that could not continue within their invocation",
);
pub(crate) const API_REQUESTS: Metric =
    metric("ApiRequests", Unit::Count, "API requests, excluding logins");
pub(crate) const API_RETRIES: Metric =
    metric("ApiRetries", Unit::Count, "API requests that were retries");
pub(crate) const API_BYTES: Metric = metric("ApiBytes", Unit::Bytes, "response bodies of the API");
pub(crate) const THROTTLED_RESPONSES: Metric =
    metric("ThrottledAnswers", Unit::Count, "responses with status 429");
pub(crate) const THROTTLED_TIME: Metric = metric(
    "ThrottledTime",
    Unit::Milliseconds,
    "time waited for the rate limit",
);
pub const WEBHOOKS_DELIVERED: Metric = metric(
    "WebhooksDelivered",
    Unit::Count,
    "deliveries accepted by the receiver",
);
pub const WEBHOOK_FAILURES: Metric = metric(
    "WebhookFailures",
    Unit::Count,
    "delivery attempts that were not accepted",
);
pub const WEBHOOKS_OVERDUE: Metric = metric(
    "WebhooksOverdue",
    Unit::Count,
    "webhooks whose next delivery was overdue by an hour",
);
pub const TRANSCRIPT_EVENTS: Metric = metric(
    "TranscriptEvents",
    Unit::Count,
    "transcripts published to the topic",
);
pub const TRUNCATED_TRANSCRIPTS: Metric = metric(
    "TruncatedTranscripts",
    Unit::Count,
    "transcripts in committed pages whose oldest messages were left out, as the request demands",
);
pub const STARTS_OVERDUE: Metric = metric(
    "StartsOverdue",
    Unit::Count,
    "accepted exports that were not started for an hour, counted at each sweep",
);
pub const GIVEN_UP: Metric = metric(
    "GivenUp",
    Unit::Count,
    "messages and starts that were given up and stored",
);
pub const LIVE_FRAMES: Metric = metric(
    "LiveFrames",
    Unit::Count,
    "frames of live capture that archive-events stored",
);
pub const LIVE_FRAMES_REPEATED: Metric = metric(
    "LiveFramesRepeated",
    Unit::Count,
    "frames that were dropped, because the batch held an equal one or was archived before",
);
pub const LIVE_FRAMES_QUARANTINED: Metric = metric(
    "LiveFramesQuarantined",
    Unit::Count,
    "live events that could not be read",
);
pub const LIVE_LAG: Metric = metric(
    "LiveLag",
    Unit::Milliseconds,
    "longest time from an event to its arrival at archive-events, per frame record",
);
pub const ENDS_SUGGESTED: Metric = metric(
    "EndsSuggested",
    Unit::Count,
    "conversations that may have ended, each time a batch of events says so",
);
pub const CONVERSATIONS_LOOKED_UP: Metric = metric(
    "ConversationsLookedUp",
    Unit::Count,
    "conversations that fetch-ended looked up, each time",
);
pub const CONVERSATIONS_CLAIMED: Metric = metric(
    "ConversationsClaimed",
    Unit::Count,
    "ended conversations that live exports claimed",
);
pub const CLAIM_DELAY: Metric = metric(
    "ClaimDelay",
    Unit::Milliseconds,
    "longest time from the end of a conversation to the request of its live export, per invocation",
);
pub const CONVERSATIONS_LEFT: Metric = metric(
    "ConversationsLeft",
    Unit::Count,
    "conversations that were heard of and left to the scheduled export",
);
pub const LOOKUPS_REFUSED: Metric = metric(
    "LookupsRefused",
    Unit::Count,
    "invocations of fetch-ended whose lookup the API refused",
);
pub const LIVE_GAPS_OPEN: Metric = metric(
    "LiveGapsOpen",
    Unit::Count,
    "live gaps without a complete export, at each sweep",
);
pub(crate) const CONVERSATIONS_UNHEARD: Metric = metric(
    "ConversationsUnheard",
    Unit::Count,
    "conversations of a scheduled export that live capture did not hear of on their day",
);

/// All metrics.
pub const ALL: [Metric; 39] = [
    EXPORTS_STARTED,
    EXPORTS_COMPLETED,
    EXPORTS_WITH_GAPS,
    EXPORTS_FAILED,
    EXPORTS_CANCELLED,
    EXPORT_DURATION,
    PAGES,
    RECORDS,
    REJECTED_RECORDS,
    REDACTIONS,
    RECORD_BYTES,
    STORED_BYTES,
    API_LATENCY,
    CACHED_PAGES,
    PAGES_PARKED,
    API_REQUESTS,
    API_RETRIES,
    API_BYTES,
    THROTTLED_RESPONSES,
    THROTTLED_TIME,
    WEBHOOKS_DELIVERED,
    WEBHOOK_FAILURES,
    WEBHOOKS_OVERDUE,
    TRANSCRIPT_EVENTS,
    TRUNCATED_TRANSCRIPTS,
    STARTS_OVERDUE,
    GIVEN_UP,
    LIVE_FRAMES,
    LIVE_FRAMES_REPEATED,
    LIVE_FRAMES_QUARANTINED,
    LIVE_LAG,
    ENDS_SUGGESTED,
    CONVERSATIONS_LOOKED_UP,
    CONVERSATIONS_CLAIMED,
    CLAIM_DELAY,
    CONVERSATIONS_LEFT,
    LOOKUPS_REFUSED,
    LIVE_GAPS_OPEN,
    CONVERSATIONS_UNHEARD,
];

/// Records values that were measured together.
pub fn record(measured: &[(Metric, u64)]) {
    let measured: Map<_, _> = measured
        .iter()
        .map(|(metric, value)| (metric.name.to_owned(), json!(value)))
        .collect();
    let measured = Value::Object(measured).to_string();
    tracing::info!(target: TARGET, measured);
}

/// Records the client's activity since the snapshot `before`, if there was any.
pub fn record_client(before: &StatsSnapshot, after: &StatsSnapshot) {
    let measured = [
        (API_REQUESTS, after.requests - before.requests),
        (API_RETRIES, after.retries - before.retries),
        (API_BYTES, after.bytes_in - before.bytes_in),
        (THROTTLED_RESPONSES, after.throttled - before.throttled),
        (
            THROTTLED_TIME,
            saturating_millis(after.throttled_time.saturating_sub(before.throttled_time)),
        ),
    ];
    if measured.iter().any(|(_, value)| *value > 0) {
        record(&measured);
    }
}

/// The log line for an event of [`record`]; `None` if the event is not from there.
pub(crate) fn line(stack: &str, now: Timestamp, measured: &str) -> Option<String> {
    let measured: Map<String, Value> = serde_json::from_str(measured).ok()?;
    let known = |name: &String| ALL.into_iter().find(|metric| metric.name == name);
    let metrics: Vec<_> = measured
        .keys()
        .filter_map(known)
        .map(|metric| json!({"Name": metric.name, "Unit": format!("{:?}", metric.unit)}))
        .collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}],
        },
        DIMENSION: stack,
    });
    line.as_object_mut()?.extend(measured);
    Some(line.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_metric_line_has_the_cloudwatch_embedded_metric_format() {
        let now = "2026-03-02T10:00:00Z".parse().unwrap();

        let line = line("archive", now, r#"{"Pages":1,"StoredBytes":7}"#).unwrap();

        insta::assert_snapshot!(line, @r#"{"_aws":{"Timestamp":1772445600000,"CloudWatchMetrics":[{"Namespace":"ConversationArchive","Dimensions":[["Stack"]],"Metrics":[{"Name":"Pages","Unit":"Count"},{"Name":"StoredBytes","Unit":"Bytes"}]}]},"Stack":"archive","Pages":1,"StoredBytes":7}"#);
    }

    #[test]
    fn metric_names_are_unique_and_have_descriptions() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();

        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().all(|metric| metric.meaning.len() > 5));
    }
}
