//! The token's request budget, as the API's `inin-ratelimit-*` headers tell it. Pure: time comes in as an argument.
//!
//! The budget is to be used up and not exceeded, though what we know of it is always a little old, its windows may be
//! fixed or sliding, and others may spend from it without saying so. Four rules do that:
//!
//! 1. **The server's count is the truth**, and what is in flight comes on top: an answer says nothing of requests that
//!    were processed after it. So the last places of a window are never given away twice.
//! 2. **Requests are spread** over what is left of the window, once a quarter of the budget is used. A burst to the end
//!    would be no faster over a minute; it would leave everybody waiting for the rest of the window (a Lambda function
//!    parks its page then), and whoever shares the budget would find nothing left. The first quarter goes as it comes, so
//!    that a small export notices nothing of all this.
//! 3. **What others spend is measured**, as the growth of the count that is not ours, and set aside for as long as the
//!    window lasts.
//! 4. **A 429 holds everybody** on this token.
//!
//! A window's end is known to a second or two, since the reset comes in whole seconds and an answer takes its time. We
//! aim at the earliest end that is possible, and begin anew at the latest; in between goes what is left. Nothing is sent
//! in bulk on the guess that a new window has begun: until the server says so it is taken to be a quarter used.
//!
//! A token can stand under several limits at once, its own and its client's; an answer tells of one. Each is known by how
//! much it allows and obeyed by its own count.
//!
//! Without any headers nobody is slowed down, and a 429 alone holds everybody.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

mod budget;
mod others;
mod told;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use budget::{Budget, Learned};
use others::Others;
use told::Told;

/// Who may send now. One for all callers of a token.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// One for each limit that answers have told of, the last one told of at the end.
    layers: Vec<Layer>,
    /// Let go and not answered yet.
    in_flight: u32,
    last: Option<Timestamp>,
    /// The latest moment that anybody came with.
    seen: Option<Timestamp>,
    /// A 429 asked for silence until then.
    held: Option<Timestamp>,
}

/// One of the limits that a request counts for: an answer tells of one alone.
#[derive(Debug, Default)]
struct Layer {
    budget: Budget,
    others: Others,
}

/// One request that was let go; it comes back with the answer, or without one.
#[derive(Debug)]
#[must_use = "a request that never comes back holds its place in the budget"]
pub(crate) struct Ticket {
    sent: Timestamp,
}

/// Every limit of the API that we know of counts requests per minute.
const WINDOW: Duration = Duration::from_mins(1);

/// The longest pause between two requests while there is room: an answer is the only way to hear of more.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Callers on several threads overtake each other by less; a clock that goes back further was set.
const CLOCK_STEP: Duration = Duration::from_secs(2);

impl Pace {
    /// How long nobody may send, whatever comes back in the meantime; zero if somebody may.
    pub(crate) fn wait(&mut self, now: Timestamp) -> Duration {
        self.keep_time(now);
        let held = self.held.map_or(Duration::ZERO, |held| until(held, now));
        let exhausted = self.layers.iter().map(|it| it.budget.exhausted(0, now));
        exhausted.fold(held, Duration::max)
    }

    /// Requests in a window, once an answer has said so.
    pub(crate) fn allowed(&self) -> Option<u32> {
        self.layers.last().map(|layer| layer.budget.allowed())
    }

    /// How long from now on nobody may send as far as we know; an answer to another may shorten it.
    pub(crate) fn due(&mut self, now: Timestamp) -> Duration {
        self.wait(now).max(self.pause(now))
    }

    /// Lets one request go, or says how long to wait before asking again. An answer to another may shorten that.
    pub(crate) fn reserve(&mut self, now: Timestamp) -> Result<Ticket, Duration> {
        let wait = self.due(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.last = Some(now);
        Ok(Ticket { sent: now })
    }

    /// Learns from an answer. Missing and malformed headers teach nothing.
    pub(crate) fn answered(&mut self, ticket: &Ticket, headers: &HeaderMap, now: Timestamp) {
        self.keep_time(now);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count_ours();
        if let Some(told) = Told::read(headers, ticket.sent, now) {
            self.layer(told.allowed, now).learn(&told);
        }
    }

    /// The request never left, so the server cannot have counted it.
    pub(crate) fn unsent(&mut self, _: &Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// No answer came. The server may have counted the request all the same.
    pub(crate) fn lost(&mut self, _: &Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count_ours();
        for layer in &mut self.layers {
            layer.budget.count_one();
        }
    }

    /// Nobody sends for so long.
    pub(crate) fn hold(&mut self, wait: Duration, now: Timestamp) {
        self.keep_time(now);
        self.held = self.held.max(now.saturating_add(wait).ok());
    }

    /// A wall clock may be set back. What we know of then moves with it, so that nobody waits until it is that late again.
    fn keep_time(&mut self, now: Timestamp) {
        let step = self.seen.map_or(Duration::ZERO, |seen| until(seen, now));
        if step <= CLOCK_STEP {
            self.seen = self.seen.max(Some(now));
            return;
        }
        self.seen = Some(now);
        self.held = self.held.map(|held| earlier(held, step));
        self.last = self.last.map(|last| earlier(last, step));
        for layer in &mut self.layers {
            layer.others.set_back(step);
            layer.budget.set_back(step);
        }
    }

    /// Until the next request is due in every layer.
    fn pause(&self, now: Timestamp) -> Duration {
        let pauses = self
            .layers
            .iter()
            .map(|layer| layer.pause(self.in_flight, self.last, now));
        pauses.max().unwrap_or_default()
    }

    fn count_ours(&mut self) {
        for layer in &mut self.layers {
            layer.others.count_ours();
        }
    }

    /// The layer that an answer tells of now. One that no answer has told of for long is not the one that matters.
    fn layer(&mut self, allowed: u32, now: Timestamp) -> &mut Layer {
        let told = |layer: &Layer| layer.budget.allowed() == allowed;
        self.layers
            .retain(|layer| told(layer) || !layer.budget.is_forgotten(now));
        let known = self.layers.iter().position(told);
        let layer = known.map_or_else(Layer::default, |place| self.layers.remove(place));
        self.layers.push_mut(layer)
    }
}

impl Layer {
    fn learn(&mut self, told: &Told) {
        match self.budget.learn(told) {
            Learned::Count { count, leaving } => {
                self.others.observe(count, leaving, told.received);
            }
            Learned::Turned(count) => self.others.begin(count, told.received),
            Learned::Nothing => {}
        }
    }

    fn pause(&self, in_flight: u32, last: Option<Timestamp>, now: Timestamp) -> Duration {
        let exhausted = self.budget.exhausted(in_flight, now);
        let rate = self.budget.rate(in_flight, self.others.rate(), now);
        let (Some(last), Some(rate)) = (last, rate) else {
            return exhausted;
        };
        let pause = Duration::try_from_secs_f64(rate.recip()).unwrap_or(LONGEST_PAUSE);
        let due = last.saturating_add(pause.min(LONGEST_PAUSE));
        exhausted.max(until(due.unwrap_or(now), now))
    }
}

fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO)
}

fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
