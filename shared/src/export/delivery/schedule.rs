//! When a delivery is retried, and when it is given up.

use std::time::Duration;

/// Meaning of a receiver's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Retry,
    /// 410: the receiver wants no more deliveries (as in Standard Webhooks).
    Gone,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Close together at first, for a receiver that restarts; a day in total, so that a receiver that is down overnight
/// misses nothing. None exceeds twelve hours, SQS's longest visibility timeout.
const DELAYS: [u64; 11] = [
    5,
    30,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    7 * HOUR,
];

/// The longest delay of the schedule.
pub(crate) const LAST_RETRY_DELAY: Duration = Duration::from_secs(DELAYS[DELAYS.len() - 1]);

/// The delay after the failed `delivery`-th delivery, counted from 1; `None` after the last one.
pub fn retry_delay(delivery: u32) -> Option<Duration> {
    let index = usize::try_from(delivery.saturating_sub(1)).ok()?;
    DELAYS.get(index).copied().map(Duration::from_secs)
}

/// Any 2xx is a delivery. A redirect is not: a signed body is sent only to the configured URL.
pub fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Gone,
        _ => Verdict::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retry_delays_grow_and_sum_to_about_a_day() {
        let delays: Vec<_> = (1..).map_while(retry_delay).collect();

        assert_eq!(delays[0], Duration::from_secs(5));
        assert!(delays.is_sorted());
        assert!(
            delays
                .iter()
                .all(|delay| *delay <= Duration::from_hours(12))
        );
        let hours = delays.iter().sum::<Duration>().as_secs() / HOUR;
        assert!((22..=26).contains(&hours), "{hours}");
    }

    #[test]
    fn no_retry_follows_the_last_attempt() {
        assert_eq!(retry_delay(12), None);
        assert_eq!(retry_delay(u32::MAX), None);
    }

    #[test]
    fn only_2xx_and_410_end_a_delivery() {
        assert!(
            [200, 201, 202, 204, 299]
                .map(verdict)
                .iter()
                .all(|verdict| *verdict == Verdict::Delivered)
        );
        assert_eq!(verdict(410), Verdict::Gone);
        assert!(
            [100, 301, 302, 400, 401, 404, 429, 500, 503]
                .map(verdict)
                .iter()
                .all(|v| *v == Verdict::Retry)
        );
    }
}
