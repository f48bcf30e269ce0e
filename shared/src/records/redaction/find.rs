//! Scans a text for the characters that every value contains, and tests each candidate.

use std::collections::VecDeque;
use std::ops::Range;

use memchr::{memchr_iter, memmem};
use rlibphonenumber::Region;

use super::digits::{Run, end_of_digits, is_one_separator};
use super::fold::{REMOVED, fold};
use super::kind::Kind;
use super::view::View;
use super::{card, date, email, iban, ids, ip, passport, phone, ssn, tax_id, url};

/// A value: its kind, and its range in the view.
pub(super) type FoundValue = (Kind, Range<usize>);

/// The kinds of values to find.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    pub(super) kinds: Vec<Kind>,
    pub(super) regions: Vec<Region>,
}

/// The kinds that a text is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All kinds: people may have typed the text.
    All,
    /// Kinds that check digits or their form prove, whatever the field that holds them.
    Proved,
}

impl Scope {
    fn includes(self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Proved => matches!(
                kind,
                Kind::Email | Kind::Url | Kind::Card | Kind::Iban | Kind::Passport | Kind::TaxId
            ),
        }
    }
}

/// Number of bytes before its first digit, or its `@`, at which a value may begin.
const LONGEST_START: usize = 128;

/// No value that is proved is shorter, except e-mail addresses.
const SHORTEST_PROVED_NUMBER: usize = 9;

/// Whether a text may contain a value: a fast test that most texts fail. May return false positives, but no false
/// negatives.
pub(super) fn may_contain_value(scope: Scope, text: &str) -> bool {
    (text.bytes().any(is_candidate) || !text.is_ascii() && text.chars().any(folds_to_candidate))
        && !is_timestamp(text)
        && !ids::is_uuid(text)
        && (scope == Scope::All
            || text.len() >= SHORTEST_PROVED_NUMBER
            || text.bytes().any(|byte| b"@&%=\\".contains(&byte))
            || !text.is_ascii())
}

/// Digits and the punctuation of values and entities.
fn is_candidate(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'@' | b':' | b'&')
}

fn folds_to_candidate(character: char) -> bool {
    !character.is_ascii() && fold(character, None).is_some_and(is_candidate)
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

impl Finder {
    /// Finds all values and passes each to `take`, which must overwrite a letter or digit of it at least.
    pub(super) fn find_all<'t>(
        &self,
        scope: Scope,
        text: &mut View<'t>,
        take: &mut dyn FnMut(&mut View<'t>, FoundValue),
    ) {
        let mut search = Search {
            finder: self,
            scope,
            text,
            take,
            rejected: VecDeque::new(),
        };
        search.find_urls();
        search.find_emails();
        ids::keep_all(search.text);
        search.find_numbers();
    }

    /// The canonical form of a value, equal for all its spellings.
    pub(super) fn canonical_form(
        &self,
        kind: Kind,
        text: &View<'_>,
        range: &Range<usize>,
    ) -> String {
        let written = text.reading(range).to_lowercase();
        match kind {
            Kind::Email => written.split_ascii_whitespace().collect(),
            Kind::Url | Kind::Ip | Kind::BirthDate => written,
            Kind::Phone => phone::international_form(&written, &self.regions),
            Kind::Card | Kind::Iban | Kind::Ssn | Kind::Passport | Kind::TaxId => written
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .collect(),
        }
    }

    fn is_enabled(&self, scope: Scope, kind: Kind) -> bool {
        scope.includes(kind) && self.kinds.contains(&kind)
    }
}

/// A search of one text.
///
/// A value may be recognised only after one beside it was found. Whenever a value is found, the search therefore goes
/// back to the first candidate that was rejected after reading a byte of it, so that in the end no candidate is left
/// that is a value. The number of bytes that a candidate reads is bounded, so that the time is linear.
struct Search<'s, 't> {
    finder: &'s Finder,
    scope: Scope,
    text: &'s mut View<'t>,
    take: &'s mut dyn FnMut(&mut View<'t>, FoundValue),
    /// Candidates that were rejected, in order: their offsets, and how far they were read.
    rejected: VecDeque<(usize, usize)>,
}

impl Search<'_, '_> {
    fn is_enabled(&self, kind: Kind) -> bool {
        self.finder.is_enabled(self.scope, kind)
    }

    fn find_urls(&mut self) {
        if !self.is_enabled(Kind::Url) {
            return;
        }
        self.text.steps().add(self.text.len());
        let signs: Vec<_> = memmem::find_iter(self.text.bytes(), b"://").collect();
        let mut examined = url::Examined::default();
        for at in signs {
            if let Some(range) = url::find_at(self.text, at, &mut examined) {
                (self.take)(self.text, (Kind::Url, range));
            }
        }
    }

    fn find_emails(&mut self) {
        if !self.is_enabled(Kind::Email) {
            return;
        }
        self.text.steps().add(self.text.len());
        let signs: Vec<_> = memchr_iter(b'@', self.text.bytes()).collect();
        for at in signs {
            if self.text.byte(at) == b'@'
                && let Some(range) = self.find_email(at)
            {
                (self.take)(self.text, (Kind::Email, range));
            }
        }
    }

    fn find_numbers(&mut self) {
        let mut at = 0;
        while let Some(candidate) = self.next_candidate(at) {
            self.text.start_reading();
            at = if let Some((kind, range)) = self.find_value(candidate) {
                let start = range.start;
                (self.take)(self.text, (kind, range));
                self.first_affected(start).min(candidate)
            } else {
                let end = end_of_rejected(self.text, candidate);
                self.reject(candidate);
                end
            };
        }
    }

    /// The next digit or `@`. The text may no longer contain an address, but a number that is found may end one.
    fn next_candidate(&self, from: usize) -> Option<usize> {
        let rest = self.text.bytes().get(from..)?.iter();
        let position = rest
            .copied()
            .position(|byte| byte.is_ascii_digit() || byte == b'@')
            .inspect(|position| self.text.steps().add(*position))?;
        Some(from + position)
    }

    fn reject(&mut self, candidate: usize) {
        let is_out_of_reach = |(_, read_to): &(usize, usize)| *read_to + LONGEST_START < candidate;
        while self.rejected.front().is_some_and(is_out_of_reach) {
            self.text.steps().add(1);
            self.rejected.pop_front();
        }
        self.rejected.push_back((candidate, self.text.read_to()));
    }

    /// The first candidate that was rejected after reading the byte at `at`. It and later ones are forgotten, since they
    /// are examined again.
    fn first_affected(&mut self, at: usize) -> usize {
        let is_affected = |(_, read_to): &(usize, usize)| *read_to > at;
        let first = self.rejected.iter().position(is_affected);
        self.text.steps().add(first.unwrap_or(self.rejected.len()));
        let Some(first) = first else {
            return usize::MAX;
        };
        let (candidate, _) = self.rejected[first];
        self.rejected.truncate(first);
        candidate
    }

    /// The value at this candidate: the first kind that matches, in order of certainty.
    fn find_value(&self, candidate: usize) -> Option<FoundValue> {
        let text = &*self.text;
        let value = if text.byte(candidate) == b'@' {
            self.find_kind(Kind::Email, || self.find_email(candidate))
        } else {
            self.find_number(candidate)
        };
        value.filter(|(_, range)| {
            let bytes = text.slice(range.clone()).iter();
            !bytes.into_iter().any(|byte| *byte == REMOVED)
        })
    }

    /// The address around the `@` at `at`. If an id stands before the `@`, programs made the address: it is kept where
    /// only proved values count, so that records stay joinable.
    fn find_email(&self, at: usize) -> Option<Range<usize>> {
        let range = email::find_at(self.text, at)?;
        let local_part = self.text.slice(range.start..at.max(range.start));
        let is_kept = self.scope == Scope::Proved && ids::is_id(local_part);
        (!is_kept).then_some(range)
    }

    fn find_number(&self, digit: usize) -> Option<FoundValue> {
        let (text, regions) = (&*self.text, &*self.finder.regions);
        let account = self
            .find_kind(Kind::Passport, || passport::find_at(text, digit))
            .or_else(|| self.find_kind(Kind::Iban, || iban::find_at(text, digit)));
        let find_card = || self.find_kind(Kind::Card, || find_card(text, digit));
        if account.is_some() {
            return account;
        }
        // The digits of an account number with a typing error are not another value, unless the country is a word
        // before a card.
        if iban::end_of_form(text, digit).is_some() {
            return iban::is_country_separate(text, digit).then(find_card)?;
        }
        find_card()
            .or_else(|| self.find_kind(Kind::Ip, || ip::find_at(text, digit)))
            .or_else(|| {
                let find = || tax_id::find_at(text, digit, self.scope);
                self.find_kind(Kind::TaxId, find)
            })
            .or_else(|| self.find_kind(Kind::Ssn, || ssn::find_at(text, digit)))
            .or_else(|| self.find_kind(Kind::BirthDate, || date::find_birth_date(text, digit)))
            .or_else(|| self.find_kind(Kind::Phone, || phone::find_at(text, digit, regions)))
    }

    fn find_kind(
        &self,
        kind: Kind,
        find: impl FnOnce() -> Option<Range<usize>>,
    ) -> Option<FoundValue> {
        let range = self.is_enabled(kind).then(find)??;
        Some((kind, range))
    }
}

/// The card at this digit. Digits after a country's telephone prefix are a telephone number.
fn find_card(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    let card = card::find_at(text, digit)?;
    let number = phone::find_international(text, digit);
    number
        .is_none_or(|number| number.end < card.end)
        .then_some(card)
}

/// The offset after a candidate that is not a value: after the whole of a number, so that no value is found in a part.
fn end_of_rejected(text: &View<'_>, candidate: usize) -> usize {
    if text.byte(candidate) == b'@' {
        return candidate + 1;
    }
    date::numeric_date(text, candidate)
        .map(|date| date.end)
        .or_else(|| phone::find_international(text, candidate).map(|number| number.end))
        .or_else(|| iban::end_of_form(text, candidate))
        .or_else(|| iban::end_of_shape(text, candidate))
        .or_else(|| end_of_number(text, candidate))
        .unwrap_or_else(|| end_of_digits(text, candidate))
}

/// The end of a number that is written like a card or a social security number, or is a book number, but is not a value.
fn end_of_number(text: &View<'_>, digit: usize) -> Option<usize> {
    let printed = Run::across_separators(text, digit, |_| true);
    let lengths: Vec<_> = printed.lengths().take(4).collect();
    if lengths == [4, 4, 4, 4] {
        return Some(printed.groups()[3].end);
    }
    let run = Run::at(text, digit, is_one_separator);
    let is_isbn = phone::is_isbn(text, &run);
    is_isbn
        .then(|| run.end())
        .or_else(|| ssn::end_of_form(text, digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_alone_is_skipped_and_other_digits_are_searched() {
        for moment in ["2026-03-02T14:03:10Z", "2026-03-02T14:03:10.112Z"] {
            assert!(!may_contain_value(Scope::All, moment));
        }
        for text in [
            "2026-03-02",
            "2026-03-02T14:03:10.112Z 4111 1111 1111 1111",
            "2026-03-02T14:03:10.4111111111111111Z",
            "2026-03-02T14:03:10",
        ] {
            assert!(may_contain_value(Scope::All, text), "{text}");
        }
        assert!(!may_contain_value(Scope::All, "hello"));
    }

    #[test]
    fn texts_without_digits_and_signs_are_skipped_in_all_scripts() {
        for text in [
            "hello",
            "Škwmorvpell",
            "ขั้นตอนต้อนรับ",
            "你好",
            "Привет",
            "été – là",
        ] {
            assert!(!may_contain_value(Scope::All, text), "{text}");
        }
        for text in ["４１１１", "٤١١١", "a＠b", "𝟒", "x：//", "①"] {
            assert!(may_contain_value(Scope::All, text), "{text}");
        }
    }

    #[test]
    fn short_numbers_are_skipped_where_only_proved_values_count() {
        for (text, expected) in [("3.0", false), ("a@b.de", true), ("12345678Z", true)] {
            assert_eq!(may_contain_value(Scope::Proved, text), expected, "{text}");
        }
    }
}
