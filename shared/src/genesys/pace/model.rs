//! Simulates a server, four callers and another client on virtual time, to measure how well the pace uses a budget.
//!
//! Everything follows from a seed. A request travels, is counted at some moment, and its response travels back; the
//! server's report is therefore old when it arrives, and responses overtake each other.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of a few thousand, shown in per cent"
)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;

use super::{Pace, Ticket};

mod other;
mod promises;
mod server;

use other::Other;
use server::{Answer, Server};

const CALLERS: usize = 4;
/// One window to begin with, and then the windows that are measured.
const WINDOWS: u64 = 12;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// An event at a millisecond of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A caller has done its work and wants to send.
    Ready(usize),
    /// The pace asked to be called again now; ignored if it has been called since.
    Ask(usize),
    /// A caller's request reaches the server.
    Arrival(usize),
    /// The response has arrived, with this index among the answers.
    Back(usize, usize),
    /// The other client's request reaches the server.
    Other,
}

struct Run {
    rng: Rng,
    now: u64,
    events: BinaryHeap<Reverse<(u64, usize, Event)>>,
    scheduled: usize,
    asked: usize,
    pace: Pace,
    /// Callers in the queue, and since when each has waited.
    waiting: VecDeque<(usize, u64)>,
    tickets: Vec<Option<Ticket>>,
    answers: Vec<Answer>,
    server: Server,
    other: Other,
    way: Way,
    served: Served,
}

/// Latency of requests and responses, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Way {
    shortest: u64,
    typical: u64,
    /// One in this many takes ten times as long.
    slow_one_in: u64,
}

/// Counts from the second window on.
#[derive(Clone, Copy, Debug, Default)]
struct Served {
    ours: u64,
    ours_refused: u64,
    theirs: u64,
    theirs_refused: u64,
    /// The longest time that a caller waited in the queue.
    longest_wait: u64,
}

impl Run {
    fn new(seed: u64, server: Server, other: Other, way: Way) -> Self {
        let mut run = Self {
            rng: Rng::with_seed(seed),
            now: 0,
            events: BinaryHeap::new(),
            scheduled: 0,
            asked: 0,
            pace: Pace::default(),
            waiting: VecDeque::new(),
            tickets: (0..CALLERS).map(|_| None).collect(),
            answers: Vec::new(),
            server,
            other,
            way,
            served: Served::default(),
        };
        (0..CALLERS).for_each(|caller| run.after(0, Event::Ready(caller)));
        if let Some(pause) = run.other.pause(0, &mut run.rng) {
            run.after(pause, Event::Other);
        }
        run
    }

    fn finish(mut self) -> Served {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at >= WINDOWS * MINUTE {
                break;
            }
            self.now = at;
            if !matches!(event, Event::Ask(asked) if asked != self.asked) {
                let changes_nothing_for_us = matches!(event, Event::Arrival(_) | Event::Other);
                self.take(event);
                if !changes_nothing_for_us {
                    self.let_go();
                }
            }
        }
        self.served
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Ready(caller) => self.waiting.push_back((caller, self.now)),
            Event::Ask(_) => {}
            Event::Arrival(caller) => {
                let answer = self.server.count_ours(self.now);
                self.tally(|served| {
                    if answer.ok {
                        &mut served.ours
                    } else {
                        &mut served.ours_refused
                    }
                });
                self.answers.push(answer);
                let back = self.travel();
                self.after(back, Event::Back(caller, self.answers.len() - 1));
            }
            Event::Back(caller, number) => self.back(caller, number),
            Event::Other => {
                let answer = self.server.count_theirs(self.now);
                self.tally(|served| {
                    if answer.ok {
                        &mut served.theirs
                    } else {
                        &mut served.theirs_refused
                    }
                });
                let silence = if answer.ok {
                    0
                } else {
                    answer.retry_after * SECOND
                };
                if let Some(pause) = self.other.pause(self.now + silence, &mut self.rng) {
                    self.after(silence + pause, Event::Other);
                }
            }
        }
    }

    /// First come, first served, as in the client.
    fn let_go(&mut self) {
        while let Some(&(caller, since)) = self.waiting.front() {
            match self.pace.reserve(moment(self.now)) {
                Ok(ticket) => {
                    self.waiting.pop_front();
                    self.served.longest_wait = self.served.longest_wait.max(self.now - since);
                    self.tickets[caller] = Some(ticket);
                    let there = self.travel();
                    self.after(there, Event::Arrival(caller));
                }
                Err(wait) => {
                    let wait = u64::try_from(wait.as_millis()).unwrap() + 1;
                    self.asked += 1;
                    return self.after(wait, Event::Ask(self.asked));
                }
            }
        }
    }

    fn back(&mut self, caller: usize, number: usize) {
        let answer = &self.answers[number];
        let ticket = self.tickets[caller].take().unwrap();
        self.pace
            .answered(&ticket, &answer.headers(), moment(self.now));
        if answer.ok {
            // The caller reads and archives the body before it wants the next page.
            let work = self.rng.u64(0..200);
            self.after(work, Event::Ready(caller));
        } else {
            let wait = Duration::from_secs(answer.retry_after);
            self.pace.hold(wait, moment(self.now));
            self.after(0, Event::Ready(caller));
        }
    }

    fn after(&mut self, milliseconds: u64, event: Event) {
        self.scheduled += 1;
        self.events
            .push(Reverse((self.now + milliseconds, self.scheduled, event)));
    }

    fn travel(&mut self) -> u64 {
        let Way {
            shortest,
            typical,
            slow_one_in,
        } = self.way;
        let usual = shortest + self.rng.u64(0..=2 * (typical - shortest));
        if self.rng.u64(0..slow_one_in) == 0 {
            10 * usual
        } else {
            usual
        }
    }

    fn tally(&mut self, which: impl FnOnce(&mut Served) -> &mut u64) {
        if self.now >= MINUTE {
            *which(&mut self.served) += 1;
        }
    }
}

impl Served {
    /// Used share of what was allowed in the measured windows.
    fn used(&self) -> f64 {
        let allowed = f64::from(server::ALLOWED) * (WINDOWS - 1) as f64;
        (self.ours + self.theirs) as f64 / allowed
    }

    fn refused(&self) -> f64 {
        self.ours_refused as f64 / (self.ours + self.ours_refused) as f64
    }

    fn others_refused(&self) -> f64 {
        self.theirs_refused as f64 / (self.theirs + self.theirs_refused).max(1) as f64
    }
}

fn moment(milliseconds: u64) -> Timestamp {
    Timestamp::from_millisecond(1_772_445_600_000).unwrap() + Duration::from_millis(milliseconds)
}
