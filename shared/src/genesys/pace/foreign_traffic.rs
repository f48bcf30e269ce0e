//! Measures how much other clients spend of the same budget: the growth of the server's count that is not ours.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::time::{earlier, elapsed};

/// An average over about the last 15 seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ForeignTraffic {
    per_second: f64,
    last_sample: Option<Sample>,
    /// Responses to our requests since the last sample.
    own_requests: u32,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
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

    pub(super) fn count_own_request(&mut self) {
        self.own_requests = self.own_requests.saturating_add(1);
    }

    /// Records the current count of the same window, from which `leaving_per_second` requests per second have dropped
    /// out.
    pub(super) fn observe(&mut self, count: u32, leaving_per_second: f64, now: Timestamp) {
        let Some(sample) = self.last_sample else {
            return self.restart(count, now);
        };
        let elapsed = elapsed(sample.at, now);
        if elapsed < SHORTEST_STEP {
            return;
        }
        let seconds = elapsed.as_secs_f64();
        let growth = f64::from(count) - f64::from(sample.count) - f64::from(self.own_requests);
        let others_per_second = growth / seconds + leaving_per_second;
        let weight = 1.0 - (-seconds / MEMORY.as_secs_f64()).exp();
        self.per_second += weight * (others_per_second - self.per_second);
        self.restart(count, now);
    }

    /// Moves the last sample back after the clock was set back.
    pub(super) fn shift_back(&mut self, step: Duration) {
        if let Some(sample) = &mut self.last_sample {
            sample.at = earlier(sample.at, step);
        }
    }

    /// Sets the count to compare with from now on.
    pub(super) fn restart(&mut self, count: u32, now: Timestamp) {
        self.last_sample = Some(Sample { count, at: now });
        self.own_requests = 0;
    }
}
