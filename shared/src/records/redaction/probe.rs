//! Helpers for the tests of the kinds.

use std::ops::Range;

use super::fold::Folded;

/// The result of `find` at the first byte for which `is_start` holds.
pub(super) fn found_at<'t>(
    text: &'t str,
    is_start: impl Fn(&u8) -> bool,
    find: impl Fn(&Folded<'t>, usize) -> Option<Range<usize>>,
) -> Option<&'t str> {
    let folded = Folded::new(text);
    let at = folded.bytes().iter().position(is_start)?;
    find(&folded, at).map(|range| &text[folded.original_range(&range)])
}

/// The result of `find` at the first digit.
pub(super) fn found_at_digit<'t>(
    text: &'t str,
    find: impl Fn(&Folded<'t>, usize) -> Option<Range<usize>>,
) -> Option<&'t str> {
    found_at(text, u8::is_ascii_digit, find)
}
