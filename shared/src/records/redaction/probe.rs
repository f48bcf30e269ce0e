//! Helpers for the tests of the kinds.

use std::ops::Range;

use super::view::View;

/// The result of `find` at the first byte for which `is_start` holds.
pub(super) fn found_at<'t>(
    text: &'t str,
    is_start: impl Fn(&u8) -> bool,
    find: impl Fn(&View<'t>, usize) -> Option<Range<usize>>,
) -> Option<&'t str> {
    let view = View::new(text);
    let at = view.bytes().iter().position(is_start)?;
    find(&view, at).map(|range| &text[view.original_range(&range)])
}

/// The result of `find` at the first digit.
pub(super) fn found_at_digit<'t>(
    text: &'t str,
    find: impl Fn(&View<'t>, usize) -> Option<Range<usize>>,
) -> Option<&'t str> {
    found_at(text, u8::is_ascii_digit, find)
}
