//! Digits in groups, as people write long numbers.

use std::ops::Range;

use super::fold::{Folded, is_word_byte};

/// Limits of a run. No number of a supported kind is longer.
const MAX_GROUPS: usize = 12;
const MAX_DIGITS: usize = 34;

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
    pub(super) fn at(
        text: &Folded<'_>,
        start: usize,
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
            if at == end || !is_separator(&text.bytes()[end..at]) {
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
    pub(super) fn within(text: &Folded<'_>, range: &Range<usize>) -> Self {
        let mut all = Self {
            digits: [0; MAX_DIGITS],
            count: 0,
        };
        let bytes = &text.bytes()[range.clone()];
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
pub(super) fn may_begin(text: &Folded<'_>, start: usize) -> bool {
    let before = text.byte_before(start);
    let is_joined = matches!(before, b'-' | b'/' | b'.' | b'*') && {
        let further = text.byte_before(start - 1);
        before == b'*' || is_word_byte(further) && (before != b'.' || further.is_ascii_digit())
    };
    !is_word_byte(before) && !is_joined
}

/// Whether a number may end here.
pub(super) fn may_end(text: &Folded<'_>, end: usize) -> bool {
    !is_word_byte(text.byte(end))
}

pub(super) fn end_of_digits(text: &Folded<'_>, from: usize) -> usize {
    let mut at = from;
    while text.byte(at).is_ascii_digit() {
        at += 1;
    }
    at
}

/// Up to three: more separators separate two numbers.
fn end_of_separators(text: &Folded<'_>, from: usize) -> usize {
    let mut at = from;
    while at < from + 3 && matches!(text.byte(at), b' ' | b'-' | b'.' | b'/' | b'(' | b')') {
        at += 1;
    }
    at
}

/// The separators between groups of a card, bank account or social security number: one usual character, or a dash
/// between two spaces.
pub(super) fn is_one_separator(between: &[u8]) -> bool {
    matches!(between, [b' ' | b'-' | b'.'] | b" - ")
}
