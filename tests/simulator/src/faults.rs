//! Faults, their rates, and the responses they cause. A rate is the probability that one request meets the fault, drawn
//! from a seed and the request's number, so that a seed always gives the same schedule.

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
    /// Rate of responses with 429.
    pub throttle: f64,
    pub retry_after: RetryAfter,
    /// 500, 502, 503 or 504, with an `ErrorBody` or the HTML page of a proxy.
    pub server_error: f64,
    pub timeout_408: f64,
    /// `Content-Length` announces the whole body; the connection closes in the middle of it.
    pub cut_off: f64,
    /// The connection closes without a response. In half of the cases the request has had its effect.
    pub reset: f64,
    /// The body comes in small pieces with `slow_pause` between them.
    pub slow: f64,
    pub slow_pause: Duration,
    /// Headers and half of the body are sent, then nothing until the client disconnects.
    pub stall: f64,
    /// 200 with a body that is not JSON.
    pub garbage: f64,
    /// After this number of consecutive faults on a route, the next request on it is served; `u32::MAX` means no limit.
    pub max_in_a_row: u32,
    /// Routes on which the faults above happen; all when `None`.
    pub only_routes: Option<Vec<Route>>,
    /// Every nth record, except entities of a history gateway, is replaced by valid JSON that lacks its id or start, is not an object, or whose start is not a
    /// date.
    pub malformed_every: Option<usize>,
    /// Rows of a job or a gateway query that are served again, sorted by `again_at`.
    pub repeated_rows: Vec<RepeatedRow>,
    pub outage: Option<Outage>,
    pub permanent: Option<Permanent>,
    /// Added to the `totalRecords` that the gateway announces.
    pub gateway_total: i64,
    /// Rate of pages that hold fewer records than requested, but at least one.
    pub gateway_short_pages: f64,
    /// Number of times per query that a page before the end is empty.
    pub gateway_empty_early: u32,
    /// Whether the intervals of both gateways include their end.
    pub gateway_interval_end: IntervalEnd,
    /// Each page of a query orders conversations with the same start differently, so that paging repeats some of them
    /// and omits others. The API does not document an order of ties.
    pub loose_ties: bool,
    /// Jobs end as FAILED.
    pub job_fails: bool,
    /// Jobs stay QUEUED.
    pub job_stuck: bool,
}

/// Whether a gateway's interval includes its end. The contract does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalEnd {
    Excluded,
    Included,
}

/// How a 429 states the time to wait.
#[derive(Clone, Debug)]
pub enum RetryAfter {
    Seconds(u32),
    Absent,
    /// A word or an HTTP date.
    NotANumber,
    /// Any of these, with at most this number of seconds.
    Mixed(u32),
}

/// All routes return the same error while it lasts.
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

/// One route stops working permanently.
#[derive(Clone, Debug)]
pub struct Permanent {
    pub route: Route,
    /// Number of requests on the route that are served first.
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
            gateway_interval_end: IntervalEnd::Excluded,
            loose_ties: false,
            job_fails: false,
            job_stuck: false,
        }
    }
}

impl Faults {
    /// A mix of transient faults: about every third request fails. Contains no stalls, because each costs a client's
    /// read timeout in real time.
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

    /// Refuses requests on a route with 403 for a missing permission, after the first `after` requests on it.
    pub fn refusing(route: Route, after: u64) -> Self {
        let permanent = Permanent {
            route,
            after,
            status: 403,
            code: "missing.permissions".to_owned(),
            message: "a permission is missing".to_owned(),
        };
        Self {
            permanent: Some(permanent),
            ..Self::default()
        }
    }

    /// Enough faults to be visible, few enough not to slow down a demo.
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
