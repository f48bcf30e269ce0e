//! Digits in groups, the way people write long numbers.

use std::ops::Range;

use super::fold::{Folded, is_word};

/// No number that we look for has more.
const MOST_GROUPS: usize = 12;
const MOST_DIGITS: usize = 34;

/// A number as it is written: groups of digits, and what stands between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    groups: [Group; MOST_GROUPS],
    count: usize,
}

/// So many digits in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
    /// How many digits the number has up to the end of this group.
    pub(super) digits: usize,
}

/// Digits without what stands between them.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    digits: [u8; MOST_DIGITS],
    count: usize,
}

impl Run {
    /// The groups from `start` on, as long as `joins` says of what stands between two of them that it joins them.
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

    /// How many there are.
    pub(super) fn digits(&self) -> usize {
        self.groups().last().map_or(0, |group| group.digits)
    }

    pub(super) fn end(&self) -> usize {
        self.groups().last().map_or(0, |group| group.end)
    }

    /// How long each of the groups is.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.groups().iter().map(|group| group.end - group.start)
    }
}

impl Digits {
    /// Those in a part of the text; what is over the most is left out.
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

    /// Their values, 0 to 9.
    pub(super) fn values(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// The number that the first `count` of them make.
    pub(super) fn prefix(&self, count: usize) -> u32 {
        let first = self.values().iter().take(count);
        first.fold(0, |number, digit| number * 10 + u32::from(*digit))
    }
}

/// Whether a number may begin here: not within a word, nor behind one that a hyphen joins to it.
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

/// No more than three: further apart are two numbers.
fn behind_separators(text: &Folded<'_>, from: usize) -> usize {
    let mut at = from;
    while at < from + 3 && matches!(text.byte(at), b' ' | b'-' | b'.' | b'/' | b'(' | b')') {
        at += 1;
    }
    at
}

/// Between the groups of a card number, a bank account, a social security number: one of the usual, or a dash between
/// two spaces.
pub(super) fn is_one_separator(between: &[u8]) -> bool {
    matches!(between, [b' ' | b'-' | b'.'] | b" - ")
}
