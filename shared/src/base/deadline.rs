//! The time until which a caller may work.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::time::{earlier, elapsed, later};

/// The time at which the caller is stopped from outside, if any: the deadline of a Lambda invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadline(Option<Timestamp>);

impl Deadline {
    /// No deadline.
    pub const NONE: Self = Self(None);

    pub fn at(moment: Timestamp) -> Self {
        Self(Some(moment))
    }

    /// The deadline that the Lambda runtime announced. One in the past means no deadline: `cargo lambda watch` sends
    /// a time in 1970.
    pub(crate) fn from_runtime(moment: Timestamp, now: Timestamp) -> Self {
        Self((moment > now).then_some(moment))
    }

    /// The same deadline, `margin` earlier: leaves time to store the state.
    #[must_use]
    pub(crate) fn earlier_by(self, margin: Duration) -> Self {
        Self(self.0.map(|at| earlier(at, margin)))
    }

    /// The deadline of the first half of the time that is left.
    #[must_use]
    pub fn halfway(self, now: Timestamp) -> Self {
        Self(self.remaining(now).map(|left| later(now, left / 2)))
    }

    /// Whether a wait that starts at `now` ends before the deadline.
    pub fn allows(self, now: Timestamp, wait: Duration) -> bool {
        match self.0 {
            None => true,
            Some(at) => later(now, wait) < at,
        }
    }

    /// The time left; `None` if there is no deadline.
    pub fn remaining(self, now: Timestamp) -> Option<Duration> {
        self.0.map(|at| elapsed(now, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_deadline_in_the_past_is_ignored() {
        let now = at("2026-03-02T10:00:00Z");

        let deadline = Deadline::from_runtime(at("1970-01-01T00:10:00Z"), now);

        assert_eq!(deadline, Deadline::NONE);
    }

    #[test]
    fn half_of_the_time_left_is_for_the_first_part() {
        let now = at("2026-03-02T10:00:00Z");
        let half = Deadline::at(at("2026-03-02T10:01:00Z")).halfway(now);

        assert_eq!(half.remaining(now), Some(Duration::from_secs(30)));
        assert_eq!(Deadline::NONE.halfway(now), Deadline::NONE);
        assert_eq!(Deadline::at(now).halfway(now), Deadline::at(now));
    }

    #[test]
    fn a_wait_that_ends_at_the_deadline_is_too_long() {
        let now = at("2026-03-02T10:00:00Z");
        let deadline = Deadline::from_runtime(at("2026-03-02T10:00:30Z"), now);

        assert!(deadline.allows(now, Duration::from_secs(29)));
        assert!(!deadline.allows(now, Duration::from_secs(30)));
        assert!(
            !deadline
                .earlier_by(Duration::from_secs(5))
                .allows(now, Duration::from_secs(26))
        );
    }
}
