//! Telephone numbers: checked against the numbering plans of all countries, in the forms that people write.
//!
//! A number with a country code is recognised anywhere. A national number is checked against the plans of the regions
//! configured for the archive. Since an order number is often a valid telephone number too, the words around it and its
//! form decide.

use std::ops::{Range, RangeInclusive};

use memchr::memchr_iter;
use rlibphonenumber::{PhoneNumber, PhoneNumberType, Region};

use super::date;
use super::digits::{Digits, Group, Run, is_one_separator, may_begin};
use super::fold::is_word_byte;
use super::labels::{self, Topic};
use super::view::View;

/// ITU-T E.164 allows up to 15 digits; an international dialling prefix adds a few.
const MAX_DIGITS: usize = 18;
const MIN_DIGITS: usize = 7;
/// A number that is labelled as a telephone number may lack its area code.
const MIN_LABELLED_DIGITS: usize = 5;
const NORTH_AMERICA: i32 = 1;

/// The telephone number whose digits begin at `digit`.
pub(super) fn find_at(text: &View<'_>, digit: usize, regions: &[Region]) -> Option<Range<usize>> {
    let start = start_of_number(text, digit);
    // A number with a bracket or a plus may begin anywhere.
    if start == digit && !may_begin(text, start) {
        return None;
    }
    let run = Run::at(text, digit, |_| true);
    let is_international = text.byte(start) == b'+' || text.slice(start..digit).contains(&b'+');
    let found = if is_international {
        longest_number(text, start, &run, |number| is_valid(number, None))
            .or_else(|| labelled_number(text, start, &run))
    } else {
        find_national(text, start, &run, regions)
    };
    found.map(|range| range.start..end_of_extension(text, range.end))
}

/// The number with a country code after `+` or `00` whose digits begin at `digit`, if it is valid in a numbering plan.
pub(super) fn find_international(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    let start = start_of_number(text, digit);
    let has_plus = text.slice(start..digit).contains(&b'+');
    let has_zeros = || [digit, digit + 1].map(|at| text.byte(at)) == [b'0'; 2];
    let has_prefix = has_plus || has_zeros() && may_begin(text, digit);
    if !has_prefix {
        return None;
    }
    let run = Run::at(text, digit, |_| true);
    longest_number(text, start, &run, |number| {
        if has_plus {
            is_valid(number, None)
        } else {
            is_valid_in(number, &[])
        }
    })
}

/// The start of the number with this first digit: before its `+` and brackets.
fn start_of_number(text: &View<'_>, digit: usize) -> usize {
    let mut start = digit;
    if text.byte_before(start) == b' ' && matches!(text.byte_before(start - 1), b'+') {
        start -= 1;
    }
    while digit - start < 4 && matches!(text.byte_before(start), b'+' | b'(') {
        start -= 1;
    }
    start
}

fn find_national(
    text: &View<'_>,
    start: usize,
    run: &Run,
    regions: &[Region],
) -> Option<Range<usize>> {
    if run.digits() < MIN_LABELLED_DIGITS {
        return None;
    }
    let whole = start..run.end();
    if run.lengths().take(4).eq([4; 4]) {
        // The form of a card number.
        return None;
    }
    match labels::topic(text, &whole) {
        Some(Topic::Phone) => {
            longest_number(text, start, run, |number| is_valid_in(number, regions))
                .or_else(|| labelled_number(text, start, run))
        }
        Some(Topic::Version) if !is_dotted(text, run) => {
            unlabelled_number(text, start, run, regions)
        }
        None => unlabelled_number(text, start, run, regions),
        Some(_) => None,
    }
}

/// A number without a label must look like a telephone number and like nothing else.
fn unlabelled_number(
    text: &View<'_>,
    start: usize,
    run: &Run,
    regions: &[Region],
) -> Option<Range<usize>> {
    let first = run.groups()[0].start;
    if run.digits() < MIN_DIGITS
        || text.byte_before(start) == b'#'
        || date::numeric_date(text, first).is_some()
    {
        return None;
    }
    if text.byte(first) == b'0' {
        return longest_number(text, start, run, |number| is_valid_in(number, regions));
    }
    let digits = run.digits();
    let is_part = start == first && continues_number(text, start);
    if is_part || is_other_kind(text, run) || digits > 15 {
        return None;
    }
    let whole = number_prefixes(text, start, run, digits..=digits).next()?;
    let number = text_in(text, &whole);
    let is_grouped = run.groups().len() > 1;
    let is_number = regions.iter().any(|region| {
        parse(&number, Some(*region)).is_some_and(|number| {
            number.is_valid() && (is_grouped || has_distinctive_length(&number, digits))
        })
    });
    is_number.then_some(whole)
}

/// The number in international form, if it is valid in a numbering plan; otherwise its digits.
pub(super) fn international_form(number: &str, regions: &[Region]) -> String {
    let regions = [None].into_iter().chain(regions.iter().copied().map(Some));
    let mut numbers = regions.filter_map(|region| parse(number, region));
    match numbers.find(PhoneNumber::is_valid) {
        Some(number) => number.to_string(),
        None => number.chars().filter(char::is_ascii_digit).collect(),
    }
}

/// Whether few other numbers have this length: mobile numbers, all of North America, and numbers with a trunk prefix.
fn has_distinctive_length(number: &PhoneNumber, digits: usize) -> bool {
    number.country_code == NORTH_AMERICA
        || number.get_type() == PhoneNumberType::Mobile
        || number.get_national_significant_number().len() < digits
}

/// The longest prefix of the run that is a number.
fn longest_number(
    text: &View<'_>,
    start: usize,
    run: &Run,
    is_number: impl Fn(&str) -> bool,
) -> Option<Range<usize>> {
    number_prefixes(text, start, run, MIN_DIGITS..=MAX_DIGITS)
        .find(|range| is_number(&text_in(text, range)))
}

/// A number that is labelled as a telephone number and could be one, though no plan contains it.
fn labelled_number(text: &View<'_>, start: usize, run: &Run) -> Option<Range<usize>> {
    let range = number_prefixes(text, start, run, MIN_LABELLED_DIGITS..=15).next()?;
    let is_date = date::numeric_date(text, run.groups()[0].start).is_some();
    (!is_date && labels::topic(text, &range) == Some(Topic::Phone)).then_some(range)
}

/// The prefixes of the run with a number of digits in this range that end where a number may end, longest first.
fn number_prefixes<'r>(
    text: &'r View<'_>,
    start: usize,
    run: &'r Run,
    digits: RangeInclusive<usize>,
) -> impl Iterator<Item = Range<usize>> + 'r {
    let groups = run.groups().iter().rev();
    groups
        .filter(move |group| digits.contains(&group.digits))
        .filter(|group| !is_word_byte(text.edge(group.end)) || has_extension(text, group.end))
        .map(move |group| start..end_with_bracket(text, start, group))
}

/// The offset after the bracket that closes around the last group, if one was opened.
fn end_with_bracket(text: &View<'_>, start: usize, group: &Group) -> usize {
    let part = text.slice(start..group.end);
    let count = |bracket: u8| memchr_iter(bracket, part).count();
    group.end + usize::from(text.byte(group.end) == b')' && count(b'(') > count(b')'))
}

fn text_in(text: &View<'_>, range: &Range<usize>) -> String {
    String::from_utf8_lossy(text.slice(range.clone())).into_owned()
}

fn is_valid_in(number: &str, regions: &[Region]) -> bool {
    // `00` is the international prefix almost everywhere, and is also written by people in countries with another
    // prefix.
    let international = number
        .strip_prefix("00")
        .or_else(|| number.strip_prefix("011"));
    international.is_some_and(|number| is_valid(&format!("+{number}"), None))
        || regions.iter().any(|region| is_valid(number, Some(*region)))
}

fn is_valid(number: &str, region: Option<Region>) -> bool {
    parse(number, region).is_some_and(|number| number.is_valid())
}

fn parse(number: &str, region: Option<Region>) -> Option<PhoneNumber> {
    PhoneNumber::parse(number, region).ok()
}

/// Whether this is the rest of a longer number that is not valid.
fn continues_number(text: &View<'_>, start: usize) -> bool {
    let before = start.checked_sub(1);
    before.is_some_and(|at| {
        is_one_separator(&[text.byte(at)]) && text.edge_before(at).is_ascii_digit()
    })
}

/// Whether the groups are separated by dots, as in versions.
fn is_dotted(text: &View<'_>, run: &Run) -> bool {
    let mut gaps = run.groups().windows(2).map(|pair| pair[0].end);
    gaps.all(|gap| text.byte(gap) == b'.')
}

fn is_other_kind(text: &View<'_>, run: &Run) -> bool {
    let groups = run.groups();
    let lengths: Vec<_> = run.lengths().collect();
    let is_year = |group: &Group| {
        let digits = Digits::within(text, &(group.start..group.end));
        digits.values().len() == 4 && (1900..2100).contains(&digits.prefix(4))
    };
    let is_decimal = lengths.len() == 2 && text.byte(groups[0].end) == b'.';
    // `2015-2019`, or number 42 of a year: `2024-000042`.
    let are_years = lengths.len() == 2 && is_year(&groups[0]) && text.byte(groups[0].end) == b'-';
    let is_hexadecimal = text.byte(run.end()) == b'-' && is_word_byte(text.byte(run.end() + 1));
    is_decimal || are_years || is_hexadecimal || is_isbn(text, run)
}

/// Whether this is an ISBN: thirteen digits with a book prefix, or ten digits whose last group is the check digit
/// alone.
pub(super) fn is_isbn(text: &View<'_>, run: &Run) -> bool {
    // A run is empty if the number has more digits than any supported kind.
    let Some(first) = run.groups().first() else {
        return false;
    };
    let digits = Digits::within(text, &(first.start..run.end()));
    let lengths: Vec<_> = run.lengths().collect();
    digits.values().len() == 13 && matches!(digits.prefix(3), 978 | 979)
        || matches!(lengths[..], [_, _, _, 1])
}

fn has_extension(text: &View<'_>, at: usize) -> bool {
    end_of_extension(text, at) > at
}

/// The offset after an extension: `x123`, `ext. 123`, `#123`.
fn end_of_extension(text: &View<'_>, end: usize) -> usize {
    let mut at = end;
    while at - end < 2 && matches!(text.byte(at), b' ' | b',' | b';') {
        at += 1;
    }
    let begins_with = |mark: &&[u8]| {
        let letters = mark.iter().enumerate();
        let mut pairs = letters.map(|(place, letter)| (text.byte(at + place), letter));
        pairs.all(|(byte, letter)| byte.eq_ignore_ascii_case(letter))
    };
    let mark = [b"extension".as_slice(), b"ext", b"x", b"#"]
        .into_iter()
        .find(begins_with);
    let Some(mark) = mark else {
        return end;
    };
    at += mark.len();
    let from = at;
    while at - from < 2 && matches!(text.byte(at), b'.' | b':' | b' ' | b'=') {
        at += 1;
    }
    let digits = at;
    while at - digits < 7 && text.byte(at).is_ascii_digit() {
        at += 1;
    }
    if (1..=6).contains(&(at - digits)) && !is_word_byte(text.edge(at)) {
        at
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at_digit;
    use super::*;

    fn found<'t>(text: &'t str, regions: &[Region]) -> Option<&'t str> {
        found_at_digit(text, |text, digit| find_at(text, digit, regions))
    }

    #[test]
    fn international_numbers_are_found_in_any_surrounding_text() {
        for number in [
            "+4915123456789",
            "+49 151 23456789",
            "+49 (0)151 234567-89",
            "+1 (415) 555-2671",
            "(+44) 20 7946 0018",
            "+81-3-1234-5678",
            "＋８１３１２３４５６７８",
            "+86\u{a0}138\u{a0}0013\u{a0}8000",
            "+1-415-555-2671 ext. 123",
            "+1-415-555-2671x99",
        ] {
            for text in ["{}", "it is {}, or write", "是{}吗", "order {}"] {
                let text = text.replace("{}", number);
                assert_eq!(found(&text, &[]), Some(number), "{text}");
            }
        }
    }

    #[test]
    fn national_numbers_are_found_by_the_numbering_plans_of_regions() {
        for (number, region) in [
            ("0151 23456789", Region::DE),
            ("030/1234567", Region::DE),
            ("(415) 555-2671", Region::US),
            ("415.555.2671", Region::US),
            ("4155552671", Region::US),
            ("06 12 34 56 78", Region::FR),
            ("06.12.34.56.78", Region::FR),
            ("13800138000", Region::CN),
            ("010-1234-5678", Region::KR),
            ("612 34 56 78", Region::ES),
            ("０３－１２３４－５６７８", Region::JP),
            ("(11) 91234-5678", Region::BR),
            ("0049 151 23456789", Region::US),
        ] {
            for text in ["{}", "it is {}, or write", "是{}吗", "reach me: {}"] {
                let text = text.replace("{}", number);
                assert_eq!(found(&text, &[region]), Some(number), "{text}");
            }
        }
    }

    #[test]
    fn a_labelled_telephone_number_is_found_without_a_numbering_plan() {
        assert_eq!(found("call 555-0123", &[Region::US]), Some("555-0123"));
        assert_eq!(found("手机：12345678", &[]), Some("12345678"));
    }

    #[test]
    fn other_numbers_are_kept() {
        for text in [
            "order 4155552671",
            "#4155552671",
            "订单号4155552671",
            "ticket no. 415-555-2671",
            "ISBN 978-3-16-148410-0",
            "978-3-16-148410-0",
            "3-16-148410-0",
            "on 05.03.2024",
            "A4155552671",
            "AB-4155552671",
            "1234567",
            "12,345,678",
            "from 10 to 12",
        ] {
            assert_eq!(found(text, &[Region::US, Region::DE]), None, "{text}");
        }
    }
}
