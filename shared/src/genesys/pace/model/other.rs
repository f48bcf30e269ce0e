//! Another client of the same budget, independent of ours.

use std::time::Duration;

use fastrand::Rng;

use super::{MINUTE, SECOND};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    Nobody,
    /// Half of the budget, at a constant rate.
    Steady,
    /// Half of it, at random moments.
    Random,
    /// Ten at a time, every four seconds.
    Bursts,
    /// Half of the budget in every other minute, at random moments.
    OnAndOff,
}

/// Milliseconds between two requests at a rate of half of the budget.
const PAUSE: u64 = MINUTE / 150;

impl Other {
    /// Milliseconds until its next request.
    pub(super) fn pause(self, now: u64, rng: &mut Rng) -> Option<u64> {
        let mut random = || {
            let pause = Duration::from_millis(PAUSE).mul_f64(-(1.0 - rng.f64()).ln());
            u64::try_from(pause.as_millis()).ok()
        };
        match self {
            Self::Nobody => None,
            Self::Steady => Some(PAUSE),
            Self::Bursts if now % (4 * SECOND) < 9 => Some(1),
            Self::Bursts => Some(4 * SECOND - now % (4 * SECOND)),
            Self::OnAndOff if now / MINUTE % 2 == 1 => Some(MINUTE - now % MINUTE),
            Self::Random | Self::OnAndOff => random(),
        }
    }
}
