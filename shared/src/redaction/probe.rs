//! What the tests of the kinds share.

use std::ops::Range;

use super::fold::Folded;

/// What is found at the first byte that this holds of.
pub(super) fn found_at<'t>(
    text: &'t str,
    is_there: impl Fn(&u8) -> bool,
    find: impl Fn(&Folded<'t>, usize) -> Option<Range<usize>>,
) -> Option<&'t str> {
    let folded = Folded::new(text);
    let at = folded.bytes().iter().position(is_there)?;
    find(&folded, at).map(|range| &text[folded.range(&range)])
}

/// What is found at the first digit.
pub(super) fn found_at_digit<'t>(
    text: &'t str,
    find: impl Fn(&Folded<'t>, usize) -> Option<Range<usize>>,
) -> Option<&'t str> {
    found_at(text, u8::is_ascii_digit, find)
}
