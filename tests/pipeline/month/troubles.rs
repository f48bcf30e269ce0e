//! The troubles of a month, and when they happen.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;

/// The shortest and the longest duration of a trouble.
const MINUTES: (f64, f64) = (3.0, 180.0);

/// Maximum number.
const TROUBLES: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every request to the API is answered with this status.
    Api(u16),
    /// Every login is answered with this status.
    Login(u16),
    /// The store answers `SlowDown`.
    Store,
    /// No function is invoked: messages are received but not handled, other invocations wait.
    Functions,
    /// Webhooks are answered with 503.
    Receiver,
    /// Every message is lost at once.
    LostQueues,
    /// The process dies after this number of further steps.
    Kill(u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Trouble {
    pub(super) fn lasts_at(&self, moment: Timestamp) -> bool {
        self.from <= moment && moment < self.until
    }
}

/// The troubles of the month, by their beginnings. `busy` are moments around which things happen: most of the troubles begin
/// shortly before or after one of them.
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
        0 | 1 => Kind::Api(*rng.choice(&[429, 500, 502, 503]).unwrap_or(&503)),
        2 => Kind::Login(*rng.choice(&[500, 503]).unwrap_or(&503)),
        3 | 4 => Kind::Store,
        5 | 6 => Kind::Functions,
        7 => Kind::Receiver,
        8 => Kind::LostQueues,
        _ => Kind::Kill(rng.u64(..200)),
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
    let lasts = match kind {
        Kind::LostQueues | Kind::Kill(_) => Duration::ZERO,
        _ => Duration::from_secs_f64(minutes * 60.0),
    };
    Trouble {
        kind,
        from,
        until: from.saturating_add(lasts).unwrap_or(from),
    }
}
