//! The window as the server last told it, and the rate at which what is left of it is to be spent.

use std::time::Duration;

use jiff::Timestamp;

use super::told::Told;
use super::{WINDOW, earlier, until};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    allowed: u32,
    /// The highest count of the window, since answers overtake each other.
    count: u32,
    /// No answer allows an end before this, and none one after that. Answers of servers whose clocks differ can
    /// contradict each other: then the second comes first, and the window ends between the two all the same.
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

/// So much may the ends differ that the servers behind one address tell of the same window.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3);

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
        // Fixed windows end a window apart.
        let later = until(told.earliest, self.latest);
        if later > WINDOW / 2 {
            return self.turn(told);
        }
        if until(self.earliest, told.latest) > WINDOW / 2 {
            // Of the window before, unless we asked after we knew of ours: then that was a mistake.
            return if told.sent < self.received {
                Learned::Nothing
            } else {
                self.turn(told)
            };
        }
        // Ends that move on by less, and further than clocks differ, are those of a window that slides.
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

    /// The clock was.
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

    /// Nobody has told of it for as long as a window lasts.
    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        until(now, self.received) > WINDOW
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
                let theirs = others * until(self.over(), now).as_secs_f64();
                (room - theirs) / until(self.aim(), now).max(SHORTEST_SPREAD).as_secs_f64()
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

    fn turn(&mut self, told: &Told) -> Learned {
        *self = Self::new(told, Course::Fixed);
        Learned::Turned(self.count)
    }

    /// One more answer of the same window.
    fn narrow(&mut self, told: &Told) {
        self.received = self.received.max(told.received);
        self.count = self.count.max(told.count);
        self.earliest = self.earliest.max(told.earliest);
        self.latest = self.latest.min(told.latest);
    }

    /// Whatever the end is, not before this.
    fn aim(&self) -> Timestamp {
        self.earliest.min(self.latest)
    }

    /// Whatever the end was, it is behind us.
    fn over(&self) -> Timestamp {
        self.earliest.max(self.latest)
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
            Course::Fixed => self.over(),
            Course::Sliding => self
                .received
                .saturating_add(SHORTEST_SPREAD)
                .unwrap_or(Timestamp::MAX),
        }
    }
}
