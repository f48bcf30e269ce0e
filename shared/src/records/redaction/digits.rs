//! Digits in groups, as people write long numbers.

use std::ops::Range;

use super::fold::{Folded, is_word};

/// Limits of a run. No number of a supported kind is longer.
const MOST_GROUPS: usize = 12;
const MOST_DIGITS: usize = 34;

/// A number as written: groups of digits with separators between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    groups: [Group; MOST_GROUPS],
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
    digits: [u8; MOST_DIGITS],
    count: usize,
}

impl Run {
    /// The groups from `start` on, as long as `joins` accepts the separator between two of them.
    pub(super) fn at(text: &Folded<'_>, start: usize, joins: impl Fn(&[u8]) -> bool) -> Self {
        let mut run = Self::default();
        let mut at = start;
        while run.count < MOST_GROUPS {
            let end = behind_digits(text, at);
            let digits = run.digits() + (end - at);
            if end == at || digits > MOST_DIGITS {
                break;
            }
            run.groups[run.count] = Group {
                start: at,
                end,
                digits,
            };
            run.count += 1;
            at = behind_separators(text, end);
            if at == end || !joins(&text.bytes()[end..at]) {
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
            digits: [0; MOST_DIGITS],
            count: 0,
        };
        let bytes = &text.bytes()[range.clone()];
        for digit in bytes.iter().filter(|byte| byte.is_ascii_digit()) {
            if all.count < MOST_DIGITS {
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
pub(super) fn begins(text: &Folded<'_>, start: usize) -> bool {
    let before = text.before(start);
    let joined = matches!(before, b'-' | b'/' | b'.' | b'*') && {
        let further = text.before(start - 1);
        before == b'*' || is_word(further) && (before != b'.' || further.is_ascii_digit())
    };
    !is_word(before) && !joined
}

/// Whether a number may end here.
pub(super) fn ends(text: &Folded<'_>, end: usize) -> bool {
    !is_word(text.byte(end))
}

pub(super) fn behind_digits(text: &Folded<'_>, from: usize) -> usize {
    let mut at = from;
    while text.byte(at).is_ascii_digit() {
        at += 1;
    }
    at
}

/// Up to three: more separators separate two numbers.
fn behind_separators(text: &Folded<'_>, from: usize) -> usize {
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
