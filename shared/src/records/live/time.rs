//! The time of a frame: of its event, or of its arrival.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::canonical::Value;
use crate::base::time::{earlier, from_millis, later, truncate_to_millis};

/// An event this far after its arrival has a wrong time.
const MAX_AHEAD: Duration = Duration::from_hours(24);

/// Genesys Cloud retries for four days, and a queue keeps a message for fourteen.
const MAX_AGE: Duration = Duration::from_hours(14 * 24);

/// Where the time of a frame comes from, unless it is the event's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventTimeSource {
    /// The event has no time.
    Arrival,
}

/// The time of a frame, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    pub at: Timestamp,
    /// `None` for the event's own time.
    pub source: Option<EventTimeSource>,
    pub(super) is_implausible: bool,
}

impl EventTime {
    /// The time in a member of an event: milliseconds since 1970, or a text in ISO-8601. The time of arrival for
    /// anything else.
    pub(super) fn of(member: Option<&Value<'_>>, arrived_at: Timestamp) -> Self {
        let of_event = member.and_then(moment).map(truncate_to_millis);
        let is_implausible =
            |at: Timestamp| at > later(arrived_at, MAX_AHEAD) || at < earlier(arrived_at, MAX_AGE);
        match of_event {
            Some(at) => Self {
                at,
                source: None,
                is_implausible: is_implausible(at),
            },
            None => Self {
                at: truncate_to_millis(arrived_at),
                source: Some(EventTimeSource::Arrival),
                is_implausible: false,
            },
        }
    }
}

fn moment(member: &Value<'_>) -> Option<Timestamp> {
    match member.text() {
        Some(text) => text.parse().ok(),
        None => from_millis(member.integer()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::JsonText;

    const ARRIVAL: &str = "2026-11-30T10:00:00.123Z";

    fn time_of(json: &str) -> EventTime {
        let value = Value::read(JsonText::parse(json).unwrap()).unwrap();
        EventTime::of(Some(&value), "2026-11-30T10:00:00.1239Z".parse().unwrap())
    }

    #[test]
    fn milliseconds_and_iso_texts_are_times() {
        for json in [
            "1796032800000",
            r#""2026-11-30T10:00:00.0009Z""#,
            r#""2026-11-30T11:00:00+01:00""#,
        ] {
            let time = time_of(json);

            assert_eq!(time.at, "2026-11-30T10:00:00Z".parse().unwrap(), "{json}");
            assert_eq!((time.source, time.is_implausible), (None, false), "{json}");
        }
    }

    #[test]
    fn anything_else_gives_the_time_of_arrival() {
        let huge = i64::MAX.to_string();
        for json in [
            "null",
            "1.5",
            "1e12",
            "true",
            "[]",
            "{}",
            r#""""#,
            r#""yesterday""#,
            r#""1796032800000""#,
            &huge,
        ] {
            let time = time_of(json);

            assert_eq!(time.at, ARRIVAL.parse().unwrap(), "{json}");
            assert_eq!(time.source, Some(EventTimeSource::Arrival), "{json}");
        }
        assert_eq!(
            EventTime::of(None, ARRIVAL.parse().unwrap()).source,
            Some(EventTimeSource::Arrival)
        );
    }

    #[test]
    fn a_time_a_day_ahead_or_two_weeks_old_is_plausible_and_beyond_is_not() {
        for (text, is_implausible) in [
            ("2026-12-01T10:00:00.123Z", false),
            ("2026-12-01T10:00:00.124Z", true),
            ("2026-11-16T10:00:00.124Z", false),
            ("2026-11-16T10:00:00.123Z", true),
            ("1970-01-01T00:00:00Z", true),
            ("-009999-01-02T01:59:59Z", true),
        ] {
            assert_eq!(
                time_of(&format!("\"{text}\"")).is_implausible,
                is_implausible,
                "{text}"
            );
        }
    }
}
