//! Distributions: most values are small, a few are very large.

use fastrand::Rng;

/// Log-normal distribution: half of the values are below `median`; a larger `spread` makes the tail longer.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "durations of days in milliseconds are far below 2^52"
)]
pub(crate) fn long_tailed(rng: &mut Rng, median: i64, spread: f64) -> i64 {
    (median as f64 * (normal(rng) * spread).exp()) as i64
}

pub(crate) fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(..n) == 0
}

/// Picks an element of a non-empty list.
pub(crate) fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// A generator for the record with this number only.
pub(crate) fn record_rng(seed: u64, kind: u64, number: usize) -> Rng {
    let mut rng = Rng::with_seed(
        seed.rotate_left(17)
            ^ kind.rotate_left(48)
            ^ (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15),
    );
    // The first outputs of neighbouring seeds are similar, so one is discarded.
    rng.u64(..);
    rng
}

/// Sum of twelve uniform numbers minus six: approximately normal, and bounded.
fn normal(rng: &mut Rng) -> f64 {
    (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
}
