//! A share of the rate limit, for a client that leaves the rest to others on the same token. Pure: time is an argument.
//!
//! The requests of such a client are spaced evenly, so that no minute holds more of them than its share, whether the
//! server's windows are fixed or sliding. The budget that all requests share applies in addition.

use std::time::Duration;

use jiff::Timestamp;

use super::WINDOW;
use crate::base::time::{elapsed, later};

/// The part of the rate limit that a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateShare {
    percent: u32,
    processes: u32,
}

/// Spaces the requests of one client.
#[derive(Debug)]
pub(crate) struct ShareLimiter {
    share: RateShare,
    last_sent: Option<Timestamp>,
}

/// The documented limit of a token (the page of limits that `pace.rs` cites), until a response reports another one.
const DOCUMENTED_LIMIT: u32 = 300;

impl RateShare {
    /// `percent` of the limit, from 1 to 100, divided evenly among this number of processes.
    pub fn new(percent: u32, processes: u32) -> Self {
        Self {
            percent: percent.clamp(1, 100),
            processes: processes.max(1),
        }
    }

    /// The time between two requests at a limit of `allowed` requests per window.
    fn spacing(self, allowed: u32) -> Duration {
        let whole_shares = f64::from(allowed.max(1)) * f64::from(self.percent) / 100.0;
        WINDOW.mul_f64(f64::from(self.processes) / whole_shares)
    }
}

impl ShareLimiter {
    pub(crate) fn new(share: RateShare) -> Self {
        let last_sent = None;
        Self { share, last_sent }
    }

    /// The time until the next request may be sent, at this limit.
    pub(crate) fn wait(&self, allowed: Option<u32>, now: Timestamp) -> Duration {
        let spacing = self.share.spacing(allowed.unwrap_or(DOCUMENTED_LIMIT));
        let due = self.last_sent.map(|last_sent| later(last_sent, spacing));
        // At most one spacing, in case the wall clock was set back.
        due.map_or(Duration::ZERO, |due| elapsed(now, due).min(spacing))
    }

    pub(crate) fn record_sent(&mut self, now: Timestamp) {
        self.last_sent = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_323_200 + second).unwrap()
    }

    #[test]
    fn the_processes_together_stay_within_the_share() {
        let spacing = |percent, processes, allowed| {
            let share = RateShare::new(percent, processes);
            share.spacing(allowed).as_millis()
        };

        assert_eq!(spacing(25, 1, 300), 800);
        assert_eq!(spacing(25, 2, 300), 1_600);
        assert_eq!(spacing(100, 1, 3_000), 20);
        assert_eq!(spacing(1, 2, 300), 40_000);
        assert_eq!(spacing(0, 0, 0), spacing(1, 1, 1));
    }

    #[test]
    fn requests_are_spaced_and_an_idle_time_saves_none_up() {
        let mut limiter = ShareLimiter::new(RateShare::new(25, 1));
        assert_eq!(limiter.wait(None, at(0)), Duration::ZERO);

        limiter.record_sent(at(0));

        assert_eq!(limiter.wait(None, at(0)), Duration::from_millis(800));
        assert_eq!(limiter.wait(Some(60), at(1)), Duration::from_secs(3));
        assert_eq!(limiter.wait(Some(60), at(600)), Duration::ZERO);
        limiter.record_sent(at(600));
        assert_eq!(limiter.wait(Some(60), at(600)), Duration::from_secs(4));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_one_request_by_one_spacing() {
        let mut limiter = ShareLimiter::new(RateShare::new(25, 1));
        limiter.record_sent(at(3_600));

        assert_eq!(limiter.wait(Some(60), at(0)), Duration::from_secs(4));
    }
}
