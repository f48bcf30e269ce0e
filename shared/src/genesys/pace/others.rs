//! How much others spend of the same budget: the growth of the server's count that is not ours.

use std::time::Duration;

use jiff::Timestamp;

use super::{earlier, until};

/// An average over the last quarter of a minute or so.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others {
    per_second: f64,
    since: Option<Mark>,
    /// Answers to us since the mark.
    ours: u32,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    count: u32,
    at: Timestamp,
}

/// Over less, requests in flight would be taken for somebody else's.
const SHORTEST_STEP: Duration = Duration::from_secs(1);

const MEMORY: Duration = Duration::from_secs(15);

impl Others {
    /// Requests per second. In flight requests can make the count lag behind, which is nobody giving requests back.
    pub(super) fn rate(&self) -> f64 {
        self.per_second.max(0.0)
    }

    pub(super) fn count_ours(&mut self) {
        self.ours = self.ours.saturating_add(1);
    }

    /// The count of the same window is now this, after so many per second have fallen out of it.
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

    /// The clock was.
    pub(super) fn set_back(&mut self, step: Duration) {
        if let Some(mark) = &mut self.since {
            mark.at = earlier(mark.at, step);
        }
    }

    /// A window in which the count is this, to be compared with from now on.
    pub(super) fn begin(&mut self, count: u32, now: Timestamp) {
        self.since = Some(Mark { count, at: now });
        self.ours = 0;
    }
}
