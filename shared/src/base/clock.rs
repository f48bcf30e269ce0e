//! Time for the handlers: the wall clock in production, a manual clock in tests.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Source of `now` and of waits.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The wall clock; waits are real.
    #[default]
    System,
    /// A clock that only waits and [`Clock::advance`] move: a wait returns at once and advances the time.
    Manual(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    /// A manual clock that reads `start`.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(start)))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Manual(now) => *now.borrow(),
        }
    }

    /// Waits for `duration`, by sleeping or by advancing the manual clock.
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            Self::Manual(_) => {
                self.advance(duration);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Advances a manual clock; has no effect on the wall clock.
    pub fn advance(&self, duration: Duration) {
        if let Self::Manual(now) = self {
            now.send_modify(|now| *now = now.saturating_add(duration).unwrap_or(Timestamp::MAX));
        }
    }

    /// Waits until `moment`. Unlike [`Clock::sleep`] it does not advance a manual clock.
    pub async fn reaches(&self, moment: Timestamp) {
        match self {
            Self::System => {
                let left = Duration::try_from(moment.duration_since(self.now()));
                // At least a millisecond, so that rounding does not turn the wait into a busy loop.
                let wait = left.unwrap_or_default().max(Duration::from_millis(1));
                tokio::time::sleep(wait).await;
            }
            Self::Manual(now) => {
                let mut now = now.subscribe();
                // The sender lives as long as `self`, so the wait ends only when the time is reached.
                let _ = now.wait_for(|now| *now >= moment).await;
            }
        }
    }
}

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
    pub fn announced(moment: Timestamp, now: Timestamp) -> Self {
        Self((moment > now).then_some(moment))
    }

    /// The same deadline, `margin` earlier: leaves time to store the state.
    #[must_use]
    pub fn less(self, margin: Duration) -> Self {
        Self(
            self.0
                .map(|at| at.saturating_sub(margin).unwrap_or(Timestamp::MIN)),
        )
    }

    /// Whether a wait that starts at `now` ends before the deadline.
    pub fn allows(self, now: Timestamp, wait: Duration) -> bool {
        match self.0 {
            None => true,
            Some(at) => now.saturating_add(wait).is_ok_and(|end| end < at),
        }
    }

    /// The time left; `None` if there is no deadline.
    pub fn remaining(self, now: Timestamp) -> Option<Duration> {
        self.0
            .map(|at| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_deadline_in_the_past_means_none() {
        let now = at("2026-03-02T10:00:00Z");

        let deadline = Deadline::announced(at("1970-01-01T00:10:00Z"), now);

        assert_eq!(deadline, Deadline::NONE);
    }

    #[test]
    fn a_wait_that_ends_at_the_deadline_is_too_long() {
        let now = at("2026-03-02T10:00:00Z");
        let deadline = Deadline::announced(at("2026-03-02T10:00:30Z"), now);

        assert!(deadline.allows(now, Duration::from_secs(29)));
        assert!(!deadline.allows(now, Duration::from_secs(30)));
        assert!(
            !deadline
                .less(Duration::from_secs(5))
                .allows(now, Duration::from_secs(26))
        );
    }

    #[tokio::test]
    async fn a_wait_on_a_manual_clock_takes_no_time_and_passes_it() {
        let clock = Clock::manual(at("2026-03-02T10:00:00Z"));

        clock.sleep(Duration::from_hours(1)).await;

        assert_eq!(clock.now(), at("2026-03-02T11:00:00Z"));
    }
}
