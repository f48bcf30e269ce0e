//! Digits in groups, as people write long numbers.

use std::ops::Range;

use super::fold::{ID, LETTER, is_word_byte};
use super::view::View;

/// Limits of a run. No number of a supported kind is longer.
const MAX_GROUPS: usize = 12;
const MAX_DIGITS: usize = 34;
/// Longest run of separators between two groups.
const MAX_SEPARATORS: usize = 8;
/// Number of letters that are read of a word that touches a number, and the number of digits after it. Ids and other
/// words of letters and digits have digits among as many letters.
const LONGEST_WORD: usize = 24;
const MAX_GLUED_DIGITS: usize = 4;
const MAX_INTEGER_DIGITS: usize = 3;

/// A number as written: groups of digits with separators between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    groups: [Group; MAX_GROUPS],
    count: usize,
}

/// A group of consecutive digits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Number of digits from the start of the number to the end of this group.
    pub(super) digits: usize,
}

/// Digits without the separators.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    digits: [u8; MAX_DIGITS],
    count: usize,
}

impl Run {
    /// The groups from `start` on, as long as `is_separator` accepts the separator between two of them.
    pub(super) fn at(text: &View<'_>, start: usize, is_separator: impl Fn(&[u8]) -> bool) -> Self {
        Self::read(text, start, end_of_separators, is_separator)
    }

    /// The same with runs of any characters that people type between groups: several spaces, a line break, ` | `.
    pub(super) fn across_separators(
        text: &View<'_>,
        start: usize,
        is_separator: impl Fn(&[u8]) -> bool,
    ) -> Self {
        Self::read(text, start, end_of_any_separators, is_separator)
    }

    fn read(
        text: &View<'_>,
        start: usize,
        end_of_separators: impl Fn(&View<'_>, usize) -> usize,
        is_separator: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let mut run = Self::default();
        let mut at = start;
        while run.count < MAX_GROUPS {
            let end = end_of_digits(text, at);
            let digits = run.digits() + (end - at);
            if end == at || digits > MAX_DIGITS {
                break;
            }
            run.groups[run.count] = Group {
                start: at,
                end,
                digits,
            };
            run.count += 1;
            at = end_of_separators(text, end);
            if at == end || !is_separator(text.slice(end..at)) {
                break;
            }
        }
        run
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups[..self.count]
    }

    /// The number of digits.
    pub(super) fn digits(&self) -> usize {
        self.groups().last().map_or(0, |group| group.digits)
    }

    pub(super) fn end(&self) -> usize {
        self.groups().last().map_or(0, |group| group.end)
    }

    /// The length of each group.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.groups().iter().map(|group| group.end - group.start)
    }
}

impl Digits {
    /// The digits within a range of the text. Digits beyond the limit are ignored.
    pub(super) fn within(text: &View<'_>, range: &Range<usize>) -> Self {
        let mut all = Self {
            digits: [0; MAX_DIGITS],
            count: 0,
        };
        let bytes = text.slice(range.clone());
        for digit in bytes.iter().filter(|byte| byte.is_ascii_digit()) {
            if all.count < MAX_DIGITS {
                all.digits[all.count] = digit - b'0';
                all.count += 1;
            }
        }
        all
    }

    /// The digits' values, 0 to 9.
    pub(super) fn values(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// The number formed by the first `count` digits.
    pub(super) fn prefix(&self, count: usize) -> u32 {
        let first = self.values().iter().take(count);
        first.fold(0, |number, digit| number * 10 + u32::from(*digit))
    }
}

/// Whether a number may begin here: not within a word, and not after one that is joined to it by a hyphen or similar.
pub(super) fn may_begin(text: &View<'_>, start: usize) -> bool {
    let before = text.edge_before(start);
    let is_joined = matches!(before, b'-' | b'/' | b'.' | b'*') && {
        let further = text.edge_before(start - 1);
        before == b'*' || is_word_byte(further) && (before != b'.' || further.is_ascii_digit())
    };
    !is_word_byte(before) && !is_joined
}

/// Whether a number that is proved by check digits may begin here: also directly after letters (`VISA4111`) and after a
/// word or a number that is joined to it (`card-4111`, `1227,4111`), but not within a word of letters and digits or
/// after a decimal point.
pub(super) fn may_begin_checked(text: &View<'_>, start: usize) -> bool {
    let before = text.edge_before(start);
    match before {
        b'.' | b',' => !is_decimal_point(text, start - 1),
        b'-' | b'/' | b'*' => {
            let further = text.edge_before(start - 1);
            !is_word_byte(further)
                || follows_letters(text, start - 1)
                || follows_digits(text, start - 1)
        }
        before => !is_word_byte(before) || follows_letters(text, start),
    }
}

/// Whether the sign stands within a decimal fraction. A comma does only after a zero, and a point only after one to three
/// digits: other digits are the field before it in a list.
fn is_decimal_point(text: &View<'_>, at: usize) -> bool {
    let mut start = at;
    while at - start <= MAX_INTEGER_DIGITS && text.edge_before(start).is_ascii_digit() {
        start -= 1;
    }
    let is_integer = start < at && !matches!(text.edge_before(start), b'.' | b',' | b'/' | b'-');
    match text.byte(at) {
        b'.' => is_integer && at - start <= MAX_INTEGER_DIGITS,
        _ => is_integer && at - start == 1 && text.byte(start) == b'0',
    }
}

/// Whether a word of digits alone ends here.
fn follows_digits(text: &View<'_>, end: usize) -> bool {
    let mut start = end;
    while end - start < MAX_DIGITS && text.edge_before(start).is_ascii_digit() {
        start -= 1;
    }
    start < end && !is_word_byte(text.edge_before(start))
}

/// Whether a number that is proved by check digits may end here: also directly before letters, with up to four digits
/// after them (`exp 12/27`, `cvc123`), but not within a longer word of letters and digits.
pub(super) fn may_end_checked(text: &View<'_>, end: usize) -> bool {
    let mut at = end;
    while at - end < LONGEST_WORD && is_letter(text.edge(at)) {
        at += 1;
    }
    if at - end == LONGEST_WORD {
        return true;
    }
    let digits = at;
    while at > end && at - digits < MAX_GLUED_DIGITS && text.edge(at).is_ascii_digit() {
        at += 1;
    }
    !text.edge(at).is_ascii_alphanumeric() && !matches!(text.edge(at), LETTER | ID)
}

/// Whether a word of letters alone ends here.
pub(super) fn follows_letters(text: &View<'_>, end: usize) -> bool {
    let mut start = end;
    while end - start < LONGEST_WORD && is_letter(text.edge_before(start)) {
        start -= 1;
    }
    let before = text.edge_before(start);
    end - start == LONGEST_WORD || start < end && !before.is_ascii_digit() && before != ID
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, LETTER | b'_')
}

/// Whether a number may end here.
pub(super) fn may_end(text: &View<'_>, end: usize) -> bool {
    !is_word_byte(text.edge(end))
}

pub(super) fn end_of_digits(text: &View<'_>, from: usize) -> usize {
    let mut at = from;
    while text.byte(at).is_ascii_digit() {
        at += 1;
    }
    at
}

/// The offset after a run of characters that people type between the groups of a number.
pub(super) fn end_of_any_separators(text: &View<'_>, from: usize) -> usize {
    let mut at = from;
    while at < from + MAX_SEPARATORS && b" \t\r\n-./_|*:,;+\\~#'=>".contains(&text.byte(at)) {
        at += 1;
    }
    at
}

/// Up to three: more separators separate two numbers.
fn end_of_separators(text: &View<'_>, from: usize) -> usize {
    let mut at = from;
    while at < from + 3
        && matches!(
            text.byte(at),
            b' ' | b'\t' | b'-' | b'.' | b'/' | b'(' | b')'
        )
    {
        at += 1;
    }
    at
}

/// The separators between groups of a card, bank account or social security number: one usual character, or a dash
/// between two spaces.
pub(super) fn is_one_separator(between: &[u8]) -> bool {
    matches!(between, [b' ' | b'\t' | b'-' | b'.'] | b" - ")
}
