//! A live gap: a time in which a stream may have missed events. It is closed by an export of that time.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::{ExportId, StreamName, WriterId};
use crate::base::time::{
    Interval, earlier, format_key_time, format_timestamp, later, truncate_to_millis,
};
use crate::export::audit::Audited;
use crate::export::request::{
    ExportRequest, Include, Membership, RequestedInterval, RequestedRedaction, SourceKind,
};

/// The longest time of one gap, so that each export is of a usual size.
const LONGEST: Duration = Duration::from_hours(24);

/// What a gap is extended by on each side, because the times of events and of records may differ.
const MARGIN: Duration = Duration::from_mins(1);

/// The digits of the digest in the id of the export that closes a gap.
const ID_DIGITS: usize = 16;

/// From the last frame or heartbeat before an interruption to the first one after it. In whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LiveGapSpan {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// `gaps/{from}-{until}.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveGap {
    pub format_version: FormatVersion,
    pub stream: StreamName,
    pub writer: WriterId,
    #[serde(flatten)]
    pub span: LiveGapSpan,
    pub reason: GapReason,
    /// The code with which the server closed the connection, if it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    pub recorded_at: Timestamp,
}

/// The cause of a live gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GapReason {
    /// The connection was closed, or was lost.
    Closed,
    /// Neither a frame nor a heartbeat arrived.
    Silence,
    /// No process held the stream.
    Start,
}

/// `gaps/{from}-{until}-closed.json`: the export of that time is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosedGap {
    pub format_version: FormatVersion,
    pub stream: StreamName,
    #[serde(flatten)]
    pub span: LiveGapSpan,
    pub export_id: ExportId,
    /// Number of conversations of the export.
    pub conversations: u64,
    /// Number of those that no frame of the stream names.
    pub unheard: u64,
    pub closed_at: Timestamp,
}

impl Audited for LiveGap {}
impl Audited for ClosedGap {}

impl LiveGapSpan {
    /// The spans of a gap, each short enough for one query. None if it ends before it begins.
    pub fn split(from: Timestamp, until: Timestamp) -> Vec<Self> {
        let (mut from, until) = (truncate_to_millis(from), end_in_millis(until));
        let mut spans = Vec::new();
        while from < until {
            let end = later(from, LONGEST).min(until);
            spans.push(Self { from, until: end });
            from = end;
        }
        spans
    }

    /// Its time; `None` if that is not the length of one gap.
    pub fn interval(self) -> Option<Interval> {
        let has_length_of_a_gap = self.until <= later(self.from, LONGEST);
        let interval = Interval::new(self.from, self.until).ok();
        interval.filter(|_| has_length_of_a_gap)
    }

    /// The time of the export that closes the gap.
    fn with_margin(self) -> Self {
        Self {
            from: earlier(self.from, MARGIN),
            until: later(self.until, MARGIN),
        }
    }
}

impl fmt::Display for LiveGapSpan {
    /// The form in keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (format_key_time(self.from), format_key_time(self.until));
        write!(f, "{from}-{until}")
    }
}

/// The end of the millisecond in which the gap ends.
fn end_in_millis(until: Timestamp) -> Timestamp {
    let truncated = truncate_to_millis(until);
    if truncated < until {
        later(truncated, Duration::from_millis(1))
    } else {
        truncated
    }
}

impl LiveGap {
    /// The id of the export that closes the gap. A stream has at most one gap of the same span.
    pub fn export_id(&self) -> ExportId {
        let LiveGapSpan { from, until } = self.span;
        let (from, until) = (format_timestamp(from), format_timestamp(until));
        let digest = Sha256::of(format!("{} {from} {until}\n", self.stream));
        #[expect(
            clippy::expect_used,
            reason = "a word, a hyphen and hexadecimal digits are an export id"
        )]
        format!("gap-{}", digest.short(ID_DIGITS))
            .parse()
            .expect("an export id")
    }

    /// The time from which the export may start: conversations appear in the API after a while.
    pub fn due_at(&self, delay: Duration) -> Timestamp {
        later(self.span.until, delay)
    }

    /// The request of the export that closes the gap: the conversations that were active in its time, and their
    /// transcripts. It depends on nothing but the gap and the setting, so that a repeated start adopts the same export.
    pub fn request(&self, redaction: Option<RequestedRedaction>) -> ExportRequest {
        let LiveGapSpan { from, until } = self.span.with_margin();
        ExportRequest {
            export_id: Some(self.export_id().to_string()),
            source: SourceKind::AnalyticsJob,
            interval: Interval::new(from, until)
                .ok()
                .map(RequestedInterval::Absolute),
            // The interval must have ended by then.
            scheduled_time: Some(format_timestamp(until).to_string()),
            membership: Membership::Activity,
            include: vec![Include::Transcripts],
            redaction,
            ..ExportRequest::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::plan::{Draft, ExportIdentity, PlanLimits};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn gap(from: &str, until: &str) -> LiveGap {
        LiveGap {
            format_version: FormatVersion,
            stream: "queues".parse().unwrap(),
            writer: "w-1".parse().unwrap(),
            span: LiveGapSpan {
                from: at(from),
                until: at(until),
            },
            reason: GapReason::Closed,
            code: Some(1006),
            recorded_at: at(until),
        }
    }

    #[test]
    fn a_gap_has_these_fields() {
        let gap = gap("2026-11-30T10:00:00Z", "2026-11-30T10:05:00.25Z");

        insta::assert_snapshot!(serde_json::to_string_pretty(&gap).unwrap(), @r#"
        {
          "formatVersion": 1,
          "stream": "queues",
          "writer": "w-1",
          "from": "2026-11-30T10:00:00Z",
          "until": "2026-11-30T10:05:00.25Z",
          "reason": "closed",
          "code": 1006,
          "recordedAt": "2026-11-30T10:05:00.25Z"
        }
        "#);
        assert_eq!(
            gap.span.to_string(),
            "20261130T100000000Z-20261130T100500250Z"
        );
    }

    #[test]
    fn the_request_of_a_gap_covers_it_with_a_minute_on_each_side() {
        let gap = gap("2026-11-30T10:00:00Z", "2026-11-30T10:05:00Z");
        let request = gap.request(None);
        let identity = ExportIdentity::of(&request, at("2026-11-30T10:06:00Z")).unwrap();

        let draft = Draft::check(
            request,
            identity,
            at("2026-11-30T10:20:00Z"),
            &PlanLimits::default(),
        )
        .unwrap();

        assert_eq!(
            draft.interval.to_string(),
            "2026-11-30T09:59:00.000Z/2026-11-30T10:06:00.000Z"
        );
    }

    #[test]
    fn a_long_gap_is_split_into_days() {
        let spans = LiveGapSpan::split(at("2026-11-28T10:00:00Z"), at("2026-11-30T12:00:00.0001Z"));

        let spans: Vec<_> = spans.iter().map(ToString::to_string).collect();
        assert_eq!(
            spans,
            [
                "20261128T100000000Z-20261129T100000000Z",
                "20261129T100000000Z-20261130T100000000Z",
                "20261130T100000000Z-20261130T120000001Z",
            ]
        );
        let none = LiveGapSpan::split(at("2026-11-30T10:00:00Z"), at("2026-11-30T10:00:00Z"));
        assert!(none.is_empty());
    }
}
