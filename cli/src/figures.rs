//! Numbers formatted for people.

use std::time::Duration;

/// `12,345`.
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// `1 page`, `2 pages`.
pub(crate) fn quantity(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// The first `count` names, followed by an ellipsis if there are more.
pub(crate) fn first_of(names: &[impl AsRef<str>], count: usize) -> String {
    let first: Vec<&str> = names.iter().take(count).map(AsRef::as_ref).collect();
    let more = if names.len() > count { ", …" } else { "" };
    first.join(", ") + more
}

/// Megabytes of 10⁶ bytes, as the quota counts them.
pub(crate) fn bytes(number: u64) -> String {
    indicatif::DecimalBytes(number).to_string()
}

/// `0.4 s`, `34 s`, `3 min 20 s`, `2 h 05 min`.
pub(crate) fn time(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Rate per second. A duration below 1 ms counts as 1 ms.
pub(crate) fn rate(number: u64, duration: Duration) -> u64 {
    let millis = duration.as_millis().max(1);
    u64::try_from(u128::from(number) * 1000 / millis).unwrap_or(u64::MAX)
}

/// The time of day in UTC; the date is shown elsewhere.
pub(crate) fn time_of_day(moment: jiff::Timestamp) -> String {
    format!(
        "{} UTC",
        jiff::tz::Offset::UTC
            .to_datetime(moment)
            .strftime("%H:%M:%S")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_names_is_cut_to_the_first_ones() {
        assert_eq!(first_of(&["a", "b"], 2), "a, b");
        assert_eq!(first_of(&["a", "b", "c"], 2), "a, b, …");
    }

    #[test]
    fn longer_durations_are_rounded_more_coarsely() {
        let texts =
            [400, 9_949, 34_000, 200_000, 7_500_000].map(|ms| time(Duration::from_millis(ms)));

        assert_eq!(
            texts,
            ["0.4 s", "9.9 s", "34 s", "3 min 20 s", "2 h 05 min"]
        );
    }

    #[test]
    fn a_rate_over_zero_time_does_not_divide_by_zero() {
        assert_eq!(rate(5, Duration::ZERO), 5_000);
        assert_eq!(rate(3_000, Duration::from_secs(2)), 1_500);
    }
}
