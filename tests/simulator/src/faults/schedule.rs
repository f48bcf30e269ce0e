//! Selects the fault of each request from the seed and the request's number, before the request is processed.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::Timestamp;

use super::{Faults, OutageKind, Permanent, RetryAfter};
use crate::route::Route;

/// The way in which one request is handled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    Served,
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

impl Fate {
    /// The name under which the fault is counted; `None` when the request is served.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Served => None,
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

    fn is_answered(&self) -> bool {
        matches!(self, Self::Served | Self::Slow)
    }
}

/// The history that determines the next faults.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    requests: u64,
    in_a_row: BTreeMap<Route, u32>,
    served: BTreeMap<Route, u64>,
}

impl Schedule {
    pub(crate) fn next(&mut self, faults: &Faults, route: Route, now: Timestamp) -> Fate {
        self.requests += 1;
        if let Some(outage) = &faults.outage
            && outage.from <= now
            && now < outage.to
        {
            return Fate::Outage(outage.kind);
        }
        if faults
            .permanent
            .as_ref()
            .is_some_and(|it| self.has_begun(it, route))
        {
            return Fate::Permanent;
        }
        let fate = self.by_chance(faults, route);
        self.remember(route, &fate);
        fate
    }

    fn has_begun(&self, permanent: &Permanent, route: Route) -> bool {
        permanent.route == route
            && self.served.get(&route).copied().unwrap_or_default() >= permanent.after
    }

    fn by_chance(&self, faults: &Faults, route: Route) -> Fate {
        let spared = faults
            .only_routes
            .as_ref()
            .is_some_and(|routes| !routes.contains(&route));
        if spared {
            return Fate::Served;
        }
        let fate = draw(faults, &mut self.rng(faults.seed));
        let enough = self
            .in_a_row
            .get(&route)
            .is_some_and(|count| *count >= faults.max_in_a_row);
        if enough && !fate.is_answered() {
            Fate::Served
        } else {
            fate
        }
    }

    fn remember(&mut self, route: Route, fate: &Fate) {
        let in_a_row = self.in_a_row.entry(route).or_default();
        if fate.is_answered() {
            *in_a_row = 0;
            *self.served.entry(route).or_default() += 1;
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

fn draw(faults: &Faults, rng: &mut Rng) -> Fate {
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
        Some(0) => Fate::Throttled {
            retry_after: retry_after(&faults.retry_after, rng),
        },
        Some(1) => Fate::ServerError {
            status: *rng.choice(&[500, 502, 503, 504]).unwrap_or(&500),
            html: rng.bool(),
        },
        Some(2) => Fate::Timeout,
        Some(3) => Fate::CutOff,
        Some(4) if rng.bool() => Fate::ResetAfterEffect,
        Some(4) => Fate::Reset,
        Some(5) => Fate::Slow,
        Some(6) => Fate::Stall,
        Some(7) => Fate::Garbage,
        _ => Fate::Served,
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
