//! US social security numbers: groups of three, two and four digits, within the ranges that the Social Security
//! Administration issues.

use std::ops::Range;

use memchr::memchr_iter;

use super::digits::{Digits, Run, is_one_separator, may_begin, may_end};
use super::fold::Folded;
use super::labels::{self, Topic};

pub(super) fn find_at(text: &Folded<'_>, start: usize) -> Option<Range<usize>> {
    if !may_begin(text, start) {
        return None;
    }
    let run = Run::at(text, start, is_one_separator);
    let range = start..run.groups().iter().find(|group| group.digits == 9)?.end;
    let is_ssn = may_end(text, range.end) && is_issued(Digits::within(text, &range).values());
    let topic = is_ssn.then(|| labels::topic(text, &range))?;
    let is_accepted = match topic {
        Some(topic) => topic == Topic::Ssn,
        // No other number has these groups.
        None => has_usual_groups(text, &run, &range),
    };
    is_accepted.then_some(range)
}

fn has_usual_groups(text: &Folded<'_>, run: &Run, range: &Range<usize>) -> bool {
    let lengths: Vec<_> = run.lengths().collect();
    lengths == [3, 2, 4] && memchr_iter(b'-', &text.bytes()[range.clone()]).count() == 2
}

fn is_issued(digits: &[u8]) -> bool {
    !matches!(
        digits,
        [0, 0, 0, ..] | [6, 6, 6, ..] | [9, ..] | [_, _, _, 0, 0, ..] | [.., 0, 0, 0, 0]
    )
}
