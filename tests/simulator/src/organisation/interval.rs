//! `interval` of the form "start/end", and the conversations that it touches.

use std::time::Duration;

use jiff::Timestamp;

use super::response::ApiError;
use crate::data::Conversation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Interval {
    /// Both the limit on the length of an interval and the error for exceeding it are unverified.
    pub(crate) fn parse(text: Option<&str>, longest: Option<Duration>) -> Result<Self, ApiError> {
        let text = text.ok_or_else(|| ApiError::bad_request("interval is required"))?;
        let (start, end) = text
            .split_once('/')
            .ok_or_else(|| ApiError::new(400, "invalid.date", "interval must be start/end"))?;
        let interval = Self {
            start: date(start)?,
            end: date(end)?,
        };
        if interval.end <= interval.start {
            return Err(ApiError::bad_request("interval must end after it starts"));
        }
        if longest.is_some_and(|longest| after(interval.start, longest) < interval.end) {
            return Err(ApiError::bad_request("interval is too long"));
        }
        Ok(interval)
    }

    /// Whether one of the conversation's stretches of activity touches the interval, both ends included: a stretch that
    /// ends exactly at midnight belongs to both days. A conversation that is idle during the whole interval does not
    /// match.
    pub(crate) fn is_touched_by(&self, conversation: &Conversation) -> bool {
        conversation
            .active
            .iter()
            .any(|(from, to)| *from <= self.end && to.is_none_or(|to| self.start <= to))
    }

    /// Midnight (UTC) at or before its start.
    pub(crate) fn first_midnight(&self) -> Timestamp {
        midnight(self.start.as_second().div_euclid(DAY_SECONDS), self.start)
    }

    /// The UTC days that overlap the interval, as one half-open interval.
    pub(crate) fn whole_days(&self) -> Self {
        // One nanosecond before the end, because the end is exclusive.
        let last = self.end.as_nanosecond() - 1;
        let last_day = last.div_euclid(i128::from(DAY_SECONDS) * 1_000_000_000);
        let next = i64::try_from(last_day + 1).unwrap_or(i64::MAX);
        Self {
            start: self.first_midnight(),
            end: midnight(next, Timestamp::MAX),
        }
    }
}

fn midnight(day: i64, otherwise: Timestamp) -> Timestamp {
    Timestamp::from_second(day.saturating_mul(DAY_SECONDS)).unwrap_or(otherwise)
}

fn date(text: &str) -> Result<Timestamp, ApiError> {
    text.parse()
        .map_err(|_| ApiError::new(400, "invalid.date", "interval must contain ISO-8601 dates"))
}

pub(crate) fn after(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

const DAY_SECONDS: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(text: &str) -> String {
        let days = Interval::parse(Some(text), None).unwrap().whole_days();
        format!("{}/{}", days.start, days.end)
    }

    #[test]
    fn an_interval_covers_every_utc_day_that_it_overlaps() {
        let march_1st = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z";

        assert_eq!(days_of(march_1st), march_1st);
        assert_eq!(
            days_of("2026-03-01T23:00:00Z/2026-03-01T23:00:00.001Z"),
            march_1st
        );
        assert_eq!(
            days_of("2026-03-01T23:00:00Z/2026-03-02T00:00:00.001Z"),
            "2026-03-01T00:00:00Z/2026-03-03T00:00:00Z"
        );
    }

    #[test]
    fn an_interval_of_exactly_the_maximum_is_accepted() {
        let day = Some(Duration::from_hours(24));

        assert!(Interval::parse(Some("2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"), day).is_ok());
        assert!(Interval::parse(Some("2026-03-01T00:00:00Z/2026-03-02T00:00:01Z"), day).is_err());
    }
}
