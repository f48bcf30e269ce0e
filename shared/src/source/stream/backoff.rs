//! The waits between two attempts to connect. Pure.

use std::time::Duration;

/// Exponential with full jitter.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

const FIRST_CEILING: Duration = Duration::from_secs(1);

const LAST_CEILING: Duration = Duration::from_secs(30);

/// A connection that heard frames or heartbeats for this long was a success.
pub(super) const HEALTHY_AFTER: Duration = Duration::from_mins(1);

impl Backoff {
    /// The wait after a connection that heard for `heard_for`, with `jitter` between 0 and 1.
    pub(super) fn wait(&mut self, heard_for: Duration, jitter: f64) -> Duration {
        if heard_for >= HEALTHY_AFTER {
            self.failures = 0;
        }
        let ceiling = FIRST_CEILING.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        ceiling.min(LAST_CEILING).mul_f64(jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIEFLY: Duration = Duration::from_secs(59);

    #[test]
    fn waits_double_up_to_thirty_seconds() {
        let mut backoff = Backoff::default();

        let waits = [(); 7].map(|()| backoff.wait(BRIEFLY, 1.0).as_secs());

        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.wait(BRIEFLY, 0.5), Duration::from_secs(15));
        assert_eq!(backoff.wait(BRIEFLY, 0.0), Duration::ZERO);
    }

    #[test]
    fn a_minute_of_frames_begins_the_waits_again() {
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            backoff.wait(BRIEFLY, 1.0);
        }

        let waits = [HEALTHY_AFTER, BRIEFLY].map(|heard| backoff.wait(heard, 1.0).as_secs());

        assert_eq!(waits, [1, 2]);
    }
}
