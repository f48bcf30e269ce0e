//! The window as the server last reported it, and the rate at which to spend the rest of its budget.

use std::time::Duration;

use jiff::Timestamp;

use super::WINDOW;
use super::headers::RateLimitHeaders;
use crate::base::time::{earlier, elapsed, later};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    allowed: u32,
    /// The highest count of the window, since responses overtake each other.
    count: u32,
    /// Bounds of the window's end: no response allows an end before `earliest` or after `latest`. Responses of
    /// servers whose clocks differ can contradict each other: then `latest` is before `earliest`, and the window
    /// still ends between the two.
    earliest: Timestamp,
    latest: Timestamp,
    /// Of the request that reported this state.
    sent: Timestamp,
    received: Timestamp,
    window_kind: WindowKind,
}

/// How the server's windows follow each other: the API does not document it, but their ends show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum WindowKind {
    /// One after another, each starting from zero.
    #[default]
    Fixed,
    /// The window is the last minute at any time.
    Sliding,
}

/// Result of a response's headers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WindowUpdate {
    /// The count of the known window, from which `leaving_per_second` requests drop out per second.
    Count { count: u32, leaving_per_second: f64 },
    /// The response is of a new window, with this count.
    NewWindow(u32),
    /// The response is of a window that is over, or older than the known state.
    Ignored,
}

/// Ends that differ by up to this, because the servers' clocks differ, are of the same window.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(3);

/// The rest of the budget is never spread over less: closer to the end the reset's whole seconds are too coarse, and
/// the count takes this long to show what other clients have spent.
const SHORTEST_SPREAD: Duration = Duration::from_secs(2);

/// Share of a sliding window to leave free, so that other clients find a place before their requests show in the
/// count.
const CLEARANCE: f64 = 0.03;

/// Highest rate, relative to an even one, at which a sliding window with more room than [`CLEARANCE`] is filled.
const MAX_CATCH_UP_RATE: f64 = 1.5;

/// One part in four of a budget is not slowed down.
const FREE_PART: u32 = 4;

impl Budget {
    /// Updates the budget from a response.
    pub(super) fn update(&mut self, reported: &RateLimitHeaders) -> WindowUpdate {
        // Ends of fixed windows are a window apart.
        let advance = elapsed(self.latest, reported.earliest);
        if advance > WINDOW / 2 {
            return self.start_window(reported);
        }
        if elapsed(reported.latest, self.earliest) > WINDOW / 2 {
            // Of the previous window, unless the request was sent after this window was known: then this window was a
            // mistake.
            return if reported.sent < self.received {
                WindowUpdate::Ignored
            } else {
                self.start_window(reported)
            };
        }
        // Ends that advance by less than that, and by more than clocks differ, are those of a sliding window.
        if advance > MAX_CLOCK_DIFFERENCE {
            self.window_kind = WindowKind::Sliding;
        }
        match self.window_kind {
            WindowKind::Sliding if reported.sent < self.sent => WindowUpdate::Ignored,
            WindowKind::Fixed => {
                self.narrow(reported);
                WindowUpdate::Count {
                    count: self.count,
                    leaving_per_second: 0.0,
                }
            }
            WindowKind::Sliding => {
                *self = Self::new(reported, WindowKind::Sliding);
                let leaving_per_second = f64::from(self.count) / WINDOW.as_secs_f64();
                WindowUpdate::Count {
                    count: self.count,
                    leaving_per_second,
                }
            }
        }
    }

    pub(super) fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Moves all times back after the clock was set back.
    pub(super) fn shift_back(&mut self, step: Duration) {
        for moment in [
            &mut self.earliest,
            &mut self.latest,
            &mut self.sent,
            &mut self.received,
        ] {
            *moment = earlier(*moment, step);
        }
    }

    /// Whether no response has reported this budget for a whole window.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        elapsed(self.received, now) > WINDOW
    }

    /// Counts a request that the server may have counted.
    pub(super) fn count_request(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Time for which the budget is used up; zero if it is not.
    pub(super) fn exhausted_for(&self, in_flight: u32, now: Timestamp) -> Duration {
        if self.remaining(in_flight, now) > 0 {
            return Duration::ZERO;
        }
        elapsed(now, self.valid_until())
    }

    /// Requests per second to send while other clients send `others` per second; `None` for no limit, zero or less
    /// for none.
    pub(super) fn rate(&self, in_flight: u32, others: f64, now: Timestamp) -> Option<f64> {
        if self.used(now) < self.free_part() {
            return None;
        }
        let remaining = f64::from(self.remaining(in_flight, now));
        let even_rate = f64::from(self.allowed) / WINDOW.as_secs_f64() - others;
        Some(match self.window_kind {
            WindowKind::Sliding => {
                even_rate
                    * (remaining / (CLEARANCE * f64::from(self.allowed))).min(MAX_CATCH_UP_RATE)
            }
            WindowKind::Fixed if self.is_over(now) => even_rate,
            // We spread up to the earliest end, and other clients go on up to the latest.
            WindowKind::Fixed => {
                let expected_from_others = others * elapsed(now, self.latest_end()).as_secs_f64();
                (remaining - expected_from_others)
                    / elapsed(now, self.earliest_end())
                        .max(SHORTEST_SPREAD)
                        .as_secs_f64()
            }
        })
    }

    fn new(reported: &RateLimitHeaders, window_kind: WindowKind) -> Self {
        let RateLimitHeaders {
            count,
            allowed,
            sent,
            received,
            earliest,
            latest,
        } = *reported;
        Self {
            allowed,
            count,
            earliest,
            latest,
            sent,
            received,
            window_kind,
        }
    }

    fn start_window(&mut self, reported: &RateLimitHeaders) -> WindowUpdate {
        *self = Self::new(reported, WindowKind::Fixed);
        WindowUpdate::NewWindow(self.count)
    }

    /// Narrows the bounds by another response of the same window.
    fn narrow(&mut self, reported: &RateLimitHeaders) {
        self.received = self.received.max(reported.received);
        self.count = self.count.max(reported.count);
        self.earliest = self.earliest.max(reported.earliest);
        self.latest = self.latest.min(reported.latest);
    }

    /// The earliest possible end.
    fn earliest_end(&self) -> Timestamp {
        self.earliest.min(self.latest)
    }

    /// The latest possible end, after which the window is certainly over.
    fn latest_end(&self) -> Timestamp {
        self.earliest.max(self.latest)
    }

    /// Number of requests that may still be sent in this window.
    fn remaining(&self, in_flight: u32, now: Timestamp) -> u32 {
        self.allowed
            .saturating_sub(self.used(now))
            .saturating_sub(in_flight)
    }

    /// Used part of the budget. After the window's end an unreported one has begun, whose free part counts as used.
    fn used(&self, now: Timestamp) -> u32 {
        if self.is_over(now) {
            self.free_part()
        } else {
            self.count
        }
    }

    fn free_part(&self) -> u32 {
        self.allowed / FREE_PART
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.valid_until() <= now
    }

    /// Time until which the state is valid. The state of a sliding window is soon out of date.
    fn valid_until(&self) -> Timestamp {
        match self.window_kind {
            WindowKind::Fixed => self.latest_end(),
            WindowKind::Sliding => later(self.received, SHORTEST_SPREAD),
        }
    }
}
