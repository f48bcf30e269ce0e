//! What goes wrong, how often, and with which answer. The rates are probabilities of one request, drawn from a seed and the
//! request's number, so that one seed gives one schedule.

pub(crate) mod malformed;
pub(crate) mod repeats;
pub(crate) mod schedule;

use std::time::Duration;

use jiff::Timestamp;

use crate::route::Route;

pub use repeats::{Repeat, RepeatedRow};

#[derive(Clone, Debug)]
pub struct Faults {
    pub seed: u64,
    /// 429.
    pub throttle: f64,
    pub retry_after: RetryAfter,
    /// 500, 502, 503 or 504, with an `ErrorBody` or the HTML page of a proxy.
    pub server_error: f64,
    pub timeout_408: f64,
    /// The whole length is announced, the connection closed in the middle of the body.
    pub cut_off: f64,
    /// Closed without any response; every other time after the request had its effect.
    pub reset: f64,
    /// The body comes in small pieces with `slow_pause` between them.
    pub slow: f64,
    pub slow_pause: Duration,
    /// Headers and half a body, then nothing until the client goes away.
    pub stall: f64,
    /// 200 with a body that is no JSON.
    pub garbage: f64,
    /// After so many faults in a row on one route, its next request is served; `u32::MAX`: never for that reason.
    pub max_in_a_row: u32,
    /// Where the faults above happen; everywhere when absent.
    pub only_routes: Option<Vec<Route>>,
    /// Every nth record, in place of a good one, is valid JSON that lacks its id or start, or is no object, or starts at no date.
    pub malformed_every: Option<usize>,
    /// Rows of a job and of a query of the gateway that are served again, ordered by `again_at`.
    pub repeated_rows: Vec<RepeatedRow>,
    pub outage: Option<Outage>,
    pub permanent: Option<Permanent>,
    /// Added to the `totalRecords` that the gateway announces.
    pub gateway_total: i64,
    /// A page holds fewer records than asked for, but at least one.
    pub gateway_short_pages: f64,
    /// So many times per query, a page before the end is empty.
    pub gateway_empty_early: u32,
    /// Of conversations that began at the same time each page of a query has its own order, so that paging shows some of
    /// them twice and others not at all. Nothing documents an order of ties.
    pub loose_ties: bool,
    /// Jobs end as FAILED.
    pub job_fails: bool,
    /// Jobs stay QUEUED.
    pub job_stuck: bool,
}

/// What a 429 says of the time to wait.
#[derive(Clone, Debug)]
pub enum RetryAfter {
    Seconds(u32),
    Absent,
    /// A word or an HTTP date.
    NotANumber,
    /// Any of these, with at most so many seconds.
    Mixed(u32),
}

/// Everything answers alike while it lasts.
#[derive(Clone, Debug)]
pub struct Outage {
    pub from: Timestamp,
    pub to: Timestamp,
    pub kind: OutageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageKind {
    Throttled,
    Unavailable,
}

/// One route stops working for good.
#[derive(Clone, Debug)]
pub struct Permanent {
    pub route: Route,
    /// So many requests on the route are served first.
    pub after: u64,
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 0,
            throttle: 0.0,
            retry_after: RetryAfter::Seconds(1),
            server_error: 0.0,
            timeout_408: 0.0,
            cut_off: 0.0,
            reset: 0.0,
            slow: 0.0,
            slow_pause: Duration::from_millis(2),
            stall: 0.0,
            garbage: 0.0,
            max_in_a_row: 3,
            only_routes: None,
            malformed_every: None,
            repeated_rows: Vec::new(),
            outage: None,
            permanent: None,
            gateway_total: 0,
            gateway_short_pages: 0.0,
            gateway_empty_early: 0,
            loose_ties: false,
            job_fails: false,
            job_stuck: false,
        }
    }
}

impl Faults {
    /// A lively mix of what passes by itself: about every third request fails. No stalls, since each costs a client's read timeout in real time.
    pub fn transient(seed: u64) -> Self {
        Self {
            seed,
            throttle: 0.09,
            retry_after: RetryAfter::Mixed(30),
            server_error: 0.07,
            timeout_408: 0.05,
            cut_off: 0.06,
            reset: 0.06,
            slow: 0.08,
            garbage: 0.05,
            gateway_short_pages: 0.15,
            gateway_empty_early: 1,
            ..Self::default()
        }
    }

    /// Enough to be seen, little enough not to be waited for.
    pub fn demo(seed: u64) -> Self {
        Self {
            seed,
            throttle: 0.05,
            retry_after: RetryAfter::Mixed(2),
            server_error: 0.05,
            cut_off: 0.03,
            reset: 0.03,
            slow: 0.05,
            slow_pause: Duration::from_millis(3),
            max_in_a_row: 2,
            gateway_short_pages: 0.05,
            ..Self::default()
        }
    }
}
