//! The troubles of a month, and when they happen.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;

/// The shortest and the longest duration of a trouble.
const MINUTES: (f64, f64) = (3.0, 180.0);

/// Maximum number of troubles in a month.
const TROUBLES: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TroubleKind {
    /// Every API request gets a response with this status.
    Api(u16),
    /// Every login gets a response with this status.
    Login(u16),
    /// The store fails every call with `SlowDown`.
    Store,
    /// No function is invoked: messages are received but not handled, other invocations wait.
    Functions,
    /// Every webhook delivery gets a response with 503.
    Receiver,
    /// Every message is lost at once.
    LostQueues,
    /// The process is killed after this number of further steps.
    Kill(u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    pub(super) kind: TroubleKind,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Trouble {
    pub(super) fn is_active_at(&self, moment: Timestamp) -> bool {
        self.from <= moment && moment < self.until
    }
}

/// The troubles of the month, by their beginnings. `busy` are moments around which things happen: most of the troubles
/// begin shortly before or after one of them.
pub(super) fn draw(
    rng: &mut Rng,
    month: (Timestamp, Timestamp),
    busy: &[Timestamp],
) -> Vec<Trouble> {
    let number = rng.usize(10..=TROUBLES);
    let mut troubles: Vec<_> = (0..number).map(|_| trouble(rng, month, busy)).collect();
    troubles.sort_by_key(|trouble| trouble.from);
    troubles
}

fn trouble(rng: &mut Rng, month: (Timestamp, Timestamp), busy: &[Timestamp]) -> Trouble {
    let kind = match rng.u8(..10) {
        0 | 1 => TroubleKind::Api(*rng.choice(&[429, 500, 502, 503]).unwrap_or(&503)),
        2 => TroubleKind::Login(*rng.choice(&[500, 503]).unwrap_or(&503)),
        3 | 4 => TroubleKind::Store,
        5 | 6 => TroubleKind::Functions,
        7 => TroubleKind::Receiver,
        8 => TroubleKind::LostQueues,
        _ => TroubleKind::Kill(rng.u64(..200)),
    };
    let from = if rng.u8(..5) < 4 {
        let near = *rng.choice(busy).unwrap_or(&month.0);
        let around = jiff::SignedDuration::from_secs(rng.i64(-3_600..3_600));
        near.saturating_add(around).unwrap_or(near)
    } else {
        let seconds = rng.i64(month.0.as_second()..month.1.as_second());
        Timestamp::from_second(seconds).unwrap_or(month.0)
    };
    // Log-uniform: short durations are as frequent as long ones.
    let minutes = MINUTES.0 * (MINUTES.1 / MINUTES.0).powf(rng.f64());
    let duration = match kind {
        TroubleKind::LostQueues | TroubleKind::Kill(_) => Duration::ZERO,
        _ => Duration::from_secs_f64(minutes * 60.0),
    };
    Trouble {
        kind,
        from,
        until: from.saturating_add(duration).unwrap_or(from),
    }
}
