//! Moments of records, as microseconds since 1970.

use jiff::Timestamp;

use crate::schema::Spelling;

/// 1900-01-01T00:00:00Z.
const FIRST: i64 = -2_208_988_800_000_000;

/// 2201-01-01T00:00:00Z.
const END: i64 = 7_289_654_400_000_000;

pub(super) fn is_in_range(micros: i64) -> bool {
    (FIRST..END).contains(&micros)
}

/// Reads an ISO-8601 time with an offset, truncated to microseconds.
pub(super) fn parse(text: &str) -> Option<i64> {
    usual(text.as_bytes()).or_else(|| {
        let moment: Timestamp = text.parse().ok()?;
        i64::try_from(moment.as_nanosecond().div_euclid(1000)).ok()
    })
}

/// Reads `2026-03-01T00:00:00.000Z`, which nearly all moments are, several times as fast as a parser of all forms.
fn usual(text: &[u8]) -> Option<i64> {
    let [
        date @ ..,
        b'T',
        h1,
        h2,
        b':',
        m1,
        m2,
        b':',
        s1,
        s2,
        b'.',
        f1,
        f2,
        f3,
        b'Z',
    ] = text
    else {
        return None;
    };
    let [y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2] = date else {
        return None;
    };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let (month, day) = (number(&[*o1, *o2])?, number(&[*d1, *d2])?);
    let (hour, minute, second) = (
        number(&[*h1, *h2])?,
        number(&[*m1, *m2])?,
        number(&[*s1, *s2])?,
    );
    // The 29th to 31st and leap seconds are left to the other parser, which knows the calendar.
    let is_plain = (1..=12).contains(&month) && (1..=28).contains(&day);
    if !(is_plain && hour < 24 && minute < 60 && second < 60) {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some((seconds * 1000 + number(&[*f1, *f2, *f3])?) * 1000)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

/// Days from 1970-01-01 to a day of the Gregorian calendar
/// (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The JSON of a moment.
pub(super) fn json(micros: i64, spelling: Spelling) -> String {
    let moment = Timestamp::from_microsecond(micros).unwrap_or_default();
    match spelling {
        Spelling::Milliseconds => format!("\"{moment:.3}\""),
        Spelling::Shortest => format!("\"{moment}\""),
        Spelling::SinceEpoch => moment.as_millisecond().to_string(),
    }
}

/// Whether the JSON of the moment is this text.
pub(super) fn is_written(micros: i64, spelling: Spelling, raw: &str) -> bool {
    let is_usual = spelling == Spelling::Milliseconds
        && raw
            .as_bytes()
            .strip_prefix(b"\"")
            .and_then(|it| it.strip_suffix(b"\""))
            .is_some_and(|text| usual(text) == Some(micros));
    is_usual || json(micros, spelling) == raw
}
