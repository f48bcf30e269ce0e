//! Time windows: how they are sized so that one read holds them, and which one follows. Pure.
//!
//! Bounds are whole milliseconds, as in the API.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::base::time::{Interval, earlier, later};

/// Share of the maximum per read that a window aims at, because the next hour differs from the last one.
const TARGET_FILL: f64 = 0.8;
/// Largest factor by which the length changes from one window to the next, for the same reason.
const MAX_GROWTH: f64 = 4.0;

/// The last day of the interval, or all of it if it is shorter.
pub(super) fn last_day(interval: Interval) -> Interval {
    let day_before = earlier(interval.end(), Duration::from_hours(24));
    let start = day_before.max(interval.start());
    Interval::new(start, interval.end()).unwrap_or(interval)
}

/// Results that change within a window of one second would also change within a smaller one.
const SMALLEST_STABLE: SignedDuration = SignedDuration::from_secs(1);

/// The part of the window before `moment`; `None` if there is none.
pub(super) fn part_before(window: Interval, moment: Timestamp) -> Option<Interval> {
    Interval::new(window.start(), window.end().min(moment)).ok()
}

/// Shortest part to read of a window near the present, which is read as it closes. Without it, each part would be as
/// long as the read of the previous one took.
const SHORTEST_PART: Duration = Duration::from_mins(1);

/// Whether enough of the window is closed to read it now.
pub(super) fn is_worth_reading(closed: Interval, window: Interval) -> bool {
    closed.end() >= worth_reading_at(window)
}

/// When a first part of the window is closed that is long enough, or all of it.
pub(super) fn worth_reading_at(window: Interval) -> Timestamp {
    later(window.start(), SHORTEST_PART).min(window.end())
}

/// The first half; `None` if the window is so small that halving it would not stop its results from changing.
pub(super) fn first_half(window: Interval) -> Option<Interval> {
    let half = first_part(window, 0.5)?;
    (half.end().duration_since(half.start()) >= SMALLEST_STABLE).then_some(half)
}

/// A first part estimated to hold at most `max_hits` conversations, where the whole holds at most `hits`. Always
/// smaller than the window.
pub(super) fn part_for(window: Interval, hits: u64, max_hits: u64) -> Option<Interval> {
    first_part(window, (TARGET_FILL * ratio(max_hits, hits)).min(0.5))
}

/// The window after this one, in which `started` conversations began; `None` at the end of the slice.
pub(super) fn next_window(
    window: Interval,
    slice: &Interval,
    started: u64,
    max_hits: u64,
) -> Option<Interval> {
    let growth = (TARGET_FILL * ratio(max_hits, started)).clamp(1.0 / MAX_GROWTH, MAX_GROWTH);
    let start = window.end();
    Interval::new(start, moment_after(start, window, growth).min(slice.end())).ok()
}

/// Whether the window is one millisecond long, the resolution of conversation starts.
pub(super) fn is_smallest(window: Interval) -> bool {
    first_part(window, 0.5).is_none()
}

fn first_part(window: Interval, share: f64) -> Option<Interval> {
    let end = moment_after(window.start(), window, share);
    (end < window.end()).then(|| Interval::new(window.start(), end).ok())?
}

/// The moment `share` times the window's length after `start`, and at least one millisecond after it.
fn moment_after(start: Timestamp, window: Interval, share: f64) -> Timestamp {
    let length = window.end().duration_since(window.start());
    let millis = (length.as_secs_f64() * share * 1000.0).floor().max(1.0);
    let length = SignedDuration::try_from_secs_f64(millis / 1000.0).unwrap_or(length);
    later(start, length.unsigned_abs())
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to.max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000;

    fn millis(start: i64, end: i64) -> Interval {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        Interval::new(at(start), at(end)).unwrap()
    }

    #[test]
    fn a_window_is_shortened_to_the_readable_number_of_hits() {
        assert_eq!(
            part_for(millis(0, DAY), 8_000, 1_000),
            Some(millis(0, DAY / 10))
        );
        assert_eq!(
            part_for(millis(0, DAY), 1_001, 1_000),
            Some(millis(0, DAY / 2))
        );
        assert_eq!(part_for(millis(5, 6), 8_000, 1_000), None);
    }

    #[test]
    fn the_length_of_the_next_window_follows_from_the_last_count() {
        let next = |started| next_window(millis(0, 1_000), &millis(0, DAY), started, 1_000);

        assert_eq!(next(800), Some(millis(1_000, 2_000)));
        assert_eq!(next(400), Some(millis(1_000, 3_000)));
        assert_eq!(next(0), Some(millis(1_000, 5_000)));
    }

    #[test]
    fn no_window_follows_the_last_one_of_a_slice() {
        assert_eq!(next_window(millis(0, 7), &millis(0, 7), 1, 10), None);
        assert_eq!(
            next_window(millis(0, 6), &millis(0, 7), 1, 10),
            Some(millis(6, 7))
        );
    }

    #[test]
    fn a_window_is_cut_at_the_present() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();

        assert_eq!(part_before(millis(0, 10), at(20)), Some(millis(0, 10)));
        assert_eq!(part_before(millis(0, 10), at(4)), Some(millis(0, 4)));
        assert_eq!(part_before(millis(5, 10), at(5)), None);
    }

    #[test]
    fn a_partial_window_is_read_if_a_minute_long_or_the_last_one() {
        let hour = millis(0, 3_600_000);

        assert!(!is_worth_reading(millis(0, 59_999), hour));
        assert!(is_worth_reading(millis(0, 60_000), hour));
        assert!(is_worth_reading(millis(0, 500), millis(0, 500)));
        assert!(!is_worth_reading(millis(0, 499), millis(0, 500)));
    }

    proptest! {
        #[test]
        fn a_smaller_window_keeps_its_start_and_is_never_empty(
            start in 0_i64..4_000_000_000_000, length in 1_i64..10_000_000_000, hits in 0_u64..1_000_000, max_hits in 1_u64..1_000,
        ) {
            let window = millis(start, start + length);

            prop_assert_eq!(part_for(window, hits, max_hits).is_none(), length == 1);
            prop_assert_eq!(first_half(window).is_none(), length < 2_000);
            for smaller in [first_half(window), part_for(window, hits, max_hits)].into_iter().flatten() {
                prop_assert_eq!(smaller.start(), window.start());
                prop_assert!(smaller.end() < window.end());
            }
        }

        #[test]
        fn windows_cover_their_slice_without_gap_or_overlap(
            length in 1_i64..100_000, found in prop::collection::vec(0_u64..5_000, 1..50),
        ) {
            let slice = millis(0, length);
            let mut window = slice;
            let mut reached = slice.start();
            for started in found.into_iter().cycle() {
                prop_assert_eq!(window.start(), reached);
                // Some windows turn out to hold too many conversations.
                window = if started > 1_000 { part_for(window, started, 1_000).unwrap_or(window) } else { window };
                reached = window.end();
                match next_window(window, &slice, started, 1_000) {
                    Some(next) => window = next,
                    None => break,
                }
            }

            prop_assert_eq!(reached, slice.end());
        }
    }
}
