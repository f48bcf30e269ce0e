//! The window as the server last told it, and the rate at which what is left of it is to be spent.

use std::time::Duration;

use jiff::Timestamp;

use super::told::Told;
use super::{WINDOW, until};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    allowed: u32,
    /// The highest count of the window, since answers overtake each other.
    count: u32,
    /// The window ends between these two.
    earliest: Timestamp,
    latest: Timestamp,
    /// Of the answer that this is from.
    sent: Timestamp,
    received: Timestamp,
    course: Course,
}

/// How the server's windows follow each other: nobody says, but their ends show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    /// One after the other, each from nothing.
    #[default]
    Fixed,
    /// The last minute at any time.
    Sliding,
}

/// What an answer taught.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Learned {
    /// The count of the known window, from which so many requests fall out per second.
    Count { count: u32, leaving: f64 },
    /// It begins another window with this count.
    Turned(u32),
    /// It is of a window that is over.
    Nothing,
}

/// What is left is never spread over less: closer to the end the seconds of the reset tell too little, and so long is
/// the news of what others have spent on its way.
const SHORTEST_SPREAD: Duration = Duration::from_secs(2);

/// The share of a sliding window that is left free, so that others find a place before we have heard of them.
const CLEARANCE: f64 = 0.03;

/// How much faster than evenly a sliding window is filled that is emptier than that.
const CATCHING_UP: f64 = 1.5;

/// So much of a budget, one part in four, goes as it comes.
const FREE_PART: u32 = 4;

impl Budget {
    /// Takes an answer in.
    pub(super) fn learn(&mut self, told: &Told) -> Learned {
        // Fixed windows end a window apart; ends that move on by less are those of one that slides.
        let moved = until(told.earliest, self.latest);
        if moved > WINDOW / 2 {
            *self = Self::new(told, Course::Fixed);
            return Learned::Turned(self.count);
        }
        if !moved.is_zero() {
            self.course = Course::Sliding;
        }
        match self.course {
            Course::Fixed if told.latest < self.earliest => Learned::Nothing,
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

    /// A request that may have been counted.
    pub(super) fn count_one(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// How long the budget is used up, zero when it is not.
    pub(super) fn exhausted(&self, in_flight: u32, now: Timestamp) -> Duration {
        if self.room(in_flight, now) > 0 {
            return Duration::ZERO;
        }
        until(self.good_until(), now)
    }

    /// Requests per second, with so many per second by others; `None` for as many as come, zero or less for none.
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
            // We aim at the earliest end, and others go on to the latest.
            Course::Fixed => {
                let theirs = others * until(self.latest, now).as_secs_f64();
                (room - theirs) / until(self.earliest, now).max(SHORTEST_SPREAD).as_secs_f64()
            }
        })
    }

    fn new(told: &Told, course: Course) -> Self {
        let Told {
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

    /// One more answer of the same window.
    fn narrow(&mut self, told: &Told) {
        self.allowed = told.allowed;
        self.count = self.count.max(told.count);
        self.earliest = self.earliest.max(told.earliest);
        self.latest = self.latest.min(told.latest);
    }

    /// How many may still be sent in this window.
    fn room(&self, in_flight: u32, now: Timestamp) -> u32 {
        self.allowed
            .saturating_sub(self.used(now))
            .saturating_sub(in_flight)
    }

    /// A window that nobody has told us of yet has begun, and is taken to be past the part that goes as it comes.
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

    /// What a sliding window holds is soon out of date.
    fn good_until(&self) -> Timestamp {
        match self.course {
            Course::Fixed => self.latest,
            Course::Sliding => self
                .received
                .saturating_add(SHORTEST_SPREAD)
                .unwrap_or(Timestamp::MAX),
        }
    }
}
