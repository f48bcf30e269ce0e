//! Selects the fault of each request from the seed and the request's number, before the request is processed.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::Timestamp;

use super::{Faults, OutageKind, Permanent, RetryAfter};
use crate::route::Route;

/// The fault that a request meets, if any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ScheduledFault {
    NoFault,
    /// Served, but the body arrives slowly.
    Slow,
    /// The request has its effect, then the body stops in the middle and the connection closes.
    CutOff,
    /// The request has its effect, then the body stops in the middle and the connection stays open.
    Stall,
    /// The request has its effect, but the response is not JSON.
    Garbage,
    /// The request has its effect, but there is no response.
    ResetAfterEffect,
    Reset,
    Throttled {
        retry_after: Option<String>,
    },
    Timeout,
    ServerError {
        status: u16,
        html: bool,
    },
    Outage(OutageKind),
    Permanent,
}

impl ScheduledFault {
    /// The name under which the fault is counted; `None` when the request is served.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        match self {
            Self::NoFault => None,
            Self::Slow => Some("slow"),
            Self::CutOff => Some("cut_off"),
            Self::Stall => Some("stall"),
            Self::Garbage => Some("garbage"),
            Self::ResetAfterEffect => Some("reset_after_effect"),
            Self::Reset => Some("reset"),
            Self::Throttled { .. } => Some("throttle"),
            Self::Timeout => Some("timeout_408"),
            Self::ServerError { .. } => Some("server_error"),
            Self::Outage(_) => Some("outage"),
            Self::Permanent => Some("permanent"),
        }
    }

    fn is_served(&self) -> bool {
        matches!(self, Self::NoFault | Self::Slow)
    }
}

/// State that determines the next faults: the number of requests, and what happened to them on each route.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    requests: u64,
    in_a_row: BTreeMap<Route, u32>,
    served_counts: BTreeMap<Route, u64>,
}

impl Schedule {
    pub(crate) fn next(&mut self, faults: &Faults, route: Route, now: Timestamp) -> ScheduledFault {
        self.requests += 1;
        if let Some(outage) = &faults.outage
            && outage.from <= now
            && now < outage.to
        {
            return ScheduledFault::Outage(outage.kind);
        }
        if faults
            .permanent
            .as_ref()
            .is_some_and(|it| self.has_begun(it, route))
        {
            return ScheduledFault::Permanent;
        }
        let fault = self.draw_fault(faults, route);
        self.record(route, &fault);
        fault
    }

    fn has_begun(&self, permanent: &Permanent, route: Route) -> bool {
        permanent.route == route
            && self.served_counts.get(&route).copied().unwrap_or_default() >= permanent.after
    }

    fn draw_fault(&self, faults: &Faults, route: Route) -> ScheduledFault {
        let is_excluded = faults
            .only_routes
            .as_ref()
            .is_some_and(|routes| !routes.contains(&route));
        if is_excluded {
            return ScheduledFault::NoFault;
        }
        let fault = draw(faults, &mut self.rng(faults.seed));
        let is_maximum_reached = self
            .in_a_row
            .get(&route)
            .is_some_and(|count| *count >= faults.max_in_a_row);
        if is_maximum_reached && !fault.is_served() {
            ScheduledFault::NoFault
        } else {
            fault
        }
    }

    fn record(&mut self, route: Route, fault: &ScheduledFault) {
        let in_a_row = self.in_a_row.entry(route).or_default();
        if fault.is_served() {
            *in_a_row = 0;
            *self.served_counts.entry(route).or_default() += 1;
        } else {
            *in_a_row = in_a_row.saturating_add(1);
        }
    }

    /// A generator for this request only.
    pub(crate) fn rng(&self, seed: u64) -> Rng {
        let mut rng = Rng::with_seed(seed ^ self.requests.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        // The first outputs of neighbouring seeds are similar, so one is discarded.
        rng.u64(..);
        rng
    }
}

fn draw(faults: &Faults, rng: &mut Rng) -> ScheduledFault {
    let mut left = rng.f64();
    let rates = [
        faults.throttle,
        faults.server_error,
        faults.timeout_408,
        faults.cut_off,
        faults.reset,
        faults.slow,
        faults.stall,
        faults.garbage,
    ];
    let drawn = rates.iter().position(|rate| {
        left -= rate;
        left < 0.0
    });
    match drawn {
        Some(0) => ScheduledFault::Throttled {
            retry_after: retry_after(&faults.retry_after, rng),
        },
        Some(1) => ScheduledFault::ServerError {
            status: *rng.choice(&[500, 502, 503, 504]).unwrap_or(&500),
            html: rng.bool(),
        },
        Some(2) => ScheduledFault::Timeout,
        Some(3) => ScheduledFault::CutOff,
        Some(4) if rng.bool() => ScheduledFault::ResetAfterEffect,
        Some(4) => ScheduledFault::Reset,
        Some(5) => ScheduledFault::Slow,
        Some(6) => ScheduledFault::Stall,
        Some(7) => ScheduledFault::Garbage,
        _ => ScheduledFault::NoFault,
    }
}

pub(crate) fn retry_after(kind: &RetryAfter, rng: &mut Rng) -> Option<String> {
    match kind {
        RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
        RetryAfter::Absent => None,
        RetryAfter::NotANumber if rng.bool() => Some("soon".to_owned()),
        RetryAfter::NotANumber => Some("Wed, 21 Oct 2026 07:28:00 GMT".to_owned()),
        RetryAfter::Mixed(max) => match rng.u8(..10) {
            0 => None,
            1 => retry_after(&RetryAfter::NotANumber, rng),
            _ => Some(rng.u32(..=*max).to_string()),
        },
    }
}
