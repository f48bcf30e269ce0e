//! The clock of the handlers: the wall clock in production, a manual clock in tests.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::base::time::{elapsed, later};

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
            now.send_modify(|now| *now = later(*now, duration));
        }
    }

    /// Like [`Clock::wait_until`]; without a moment, never ends.
    pub async fn wait_until_any(&self, moment: Option<Timestamp>) {
        match moment {
            Some(moment) => self.wait_until(moment).await,
            None => std::future::pending().await,
        }
    }

    /// Waits until `moment`. Unlike [`Clock::sleep`] it does not advance a manual clock.
    pub async fn wait_until(&self, moment: Timestamp) {
        match self {
            Self::System => {
                // At least a millisecond, so that rounding does not turn the wait into a busy loop.
                let wait = elapsed(self.now(), moment).max(Duration::from_millis(1));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn sleeping_on_a_manual_clock_advances_it_at_once() {
        let clock = Clock::manual(at("2026-03-02T10:00:00Z"));

        clock.sleep(Duration::from_hours(1)).await;

        assert_eq!(clock.now(), at("2026-03-02T11:00:00Z"));
    }
}
