//! Measures how much other clients spend of the same budget: the growth of the server's count that is not ours.

use std::time::Duration;

use jiff::Timestamp;

use super::{earlier, until};

/// An average over about the last 15 seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ForeignTraffic {
    per_second: f64,
    since: Option<Mark>,
    /// Responses to our requests since the mark.
    ours: u32,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    count: u32,
    at: Timestamp,
}

/// Over less, our own requests in flight would be taken for those of other clients.
const SHORTEST_STEP: Duration = Duration::from_secs(1);

const MEMORY: Duration = Duration::from_secs(15);

impl ForeignTraffic {
    /// Requests per second. Requests in flight can make the count lag and the average negative, which reads as zero.
    pub(super) fn rate(&self) -> f64 {
        self.per_second.max(0.0)
    }

    pub(super) fn count_ours(&mut self) {
        self.ours = self.ours.saturating_add(1);
    }

    /// Records the current count of the same window, from which `leaving` requests per second have dropped out.
    pub(super) fn observe(&mut self, count: u32, leaving: f64, now: Timestamp) {
        let Some(mark) = self.since else {
            return self.begin(count, now);
        };
        let passed = until(now, mark.at);
        if passed < SHORTEST_STEP {
            return;
        }
        let seconds = passed.as_secs_f64();
        let growth = f64::from(count) - f64::from(mark.count) - f64::from(self.ours);
        let theirs = growth / seconds + leaving;
        let weight = 1.0 - (-seconds / MEMORY.as_secs_f64()).exp();
        self.per_second += weight * (theirs - self.per_second);
        self.begin(count, now);
    }

    /// Moves the mark back after the clock was set back.
    pub(super) fn set_back(&mut self, step: Duration) {
        if let Some(mark) = &mut self.since {
            mark.at = earlier(mark.at, step);
        }
    }

    /// Sets the count to compare with from now on.
    pub(super) fn begin(&mut self, count: u32, now: Timestamp) {
        self.since = Some(Mark { count, at: now });
        self.ours = 0;
    }
}
