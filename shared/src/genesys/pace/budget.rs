//! The window as the server last reported it, and the rate at which to spend the rest of its budget.

use std::time::Duration;

use jiff::Timestamp;

use super::headers::RateLimitHeaders;
use super::{WINDOW, earlier, until};

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
    course: Course,
}

/// How the server's windows follow each other: the API does not document it, but their ends show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    /// One after another, each starting from zero.
    #[default]
    Fixed,
    /// The window is the last minute at any time.
    Sliding,
}

/// Result of a response's headers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Learned {
    /// The count of the known window, from which `leaving` requests drop out per second.
    Count { count: u32, leaving: f64 },
    /// The response starts another window with this count.
    Turned(u32),
    /// The response is of a window that is over, or older than the known state.
    Nothing,
}

/// Ends that differ by up to this, because the servers' clocks differ, are of the same window.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3);

/// The rest of the budget is never spread over less: closer to the end the reset's whole seconds are too coarse, and
/// the count takes this long to show what other clients have spent.
const SHORTEST_SPREAD: Duration = Duration::from_secs(2);

/// Share of a sliding window to leave free, so that other clients find a place before their requests show in the
/// count.
const CLEARANCE: f64 = 0.03;

/// Highest rate, relative to an even one, at which a sliding window with more room than [`CLEARANCE`] is filled.
const CATCHING_UP: f64 = 1.5;

/// One part in four of a budget is not slowed down.
const FREE_PART: u32 = 4;

impl Budget {
    /// Updates the budget from a response.
    pub(super) fn learn(&mut self, told: &RateLimitHeaders) -> Learned {
        // Ends of fixed windows are a window apart.
        let later = until(told.earliest, self.latest);
        if later > WINDOW / 2 {
            return self.turn(told);
        }
        if until(self.earliest, told.latest) > WINDOW / 2 {
            // Of the previous window, unless the request was sent after this window was known: then this window was a
            // mistake.
            return if told.sent < self.received {
                Learned::Nothing
            } else {
                self.turn(told)
            };
        }
        // Ends that advance by less than that, and by more than clocks differ, are those of a sliding window.
        if later > CLOCKS_DIFFER {
            self.course = Course::Sliding;
        }
        match self.course {
            Course::Sliding if told.sent < self.sent => Learned::Nothing,
            Course::Fixed => {
                self.narrow(told);
                Learned::Count {
                    count: self.count,
                    leaving: 0.0,
                }
            }
            Course::Sliding => {
                *self = Self::new(told, Course::Sliding);
                let leaving = f64::from(self.count) / WINDOW.as_secs_f64();
                Learned::Count {
                    count: self.count,
                    leaving,
                }
            }
        }
    }

    pub(super) fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Moves all times back after the clock was set back.
    pub(super) fn set_back(&mut self, step: Duration) {
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
    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        until(now, self.received) > WINDOW
    }

    /// Counts a request that the server may have counted.
    pub(super) fn count_one(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Time for which the budget is used up; zero if it is not.
    pub(super) fn exhausted(&self, in_flight: u32, now: Timestamp) -> Duration {
        if self.room(in_flight, now) > 0 {
            return Duration::ZERO;
        }
        until(self.good_until(), now)
    }

    /// Requests per second to send while other clients send `others` per second; `None` for no limit, zero or less
    /// for none.
    pub(super) fn rate(&self, in_flight: u32, others: f64, now: Timestamp) -> Option<f64> {
        if self.used(now) < self.free() {
            return None;
        }
        let room = f64::from(self.room(in_flight, now));
        let even = f64::from(self.allowed) / WINDOW.as_secs_f64() - others;
        Some(match self.course {
            Course::Sliding => {
                even * (room / (CLEARANCE * f64::from(self.allowed))).min(CATCHING_UP)
            }
            Course::Fixed if self.is_over(now) => even,
            // We spread up to the earliest end, and other clients go on up to the latest.
            Course::Fixed => {
                let theirs = others * until(self.over(), now).as_secs_f64();
                (room - theirs) / until(self.aim(), now).max(SHORTEST_SPREAD).as_secs_f64()
            }
        })
    }

    fn new(told: &RateLimitHeaders, course: Course) -> Self {
        let RateLimitHeaders {
            count,
            allowed,
            sent,
            received,
            earliest,
            latest,
        } = *told;
        Self {
            allowed,
            count,
            earliest,
            latest,
            sent,
            received,
            course,
        }
    }

    fn turn(&mut self, told: &RateLimitHeaders) -> Learned {
        *self = Self::new(told, Course::Fixed);
        Learned::Turned(self.count)
    }

    /// Narrows the bounds by another response of the same window.
    fn narrow(&mut self, told: &RateLimitHeaders) {
        self.received = self.received.max(told.received);
        self.count = self.count.max(told.count);
        self.earliest = self.earliest.max(told.earliest);
        self.latest = self.latest.min(told.latest);
    }

    /// The earliest possible end.
    fn aim(&self) -> Timestamp {
        self.earliest.min(self.latest)
    }

    /// The latest possible end, after which the window is certainly over.
    fn over(&self) -> Timestamp {
        self.earliest.max(self.latest)
    }

    /// Number of requests that may still be sent in this window.
    fn room(&self, in_flight: u32, now: Timestamp) -> u32 {
        self.allowed
            .saturating_sub(self.used(now))
            .saturating_sub(in_flight)
    }

    /// Used part of the budget. After the window's end an unreported one has begun, whose free part counts as used.
    fn used(&self, now: Timestamp) -> u32 {
        if self.is_over(now) {
            self.free()
        } else {
            self.count
        }
    }

    fn free(&self) -> u32 {
        self.allowed / FREE_PART
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.good_until() <= now
    }

    /// Time until which the state is valid. The state of a sliding window is soon out of date.
    fn good_until(&self) -> Timestamp {
        match self.course {
            Course::Fixed => self.over(),
            Course::Sliding => self
                .received
                .saturating_add(SHORTEST_SPREAD)
                .unwrap_or(Timestamp::MAX),
        }
    }
}
