//! US social security numbers: groups of three, two and four digits, within the ranges that the Social Security
//! Administration issues.

use std::ops::Range;

use super::digits::{
    Digits, Run, is_one_separator, may_begin, may_begin_checked, may_end, may_end_checked,
};
use super::kind::Kind;
use super::labels::{self, Topic};
use super::view::View;

pub(super) fn find_at(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    let usual = Run::at(text, start, is_one_separator);
    find_in(text, &usual).or_else(|| {
        let any = Run::across_separators(text, start, |_| true);
        any.lengths().take(3).eq(GROUPS).then_some(())?;
        find_in(text, &any)
    })
}

const GROUPS: [usize; 3] = [3, 2, 4];

fn find_in(text: &View<'_>, run: &Run) -> Option<Range<usize>> {
    let start = run.groups().first()?.start;
    let range = start..run.groups().iter().find(|group| group.digits == 9)?.end;
    if !may_end_checked(text, range.end) || !is_issued(Digits::within(text, &range).values()) {
        return None;
    }
    let is_separate = || may_begin(text, start) && may_end(text, range.end);
    let is_accepted = match labels::topic(text, &range) {
        Some(Topic::Ssn) => may_begin_checked(text, start),
        Some(_) => false,
        // No other number has these groups.
        None => is_separate() && has_usual_groups(text, run, &range),
    };
    let is_listed = || is_separate() && text.is_beside(Kind::Ssn, &range);
    (is_accepted || is_listed()).then_some(range)
}

/// The end of a number in three groups, whatever the words around it. A part of it is not another value.
pub(super) fn end_of_form(text: &View<'_>, start: usize) -> Option<usize> {
    let run = Run::at(text, start, is_one_separator);
    let end = run.groups().get(2)?.end;
    let is_form =
        run.lengths().take(3).eq(GROUPS) && is_issued(Digits::within(text, &(start..end)).values());
    is_form.then_some(end)
}

/// Three groups that are joined by hyphens, and no further one.
fn has_usual_groups(text: &View<'_>, run: &Run, range: &Range<usize>) -> bool {
    let [first, second, ..] = run.groups() else {
        return false;
    };
    let is_hyphen = |at: usize| text.byte(at) == b'-';
    let continues = matches!(text.byte(range.end), b'-' | b'.' | b'/')
        && text.byte(range.end + 1).is_ascii_digit();
    run.lengths().take(3).eq(GROUPS)
        && is_hyphen(first.end)
        && is_hyphen(second.end)
        && range.len() == 11
        && !continues
}

fn is_issued(digits: &[u8]) -> bool {
    !matches!(
        digits,
        [0, 0, 0, ..] | [6, 6, 6, ..] | [9, ..] | [_, _, _, 0, 0, ..] | [.., 0, 0, 0, 0]
    )
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at_digit;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        found_at_digit(text, find_at)
    }

    #[test]
    fn a_labelled_number_is_found_with_any_separators() {
        for separator in [
            "", " ", "  ", "\t", "-", " - ", "/", "_", ".", "|", ", ", ":",
        ] {
            let number = ["219", "09", "9999"].join(separator);
            for text in [format!("ssn: {number}."), format!("{number} is my ssn")] {
                assert_eq!(found(&text), Some(&*number), "{text}");
            }
        }
        assert_eq!(found("SSN219099999"), Some("219099999"));
    }

    #[test]
    fn hyphens_alone_distinguish_the_number() {
        for text in ["219-09-9999", "219-09-9999 219-09-9998", "219-09-9999, 5"] {
            assert_eq!(found(text), Some("219-09-9999"), "{text}");
        }
        for text in [
            "219 09 9999",
            "219-09-9999-1",
            "219-09-9999.5",
            "order 219-09-9999",
            "x219-09-9999",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
