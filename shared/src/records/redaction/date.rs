//! Dates in the forms that people write. The words around a date decide whether it is a date of birth.

use std::ops::Range;

use super::digits::{Digits, end_of_digits};
use super::fold::{IDEOGRAPH, LETTER, is_word_byte};
use super::labels::{self, Topic};
use super::view::View;

/// Japanese eras.
const ERAS: [[char; 2]; 4] = [['昭', '和'], ['平', '成'], ['令', '和'], ['大', '正']];

/// Longest word allowed in a date: a month's name, or a word between day, month and year such as `de` or `of`.
const LONGEST_WORD: usize = 24;

/// A date of birth that begins at this digit, or with the name of the month before it.
pub(super) fn find_birth_date(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    let range = numeric_date(text, digit)
        .or_else(|| cjk_date(text, digit))
        .or_else(|| day_first_date(text, digit))
        .or_else(|| month_first_date(text, digit))?;
    let is_birth = is_followed_by_born(text, range.end)
        || labels::topic(text, &range) == Some(Topic::BirthDate);
    is_birth.then_some(range)
}

/// `1984.3.5生`, `1984-03-05생`: whether the sign for "born" follows the date directly, and is not the beginning of a
/// longer word.
fn is_followed_by_born(text: &View<'_>, end: usize) -> bool {
    const WINDOW_BYTES: usize = 8;
    let window = text.window_after(end, WINDOW_BYTES);
    let mut rest = window.chars();
    matches!(rest.next(), Some('生' | '생')) && !rest.next().is_some_and(char::is_alphabetic)
}

/// A numeric date, its parts joined by the same separator: `5.3.1984`, `1984-03-05`, `05/03/84`.
pub(super) fn numeric_date(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    if is_word_byte(text.edge_before(start)) {
        return None;
    }
    let first = digit_group(text, start)?;
    let separator = text.byte(first.end);
    let second = next_group(text, &first, separator)?;
    let last = next_group(text, &second, separator)?;
    let has_more = text.byte(last.end) == separator && text.byte(last.end + 1).is_ascii_digit();
    let numbers =
        [&first, &second, &last].map(|part| (Digits::within(text, part).prefix(4), part.len()));
    let is_date =
        are_date_parts(numbers) && !has_more && !text.byte(last.end).is_ascii_alphanumeric();
    is_date.then_some(start..last.end)
}

fn digit_group(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    let end = end_of_digits(text, start);
    (1..=4).contains(&(end - start)).then_some(start..end)
}

/// The group of digits after this one and a date separator.
fn next_group(text: &View<'_>, group: &Range<usize>, separator: u8) -> Option<Range<usize>> {
    let at = group.end;
    if !b"./-".contains(&separator) || text.byte(at) != separator {
        return None;
    }
    // `5. 3. 1984`, the correct form in several languages.
    let gap = usize::from(separator == b'.' && text.byte(at + 1) == b' ');
    digit_group(text, at + 1 + gap)
}

/// Whether the numbers are day, month and year in any of the usual orders.
fn are_date_parts(numbers: [(u32, usize); 3]) -> bool {
    let is_year = |(number, length): (u32, usize)| {
        length == 2 || length == 4 && (1850..2100).contains(&number)
    };
    let is_month = |(number, length): (u32, usize)| length <= 2 && (1..=12).contains(&number);
    let is_day_of_month =
        |(number, length): (u32, usize)| length <= 2 && (1..=31).contains(&number);
    let [first, second, last] = numbers;
    let day_and_month = |one, other| {
        is_day_of_month(one) && is_month(other) || is_month(one) && is_day_of_month(other)
    };
    is_year(last) && day_and_month(first, second)
        || is_year(first) && is_month(second) && is_day_of_month(last)
}

/// `1984年3月5日`, `昭和59年3月5日`, `1984년 3월 5일`.
fn cjk_date(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    let mut at = start;
    for (index, units) in [['年', '년'], ['月', '월'], ['日', '일']]
        .into_iter()
        .enumerate()
    {
        let digits = end_of_digits(text, at);
        let end = digits + usize::from(text.byte(digits) == b' ');
        let unit = text
            .character(end)
            .filter(|_| text.byte(end) == IDEOGRAPH)?;
        let is_unit = (1..=4).contains(&(digits - at)) && units.contains(&unit);
        let is_day_without_unit = index == 2 && unit == '号';
        if !is_unit && !is_day_without_unit {
            return None;
        }
        at = end + 1;
        if index < 2 {
            at += usize::from(text.byte(at) == b' ');
        }
    }
    Some(era_start(text, start)..at)
}

/// The start of the name of a Japanese era before the year.
fn era_start(text: &View<'_>, start: usize) -> usize {
    let is_era = start.checked_sub(2).is_some_and(|era| {
        let name = [text.character(era), text.character(era + 1)];
        let is_visible = text.slice(era..start) == [IDEOGRAPH; 2];
        is_visible && ERAS.iter().any(|known| name == known.map(Some))
    });
    start - if is_era { 2 } else { 0 }
}

/// `5 March 1984`, `5th of March, 1984`, `5 de marzo de 1984`, with the month's name in any language.
fn day_first_date(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    let day = start..end_of_digits(text, start);
    if is_word_byte(text.edge_before(start)) || !is_day_of_month(text, &day) {
        return None;
    }
    let mut at = end_of_ordinal(text, day.end);
    let mut letters = 0;
    for _ in 0..4 {
        let from = end_of_gap(text, at);
        if let Some(year) = year(text, from) {
            return (letters >= 3).then_some(start..year.end);
        }
        let end = end_of_word(text, from)?;
        letters = letters.max(end - from);
        at = end;
    }
    None
}

/// `March 5, 1984`, where `start` is the first digit of the day.
fn month_first_date(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    let day = start..end_of_digits(text, start);
    let month_end = start.checked_sub(1)?;
    if text.byte(month_end) != b' ' || !is_day_of_month(text, &day) {
        return None;
    }
    let month_end = if text.byte_before(month_end) == b'.' {
        month_end - 1
    } else {
        month_end
    };
    let mut month = month_end;
    while month_end - month < LONGEST_WORD && is_letter(text.byte_before(month)) {
        month -= 1;
    }
    let year = year(text, end_of_gap(text, end_of_ordinal(text, day.end)))?;
    (month_end - month >= 3).then_some(month..year.end)
}

fn is_day_of_month(text: &View<'_>, day: &Range<usize>) -> bool {
    (1..=2).contains(&day.len()) && (1..=31).contains(&Digits::within(text, day).prefix(2))
}

/// Four digits, or two after an apostrophe.
fn year(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    let is_short = text.byte(start) == b'\'';
    let digits = start + usize::from(is_short)..end_of_digits(text, start + usize::from(is_short));
    let is_long =
        digits.len() == 4 && (1850..2100).contains(&Digits::within(text, &digits).prefix(4));
    (is_long || is_short && digits.len() == 2).then_some(start..digits.end)
}

/// The offset after `st`, `th`, `er`, `º`, `.`.
fn end_of_ordinal(text: &View<'_>, at: usize) -> usize {
    let mut end = at;
    while end - at < 3 && (is_letter(text.byte(end)) || text.byte(end) == b'.') {
        end += 1;
    }
    if is_letter(text.byte(end)) { at } else { end }
}

fn end_of_gap(text: &View<'_>, at: usize) -> usize {
    let mut end = at;
    while end - at < 3 && matches!(text.byte(end), b' ' | b',' | b'.' | b'-' | b'/') {
        end += 1;
    }
    end
}

fn end_of_word(text: &View<'_>, at: usize) -> Option<usize> {
    let mut end = at;
    while end - at < LONGEST_WORD && is_letter(text.byte(end)) {
        end += 1;
    }
    (end > at).then_some(end)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == LETTER
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at_digit;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        found_at_digit(text, find_birth_date)
    }

    #[test]
    fn dates_labelled_as_birth_dates_are_found_in_all_formats() {
        for date in [
            "05.03.1984",
            "5. 3. 1984",
            "1984-03-05",
            "3/5/84",
            "5 March 1984",
            "5th of March, 1984",
            "March 5, 1984",
            "Mar. 5th 1984",
            "5 de marzo de 1984",
            "1er mars 1984",
            "5 мая 1984",
            "٥ مارس ١٩٨٤",
        ] {
            assert_eq!(found(&format!("I was born on {date}, thanks")), Some(date));
        }
        for date in [
            "1984年3月5日",
            "1984-03-05",
            "昭和59年3月5日",
            "1984년 3월 5일",
        ] {
            assert_eq!(found(&format!("{date}生まれです")), Some(date));
            assert_eq!(found(&format!("生日是{date}。")), Some(date));
        }
    }

    #[test]
    fn other_dates_are_kept() {
        for text in [
            "delivered on 05.03.2024",
            "born in room 5",
            "born on 45.03.1984",
            "dob 1.2.3.4",
            "born 5 or 6 times",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
