//! Which responses are altered, and for how long.

use fastrand::Rng;
use genesys_simulator::Route;

use super::alteration::{KINDS, Kind};
use super::scenario::{Feature, Scenario};

#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// Only this kind of alteration; any kind when `None`.
    pub(super) kind: Option<Kind>,
    /// Only responses on this route; any route when `None`.
    pub(super) route: Option<Route>,
    /// Probability that a response within the other limits is altered.
    pub(super) probability: f64,
    /// Only the first of these requests; without a limit until alterations are switched off.
    pub(super) first: Option<u32>,
    /// Only after the export was started.
    pub(super) after_start: bool,
}

impl Schedule {
    pub(super) fn draw(seed: u64, scenario: &Scenario) -> Self {
        let rng = &mut Rng::with_seed(seed ^ 0x5c4e_d01e);
        let mut routes = scenario.source.routes().to_vec();
        routes.push(Route::Login);
        if scenario.has(Feature::Names) {
            routes.extend([Route::Queues, Route::WrapUpCodes]);
        }
        if scenario.has(Feature::Files) {
            routes.extend([Route::Download, Route::Media]);
        }
        Self {
            kind: (rng.u8(..5) < 2).then(|| *rng.choice(&KINDS).unwrap_or(&Kind::Value)),
            route: rng
                .bool()
                .then(|| *rng.choice(&routes).unwrap_or(&Route::Login)),
            probability: *rng.choice(&[0.05, 0.1, 0.2, 0.4, 0.7, 1.0]).unwrap_or(&0.1),
            first: (rng.u8(..5) < 3).then(|| *rng.choice(&[1, 2, 3, 5, 8, 13, 20]).unwrap_or(&1)),
            after_start: rng.bool(),
        }
    }

    /// A schedule without alterations.
    pub(super) fn none() -> Self {
        Self {
            kind: None,
            route: None,
            probability: 0.0,
            first: None,
            after_start: false,
        }
    }
}
