//! The interval of a request: absolute, or relative to the scheduled time.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde::{Deserialize, Serialize};

use super::InvalidRequest;
use crate::base::time::{Interval, start_of_minute};

/// The placeholder that EventBridge Scheduler replaces with the scheduled time. An emulator may send it unreplaced.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>
pub(crate) const SCHEDULED_TIME_PLACEHOLDER: &str = "<aws.scheduler.scheduled-time>";

/// An interval as in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RequestedInterval {
    Absolute(Interval),
    Relative(RelativeInterval),
}

// Implemented by hand, because `untagged` would hide the reason why an interval is invalid.
impl<'de> Deserialize<'de> for RequestedInterval {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => {
                text.parse().map(Self::Absolute).map_err(D::Error::custom)
            }
            relative => serde_json::from_value(relative)
                .map(Self::Relative)
                .map_err(|error| {
                    D::Error::custom(format!(
                        "expected \"start/end\" or {{\"last\": \"P1D\"}}: {error}"
                    ))
                }),
        }
    }
}

/// The period before the scheduled time: `{"last": "P1D"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelativeInterval {
    last: Period,
}

/// An ISO 8601 duration in whole seconds; a day has 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(SignedDuration);

impl Period {
    pub fn before(self, moment: Timestamp) -> Option<Timestamp> {
        moment.checked_sub(self.0).ok()
    }

    /// The form used in ids: `72h`, or seconds if it is not a whole number of hours.
    pub fn short(self) -> String {
        match self.0.as_secs() {
            seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
            seconds => format!("{seconds}s"),
        }
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let rule =
            || format!("{text} is not an ISO-8601 duration longer than zero, such as P1D or PT6H");
        let span: Span = text.parse().map_err(|_| rule())?;
        let duration = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| rule())?;
        if duration.is_positive() {
            Ok(Self(duration))
        } else {
            Err(rule())
        }
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.0.to_string()
    }
}

impl RequestedInterval {
    /// The absolute interval.
    pub fn resolve(&self, scheduled_time: Timestamp) -> Result<Interval, InvalidRequest> {
        match self {
            Self::Absolute(interval) => Ok(*interval),
            Self::Relative(RelativeInterval { last }) => {
                let refusal = || {
                    InvalidRequest::new(
                        "interval.last",
                        String::from(*last),
                        "it goes back beyond the earliest supported time",
                    )
                };
                let start = last.before(scheduled_time).ok_or_else(refusal)?;
                Interval::new(start, scheduled_time).map_err(|_| refusal())
            }
        }
    }
}

/// The effective scheduled time: as sent, or now. The unreplaced placeholder means now, to the minute, and only if a
/// custom AWS endpoint is set, so that the sender is an emulator.
pub fn scheduled_time(
    sent: Option<&str>,
    now: Timestamp,
    emulated: bool,
) -> Result<Timestamp, InvalidRequest> {
    match sent {
        None => Ok(start_of_minute(now)),
        Some(SCHEDULED_TIME_PLACEHOLDER) if emulated => Ok(start_of_minute(now)),
        Some(text) => text.parse().map_err(|_| {
            InvalidRequest::new(
                "scheduledTime",
                text,
                "expected an ISO-8601 timestamp such as 2026-03-02T04:00:00Z",
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_day_ends_at_the_scheduled_time() {
        let requested: RequestedInterval = serde_json::from_str(r#"{"last":"P1D"}"#).unwrap();

        let interval = requested.resolve(at("2026-03-02T04:00:00Z")).unwrap();

        assert_eq!(
            interval.to_string(),
            "2026-03-01T04:00:00.000Z/2026-03-02T04:00:00.000Z"
        );
    }

    #[test]
    fn an_empty_or_invalid_period_is_refused() {
        for last in ["PT0S", "-P1D", "yesterday"] {
            let error =
                serde_json::from_str::<RequestedInterval>(&format!(r#"{{"last":"{last}"}}"#))
                    .unwrap_err();

            assert!(
                error
                    .to_string()
                    .contains(&format!("{last} is not an ISO-8601 duration")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_time_placeholder_means_now_only_on_an_emulator() {
        let now = at("2026-03-02T04:00:59.5Z");

        assert_eq!(
            scheduled_time(Some(SCHEDULED_TIME_PLACEHOLDER), now, true),
            Ok(at("2026-03-02T04:00:00Z"))
        );
        assert!(scheduled_time(Some(SCHEDULED_TIME_PLACEHOLDER), now, false).is_err());
    }
}
