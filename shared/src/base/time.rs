//! Time intervals as the API writes them: `start/end` in ISO-8601, UTC, half-open. Arithmetic on moments that ends at
//! the limits of their range instead of failing.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// A half-open interval: `start` is included, `end` is not. Both are truncated to whole milliseconds, as they are
/// written, so that an interval is unchanged when it is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval {
    start: Timestamp,
    end: Timestamp,
}

/// Why a text is not an interval.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IntervalError {
    #[error(
        "`{0}` is not of the form start/end with two ISO-8601 timestamps, such as 2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"
    )]
    Malformed(String),
    #[error("`{0}` ends at or before its start; the earlier timestamp comes first")]
    Reversed(String),
    #[error("`{0}` is shorter than a millisecond")]
    TooShort(String),
}

impl Interval {
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, IntervalError> {
        Self::of(start, end, || format!("{start}/{end}"))
    }

    fn of(
        start: Timestamp,
        end: Timestamp,
        text: impl FnOnce() -> String,
    ) -> Result<Self, IntervalError> {
        let interval = Self {
            start: truncate_to_millis(start),
            end: truncate_to_millis(end),
        };
        if start >= end {
            Err(IntervalError::Reversed(text()))
        } else if interval.start == interval.end {
            Err(IntervalError::TooShort(text()))
        } else {
            Ok(interval)
        }
    }

    pub fn start(&self) -> Timestamp {
        self.start
    }

    pub fn end(&self) -> Timestamp {
        self.end
    }

    pub fn contains(&self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }
}

/// A timestamp as the API and our objects write it: UTC, milliseconds, `Z`.
pub fn format_timestamp(moment: Timestamp) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{moment:.3}"))
}

/// A timestamp as the keys of live objects contain it: UTC, milliseconds, no punctuation, `20261130T221500000Z`.
pub fn format_key_time(moment: Timestamp) -> impl fmt::Display {
    moment.strftime("%Y%m%dT%H%M%S%3fZ")
}

/// Reads a timestamp that [`format_key_time`] wrote.
pub fn parse_key_time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let (date, time) = digits.split_once('T')?;
    let (seconds, millis) = time.split_at_checked(6)?;
    let moment: Timestamp = format!("{date}T{seconds}.{millis}Z").parse().ok()?;
    (format_key_time(moment).to_string() == text).then_some(moment)
}

/// The duration in milliseconds; `u64::MAX` if it is longer than that.
pub fn saturating_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The moment `by` after `moment`, or the last representable one if that is earlier.
pub fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// The moment `by` before `moment`, or the first representable one if that is later.
pub fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// The time from `since` to `until`; zero if `until` is earlier.
pub fn elapsed(since: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(since)).unwrap_or(Duration::ZERO)
}

/// The start of the UTC day.
pub fn start_of_day(moment: Timestamp) -> Timestamp {
    truncate(moment, 86_400 * NANOSECONDS_PER_SECOND)
}

/// The 24 hours of a UTC day; `None` for a day at the end of the calendar.
pub fn interval_of_day(day: Date) -> Option<Interval> {
    let midnight = |day: Date| {
        let midnight = day.to_datetime(jiff::civil::Time::midnight());
        Offset::UTC.to_timestamp(midnight).ok()
    };
    Interval::new(midnight(day)?, midnight(day.tomorrow().ok()?)?).ok()
}

/// The start of the minute.
pub(crate) fn start_of_minute(moment: Timestamp) -> Timestamp {
    truncate(moment, 60 * NANOSECONDS_PER_SECOND)
}

/// The timestamp truncated to milliseconds, as [`format_timestamp`] writes it.
pub(crate) fn truncate_to_millis(moment: Timestamp) -> Timestamp {
    truncate(moment, NANOSECONDS_PER_SECOND / 1000)
}

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

/// The timestamp rounded down to a multiple of `nanoseconds` since 1970, or the first representable one if that is
/// later.
fn truncate(moment: Timestamp, nanoseconds: i128) -> Timestamp {
    let since_1970 = moment.as_nanosecond();
    let truncated = since_1970 - since_1970.rem_euclid(nanoseconds);
    Timestamp::from_nanosecond(truncated).unwrap_or(Timestamp::MIN)
}

/// The timestamp `millis` milliseconds after 1970; also in the last representable second, which jiff leaves out.
pub fn from_millis(millis: i64) -> Option<Timestamp> {
    let nanoseconds = i128::from(millis) * 1_000_000;
    Timestamp::from_nanosecond(nanoseconds).ok()
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}",
            format_timestamp(self.start),
            format_timestamp(self.end)
        )
    }
}

impl std::str::FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || IntervalError::Malformed(text.to_owned());
        let (start, end) = text.split_once('/').ok_or_else(malformed)?;
        let start = start.parse().map_err(|_| malformed())?;
        let end = end.parse().map_err(|_| malformed())?;
        Self::of(start, end, || text.to_owned())
    }
}

impl TryFrom<String> for Interval {
    type Error = IntervalError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_is_its_24_hours() {
        let day = |text: &str| interval_of_day(text.parse().unwrap());

        assert_eq!(
            day("2026-02-28").unwrap().to_string(),
            "2026-02-28T00:00:00.000Z/2026-03-01T00:00:00.000Z"
        );
        assert_eq!(day("9999-12-31"), None);
    }

    #[test]
    fn an_interval_is_written_in_utc_with_milliseconds() {
        let interval: Interval = "2026-03-01T01:00:00+01:00/2026-03-02T00:00:00.5Z"
            .parse()
            .unwrap();

        assert_eq!(
            interval.to_string(),
            "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.500Z"
        );
    }

    #[test]
    fn the_time_in_a_key_has_milliseconds_and_no_punctuation() {
        let key_time = |text: &str| format_key_time(text.parse().unwrap()).to_string();

        assert_eq!(
            key_time("2026-11-30T23:15:00.0079+01:00"),
            "20261130T221500007Z"
        );
        assert_eq!(key_time("1970-01-01T00:00:00Z"), "19700101T000000000Z");
        let moment: Timestamp = "2026-11-30T22:15:00.007Z".parse().unwrap();
        assert_eq!(parse_key_time("20261130T221500007Z"), Some(moment));
        for text in [
            "",
            "20261130T221500007",
            "20261130T2215Z",
            "2026-11-30T22:15:00.007Z",
            "é",
        ] {
            assert_eq!(parse_key_time(text), None, "{text}");
        }
    }

    #[test]
    fn an_interval_shorter_than_a_millisecond_is_refused() {
        let error = "2026-03-01T00:00:00.0001Z/2026-03-01T00:00:00.0002Z"
            .parse::<Interval>()
            .unwrap_err();

        assert_eq!(
            error.to_string(),
            "`2026-03-01T00:00:00.0001Z/2026-03-01T00:00:00.0002Z` is shorter than a millisecond"
        );
    }

    proptest! {
        #[test]
        fn an_interval_survives_a_round_trip(
            start in Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond(),
            length in prop_oneof![0..3_000_000_i128, any::<i64>().prop_map(i128::from)],
        ) {
            let end = Timestamp::from_nanosecond(start + length);
            prop_assume!(end.is_ok());
            let start = Timestamp::from_nanosecond(start).unwrap();

            if let Ok(interval) = Interval::new(start, end.unwrap()) {
                prop_assert_eq!(interval.to_string().parse(), Ok(interval));
                prop_assert_eq!(truncate_to_millis(start), format_timestamp(start).to_string().parse().unwrap());
            }
        }
    }

    #[test]
    fn a_reversed_interval_is_refused_with_its_text() {
        let error = "2026-03-02T00:00:00Z/2026-03-01T00:00:00Z"
            .parse::<Interval>()
            .unwrap_err();

        assert_eq!(
            error.to_string(),
            "`2026-03-02T00:00:00Z/2026-03-01T00:00:00Z` ends at or before its start; the earlier timestamp comes first"
        );
    }

    #[test]
    fn arithmetic_ends_at_the_limits_of_the_range() {
        let (minute, now) = (Duration::from_mins(1), Timestamp::UNIX_EPOCH);

        assert_eq!(earlier(later(now, minute), minute), now);
        assert_eq!(later(now, Duration::MAX), Timestamp::MAX);
        assert_eq!(earlier(now, Duration::MAX), Timestamp::MIN);
        assert_eq!(elapsed(now, later(now, minute)), minute);
        assert_eq!(elapsed(later(now, minute), now), Duration::ZERO);
    }

    #[test]
    fn days_and_minutes_start_at_or_before_the_moment() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();

        for (moment, day, minute) in [
            (
                "2026-03-01T23:59:59.999Z",
                "2026-03-01T00:00:00Z",
                "2026-03-01T23:59:00Z",
            ),
            (
                "1969-12-31T23:59:59.5Z",
                "1969-12-31T00:00:00Z",
                "1969-12-31T23:59:00Z",
            ),
        ] {
            assert_eq!(start_of_day(at(moment)), at(day));
            assert_eq!(start_of_minute(at(moment)), at(minute));
        }
        assert_eq!(start_of_day(Timestamp::MIN), Timestamp::MIN);
    }

    #[test]
    fn timestamps_survive_a_round_trip_in_milliseconds() {
        for moment in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            let millis = moment.as_millisecond();

            assert_eq!(from_millis(millis).unwrap().as_millisecond(), millis);
        }
        assert_eq!(from_millis(i64::MAX), None);
    }

    #[test]
    fn the_end_of_an_interval_is_exclusive() {
        let interval: Interval = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z".parse().unwrap();

        assert!(interval.contains(interval.start()));
        assert!(!interval.contains(interval.end()));
    }
}
