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

use super::{RateLimiter, Ticket};

mod other;
mod promises;
mod server;

use other::Other;
use server::{Server, ServerResponse};

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
    /// A retry of `reserve` after the wait that it returned; ignored if it has been called since.
    Retry(usize),
    /// A caller's request reaches the server.
    Arrival(usize),
    /// The response has arrived, with this index among the responses.
    Response(usize, usize),
    /// The other client's request reaches the server.
    Other,
}

struct Run {
    rng: Rng,
    now: u64,
    events: BinaryHeap<Reverse<(u64, usize, Event)>>,
    scheduled: usize,
    last_retry: usize,
    pace: RateLimiter,
    /// Callers in the queue, and since when each has waited.
    waiting: VecDeque<(usize, u64)>,
    tickets: Vec<Option<Ticket>>,
    responses: Vec<ServerResponse>,
    server: Server,
    other: Other,
    latency: Latency,
    counts: Counts,
}

/// Latency of requests and responses, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Latency {
    shortest: u64,
    typical: u64,
    /// One in this many takes ten times as long.
    slow_one_in: u64,
}

/// Counts from the second window on.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    ours: u64,
    ours_refused: u64,
    theirs: u64,
    theirs_refused: u64,
    /// The longest time that a caller waited in the queue.
    longest_wait: u64,
}

impl Run {
    fn new(seed: u64, server: Server, other: Other, latency: Latency) -> Self {
        let mut run = Self {
            rng: Rng::with_seed(seed),
            now: 0,
            events: BinaryHeap::new(),
            scheduled: 0,
            last_retry: 0,
            pace: RateLimiter::default(),
            waiting: VecDeque::new(),
            tickets: (0..CALLERS).map(|_| None).collect(),
            responses: Vec::new(),
            server,
            other,
            latency,
            counts: Counts::default(),
        };
        (0..CALLERS).for_each(|caller| run.schedule(0, Event::Ready(caller)));
        if let Some(pause) = run.other.pause(0, &mut run.rng) {
            run.schedule(pause, Event::Other);
        }
        run
    }

    fn finish(mut self) -> Counts {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at >= WINDOWS * MINUTE {
                break;
            }
            self.now = at;
            if !matches!(event, Event::Retry(number) if number != self.last_retry) {
                let changes_nothing_for_us = matches!(event, Event::Arrival(_) | Event::Other);
                self.handle(event);
                if !changes_nothing_for_us {
                    self.send_waiting();
                }
            }
        }
        self.counts
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Ready(caller) => self.waiting.push_back((caller, self.now)),
            Event::Retry(_) => {}
            Event::Arrival(caller) => {
                let response = self.server.count_ours(self.now);
                self.tally(|counts| {
                    if response.ok {
                        &mut counts.ours
                    } else {
                        &mut counts.ours_refused
                    }
                });
                self.responses.push(response);
                let delay = self.random_latency();
                self.schedule(delay, Event::Response(caller, self.responses.len() - 1));
            }
            Event::Response(caller, number) => self.receive_response(caller, number),
            Event::Other => {
                let response = self.server.count_theirs(self.now);
                self.tally(|counts| {
                    if response.ok {
                        &mut counts.theirs
                    } else {
                        &mut counts.theirs_refused
                    }
                });
                let retry_pause = if response.ok {
                    0
                } else {
                    response.retry_after * SECOND
                };
                if let Some(pause) = self.other.pause(self.now + retry_pause, &mut self.rng) {
                    self.schedule(retry_pause + pause, Event::Other);
                }
            }
        }
    }

    /// First come, first served, as in the client.
    fn send_waiting(&mut self) {
        while let Some(&(caller, since)) = self.waiting.front() {
            match self.pace.reserve(moment(self.now)) {
                Ok(ticket) => {
                    self.waiting.pop_front();
                    self.counts.longest_wait = self.counts.longest_wait.max(self.now - since);
                    self.tickets[caller] = Some(ticket);
                    let delay = self.random_latency();
                    self.schedule(delay, Event::Arrival(caller));
                }
                Err(wait) => {
                    let wait = u64::try_from(wait.as_millis()).unwrap() + 1;
                    self.last_retry += 1;
                    return self.schedule(wait, Event::Retry(self.last_retry));
                }
            }
        }
    }

    fn receive_response(&mut self, caller: usize, number: usize) {
        let response = &self.responses[number];
        let ticket = self.tickets[caller].take().unwrap();
        self.pace
            .record_response(&ticket, &response.headers(), moment(self.now));
        if response.ok {
            // The caller reads and archives the body before it wants the next page.
            let work = self.rng.u64(0..200);
            self.schedule(work, Event::Ready(caller));
        } else {
            let wait = Duration::from_secs(response.retry_after);
            self.pace.hold(wait, moment(self.now));
            self.schedule(0, Event::Ready(caller));
        }
    }

    fn schedule(&mut self, milliseconds: u64, event: Event) {
        self.scheduled += 1;
        self.events
            .push(Reverse((self.now + milliseconds, self.scheduled, event)));
    }

    fn random_latency(&mut self) -> u64 {
        let Latency {
            shortest,
            typical,
            slow_one_in,
        } = self.latency;
        let usual = shortest + self.rng.u64(0..=2 * (typical - shortest));
        if self.rng.u64(0..slow_one_in) == 0 {
            10 * usual
        } else {
            usual
        }
    }

    fn tally(&mut self, counter: impl FnOnce(&mut Counts) -> &mut u64) {
        if self.now >= MINUTE {
            *counter(&mut self.counts) += 1;
        }
    }
}

impl Counts {
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
