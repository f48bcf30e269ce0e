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
mod share;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use budget::{Budget, WindowUpdate};
use foreign_traffic::ForeignTraffic;
use headers::RateLimitHeaders;

pub use share::RateShare;
pub(crate) use share::ShareLimiter;

use crate::base::time::{earlier, elapsed, later};

/// Decides when a request may be sent. One for all callers of a token.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    /// All limits that responses have reported, the last reported one at the end.
    limits: Vec<Limit>,
    /// Permitted requests without a response so far.
    in_flight: u32,
    last_sent: Option<Timestamp>,
    /// The latest time that was passed to this limiter.
    latest_time: Option<Timestamp>,
    /// A 429 forbids requests until then.
    held_until: Option<Timestamp>,
}

/// One of the limits that a request counts towards; a response reports only one of them.
#[derive(Debug, Default)]
struct Limit {
    budget: Budget,
    others: ForeignTraffic,
}

/// One permitted request; passed back when its response has arrived, or when there will be none.
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

impl RateLimiter {
    /// Time during which no request may be sent, whatever responses arrive in the meantime; zero if one may be sent.
    pub(crate) fn min_wait(&mut self, now: Timestamp) -> Duration {
        self.adjust_to_clock(now);
        let held = self
            .held_until
            .map_or(Duration::ZERO, |held| elapsed(now, held));
        let exhausted = self.limits.iter().map(|it| it.budget.exhausted_for(0, now));
        exhausted.fold(held, Duration::max)
    }

    /// Requests per window, once a response has reported the limit.
    pub(crate) fn allowed(&self) -> Option<u32> {
        self.limits.last().map(|limit| limit.budget.allowed())
    }

    /// Requests per window by the lowest of the limits that responses have reported.
    pub(crate) fn least_allowed(&self) -> Option<u32> {
        let allowed = self.limits.iter().map(|limit| limit.budget.allowed());
        allowed.min()
    }

    /// Time until a request may be sent, as far as is known; a response to another caller may shorten it.
    pub(crate) fn expected_wait(&mut self, now: Timestamp) -> Duration {
        self.min_wait(now).max(self.pause(now))
    }

    /// Permits one request, or returns the wait before the next call of this function. A response to another caller may
    /// shorten it.
    pub(crate) fn reserve(&mut self, now: Timestamp) -> Result<Ticket, Duration> {
        let wait = self.expected_wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.last_sent = Some(now);
        Ok(Ticket { sent: now })
    }

    /// Updates the budget from a response. Missing and malformed headers are ignored.
    pub(crate) fn record_response(&mut self, ticket: &Ticket, headers: &HeaderMap, now: Timestamp) {
        self.adjust_to_clock(now);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count_own_request();
        if let Some(reported) = RateLimitHeaders::read(headers, ticket.sent, now) {
            self.limit(reported.allowed, now).update(&reported);
        }
    }

    /// The request was never sent, so the server cannot have counted it.
    pub(crate) fn record_unsent(&mut self, _: &Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// No response was received. The server may have counted the request all the same.
    pub(crate) fn record_lost(&mut self, _: &Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count_own_request();
        for limit in &mut self.limits {
            limit.budget.count_request();
        }
    }

    /// Forbids requests for `wait`.
    pub(crate) fn hold(&mut self, wait: Duration, now: Timestamp) {
        self.adjust_to_clock(now);
        self.held_until = self.held_until.max(Some(later(now, wait)));
    }

    /// Detects that the wall clock was set back, and moves all stored times with it, so that no caller waits for the
    /// old time to come again.
    fn adjust_to_clock(&mut self, now: Timestamp) {
        let step = self
            .latest_time
            .map_or(Duration::ZERO, |latest_time| elapsed(now, latest_time));
        if step <= CLOCK_STEP {
            self.latest_time = self.latest_time.max(Some(now));
            return;
        }
        self.latest_time = Some(now);
        self.held_until = self.held_until.map(|held| earlier(held, step));
        self.last_sent = self.last_sent.map(|last_sent| earlier(last_sent, step));
        for limit in &mut self.limits {
            limit.others.shift_back(step);
            limit.budget.shift_back(step);
        }
    }

    /// Time until every limit permits the next request.
    fn pause(&self, now: Timestamp) -> Duration {
        let pauses = self
            .limits
            .iter()
            .map(|limit| limit.pause(self.in_flight, self.last_sent, now));
        pauses.max().unwrap_or_default()
    }

    fn count_own_request(&mut self) {
        for limit in &mut self.limits {
            limit.others.count_own_request();
        }
    }

    /// The limit that a response reports. Drops other limits that no response has reported for a whole
    /// window.
    fn limit(&mut self, allowed: u32, now: Timestamp) -> &mut Limit {
        let is_reported = |limit: &Limit| limit.budget.allowed() == allowed;
        self.limits
            .retain(|limit| is_reported(limit) || !limit.budget.is_stale(now));
        let known = self.limits.iter().position(is_reported);
        let limit = known.map_or_else(Limit::default, |place| self.limits.remove(place));
        self.limits.push_mut(limit)
    }
}

impl Limit {
    fn update(&mut self, reported: &RateLimitHeaders) {
        match self.budget.update(reported) {
            WindowUpdate::Count {
                count,
                leaving_per_second,
            } => {
                self.others
                    .observe(count, leaving_per_second, reported.received);
            }
            WindowUpdate::NewWindow(count) => self.others.restart(count, reported.received),
            WindowUpdate::Ignored => {}
        }
    }

    fn pause(&self, in_flight: u32, last_sent: Option<Timestamp>, now: Timestamp) -> Duration {
        let exhausted = self.budget.exhausted_for(in_flight, now);
        let rate = self.budget.rate(in_flight, self.others.rate(), now);
        let (Some(last_sent), Some(rate)) = (last_sent, rate) else {
            return exhausted;
        };
        let pause = Duration::try_from_secs_f64(rate.recip()).unwrap_or(LONGEST_PAUSE);
        let due = later(last_sent, pause.min(LONGEST_PAUSE));
        exhausted.max(elapsed(now, due))
    }
}
