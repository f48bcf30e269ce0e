//! The token's request budget, as reported by the API's `inin-ratelimit-*` headers. Pure: time is an argument.
//!
//! The headers are in the example responses of an official SDK's README; the API documents no more about them:
//! <https://github.com/MyPureCloud/platform-client-sdk-javascript>
//!
//! The budget is to be used up and not exceeded, although the reported state is always slightly old, the windows may
//! be fixed or sliding, and other clients may spend from the budget unseen. Four rules achieve that:
//!
//! 1. **The server's count is the truth**, and requests in flight are added to it: a response does not include
//!    requests that were processed after it. So the last places of a window are never assigned twice.
//! 2. **Requests are spread** over the rest of the window, once a quarter of the budget is used. A burst to the limit
//!    would be no faster over a minute; it would make all callers wait for the rest of the window (a Lambda function
//!    then parks its page), and leave nothing to other clients of the budget. The first quarter is not slowed down,
//!    so that a small export is not affected.
//! 3. **The spending of other clients is measured**, as the growth of the count that is not ours, and set aside for
//!    the rest of the window.
//! 4. **A 429 holds all callers** on this token.
//!
//! The end of a window is known to within a second or two, since the reset is in whole seconds and a response takes
//! time. The budget is spread up to the earliest possible end, and a new window starts at the latest possible end; in
//! between, what is left is spent. A new window that is only assumed is not spent in a burst: until the server
//! reports it, a quarter of it counts as used.
//!
//! A token can be subject to several limits at once, its own and its client's; a response reports one of them. Each
//! limit is identified by its size and obeyed by its own count. (That several limits apply is not documented;
//! observed.)
//!
//! Without rate-limit headers requests are not slowed down, and only a 429 holds the callers.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

mod budget;
mod foreign_traffic;
mod headers;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use budget::{Budget, Learned};
use foreign_traffic::ForeignTraffic;
use headers::RateLimitHeaders;

/// Decides when a request may be sent. One for all callers of a token.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// One layer for each limit that responses have reported, the last reported one at the end.
    layers: Vec<Layer>,
    /// Requests that were let through and are not answered yet.
    in_flight: u32,
    last: Option<Timestamp>,
    /// The latest time that a caller has passed.
    seen: Option<Timestamp>,
    /// A 429 forbids requests until then.
    held: Option<Timestamp>,
}

/// One of the limits that a request counts towards; a response reports only one of them.
#[derive(Debug, Default)]
struct Layer {
    budget: Budget,
    others: ForeignTraffic,
}

/// One request that was let through; it is returned with the response, or without one.
#[derive(Debug)]
#[must_use = "a request without a reply keeps its place in the budget"]
pub(crate) struct Ticket {
    sent: Timestamp,
}

/// All known limits of the API count requests per minute.
/// <https://developer.genesys.cloud/organization/organization/limits#platform-api>
const WINDOW: Duration = Duration::from_mins(1);

/// The longest pause between two requests while there is room: only a response can report more room.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Callers on several threads overtake each other by less; a clock that goes back further was set.
const CLOCK_STEP: Duration = Duration::from_secs(2);

impl Pace {
    /// Time during which no request may be sent, whatever responses arrive in the meantime; zero if one may be sent.
    pub(crate) fn wait(&mut self, now: Timestamp) -> Duration {
        self.keep_time(now);
        let held = self.held.map_or(Duration::ZERO, |held| until(held, now));
        let exhausted = self.layers.iter().map(|it| it.budget.exhausted(0, now));
        exhausted.fold(held, Duration::max)
    }

    /// Requests per window, once a response has reported the limit.
    pub(crate) fn allowed(&self) -> Option<u32> {
        self.layers.last().map(|layer| layer.budget.allowed())
    }

    /// Time until a request may be sent, as far as is known; a response to another caller may shorten it.
    pub(crate) fn due(&mut self, now: Timestamp) -> Duration {
        self.wait(now).max(self.pause(now))
    }

    /// Lets one request through, or returns the wait before asking again. A response to another caller may shorten
    /// it.
    pub(crate) fn reserve(&mut self, now: Timestamp) -> Result<Ticket, Duration> {
        let wait = self.due(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.last = Some(now);
        Ok(Ticket { sent: now })
    }

    /// Updates the budget from a response. Missing and malformed headers are ignored.
    pub(crate) fn answered(&mut self, ticket: &Ticket, headers: &HeaderMap, now: Timestamp) {
        self.keep_time(now);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count_ours();
        if let Some(told) = RateLimitHeaders::read(headers, ticket.sent, now) {
            self.layer(told.allowed, now).learn(&told);
        }
    }

    /// The request was never sent, so the server cannot have counted it.
    pub(crate) fn unsent(&mut self, _: &Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// No response was received. The server may have counted the request all the same.
    pub(crate) fn lost(&mut self, _: &Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count_ours();
        for layer in &mut self.layers {
            layer.budget.count_one();
        }
    }

    /// Forbids requests for `wait`.
    pub(crate) fn hold(&mut self, wait: Duration, now: Timestamp) {
        self.keep_time(now);
        self.held = self.held.max(now.saturating_add(wait).ok());
    }

    /// A wall clock may be set back. All stored times then move with it, so that no caller waits for the old time to
    /// come again.
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

    /// Time until the next request is due in every layer.
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

    /// The layer of the limit that a response reports. Drops other layers that no response has reported for a whole
    /// window.
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
    fn learn(&mut self, told: &RateLimitHeaders) {
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
