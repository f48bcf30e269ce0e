//! Scans a text for the characters that every value contains, and tests each candidate.

use std::ops::Range;

use memchr::{memchr_iter, memmem};
use rlibphonenumber::Region;

use super::digits::{Run, end_of_digits, is_one_separator};
use super::fold::Folded;
use super::kind::Kind;
use super::{card, date, email, iban, ip, passport, phone, ssn, tax_id, url};

/// A value: its kind, and its range in the folded text.
pub(super) type FoundValue = (Kind, Range<usize>);

/// The kinds of values to find.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    pub(super) kinds: Vec<Kind>,
    pub(super) regions: Vec<Region>,
}

/// Whether a text may contain a value: a fast test that most texts fail. May return false positives, but no false
/// negatives.
pub(super) fn may_contain_value(text: &str) -> bool {
    text.bytes().any(|byte| CANDIDATE_BYTES[usize::from(byte)]) && !is_timestamp(text)
}

/// A timestamp such as `2026-03-02T14:03:10.112Z`: records are full of them, and a date alone is not personal data.
fn is_timestamp(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let Some((moment, fraction)) = bytes.split_at_checked(FORM.len()) else {
        return false;
    };
    let matches_form = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == form,
    };
    moment.iter().zip(FORM).all(matches_form)
        && fraction.len() <= 11
        && fraction.ends_with(b"Z")
        && fraction[..fraction.len() - 1]
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// ASCII digits, punctuation of values, and the first bytes of characters that fold to either.
static CANDIDATE_BYTES: [bool; 256] = candidate_bytes();

const fn candidate_bytes() -> [bool; 256] {
    let bytes = b"0123456789@:\xC2\xD9\xDB\xDF\xE0\xE1\xE2\xEA\xEF\xF0";
    let mut candidate_bytes = [false; 256];
    let mut index = 0;
    while index < bytes.len() {
        candidate_bytes[bytes[index] as usize] = true;
        index += 1;
    }
    candidate_bytes
}

impl Finder {
    /// All values, in order and without overlaps.
    pub(super) fn find_all(&self, text: &Folded<'_>) -> Vec<FoundValue> {
        let mut found = self.find_addresses(text);
        let mut numbers = Vec::new();
        let mut from = 0;
        for (_, range) in &found {
            self.find_numbers(text, from..range.start, &mut numbers);
            from = range.end;
        }
        self.find_numbers(text, from..text.bytes().len(), &mut numbers);
        found.extend(numbers);
        found.sort_by_key(|(_, range)| range.start);
        found
    }

    /// The canonical form of a value, equal for all its spellings.
    pub(super) fn canonical_form(
        &self,
        kind: Kind,
        text: &Folded<'_>,
        range: &Range<usize>,
    ) -> String {
        let written = String::from_utf8_lossy(&text.bytes()[range.clone()]).to_lowercase();
        match kind {
            Kind::Email | Kind::Url | Kind::Ip | Kind::BirthDate => written,
            Kind::Phone => phone::international_form(&written, &self.regions),
            Kind::Card | Kind::Iban | Kind::Ssn | Kind::Passport | Kind::TaxId => written
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .collect(),
        }
    }

    fn is_enabled(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// URLs and e-mail addresses, which may contain numbers of any kind.
    fn find_addresses(&self, text: &Folded<'_>) -> Vec<FoundValue> {
        let mut found = Vec::new();
        if self.is_enabled(Kind::Url) {
            found = find_urls(text);
        }
        if self.is_enabled(Kind::Email) {
            found.extend(find_emails(text, &found));
            found.sort_by_key(|(_, range)| range.start);
        }
        found
    }

    fn find_numbers(&self, text: &Folded<'_>, part: Range<usize>, found: &mut Vec<FoundValue>) {
        let mut at = part.start;
        while let Some(digit) = (at..part.end).find(|at| text.byte(*at).is_ascii_digit()) {
            let number = self
                .find_number(text, digit)
                .filter(|(_, range)| range.end <= part.end);
            let earliest_start = found
                .last()
                .map_or(part.start, |(_, range)| range.end.max(part.start));
            at = match number {
                Some((kind, range)) if range.start >= earliest_start => {
                    let end = range.end;
                    found.push((kind, range));
                    end
                }
                _ => end_of_rejected_number(text, digit),
            };
        }
    }

    /// The value that begins at this digit: the first kind that matches, in order of certainty.
    fn find_number(&self, text: &Folded<'_>, digit: usize) -> Option<FoundValue> {
        let find_if_enabled = |kind: Kind, find: &dyn Fn() -> Option<Range<usize>>| {
            if self.is_enabled(kind) {
                find().map(|range| (kind, range))
            } else {
                None
            }
        };
        find_if_enabled(Kind::Passport, &|| passport::find_at(text, digit))
            .or_else(|| find_if_enabled(Kind::Iban, &|| iban::find_at(text, digit)))
            .or_else(|| find_if_enabled(Kind::Card, &|| card::find_at(text, digit)))
            .or_else(|| find_if_enabled(Kind::Ip, &|| ip::find_at(text, digit)))
            .or_else(|| find_if_enabled(Kind::TaxId, &|| tax_id::find_at(text, digit)))
            .or_else(|| find_if_enabled(Kind::Ssn, &|| ssn::find_at(text, digit)))
            .or_else(|| find_if_enabled(Kind::BirthDate, &|| date::find_birth_date(text, digit)))
            .or_else(|| {
                find_if_enabled(Kind::Phone, &|| phone::find_at(text, digit, &self.regions))
            })
    }
}

fn find_urls(text: &Folded<'_>) -> Vec<FoundValue> {
    let mut found: Vec<FoundValue> = Vec::new();
    for at in memmem::find_iter(text.bytes(), b"://") {
        let is_after_last =
            |range: &Range<usize>| found.last().is_none_or(|(_, last)| last.end <= range.start);
        let url = url::find_at(text, at).filter(is_after_last);
        found.extend(url.map(|range| (Kind::Url, range)));
    }
    found
}

fn find_emails(text: &Folded<'_>, urls: &[FoundValue]) -> Vec<FoundValue> {
    let mut found = Vec::new();
    let mut urls = urls.iter().map(|(_, range)| range).peekable();
    let mut free_from = 0;
    for at in memchr_iter(b'@', text.bytes()) {
        while let Some(url) = urls.next_if(|url| url.start <= at) {
            free_from = free_from.max(url.end);
        }
        let Some(range) = email::find_at(text, at) else {
            continue;
        };
        let start = range.start.max(free_from);
        if start < at && urls.peek().is_none_or(|url| range.end <= url.start) {
            free_from = range.end;
            found.push((Kind::Email, start..range.end));
        }
    }
    found
}

/// The offset after a number that is not a value: after the whole of it, so that no value is found in a part.
fn end_of_rejected_number(text: &Folded<'_>, digit: usize) -> usize {
    date::numeric_date(text, digit)
        .map(|date| date.end)
        .or_else(|| iban::end_of_shape(text, digit))
        .or_else(|| end_of_number(text, digit))
        .unwrap_or_else(|| end_of_digits(text, digit))
}

/// The end of a number that is written like a card or is a book number, but is not a value.
fn end_of_number(text: &Folded<'_>, digit: usize) -> Option<usize> {
    let run = Run::at(text, digit, is_one_separator);
    let lengths: Vec<_> = run.lengths().take(4).collect();
    if lengths == [4, 4, 4, 4] {
        return Some(run.groups()[3].end);
    }
    phone::is_isbn(text, &run).then(|| run.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_alone_is_skipped_and_other_digits_are_searched() {
        for moment in ["2026-03-02T14:03:10Z", "2026-03-02T14:03:10.112Z"] {
            assert!(!may_contain_value(moment));
        }
        for text in [
            "2026-03-02",
            "2026-03-02T14:03:10.112Z 4111 1111 1111 1111",
            "2026-03-02T14:03:10.4111111111111111Z",
            "2026-03-02T14:03:10",
        ] {
            assert!(may_contain_value(text), "{text}");
        }
        assert!(!may_contain_value("hello"));
    }
}
