//! Finds the parts of a text that remain in the redacted text.

use std::ops::Range;

/// Prefix of every label.
const LABEL: &str = "[REDACTED:";

/// Returns the ranges of the pieces between the labels. If a piece matches several positions, the first one counts, so
/// that the result is rather too large than too small.
pub(crate) fn unredacted_ranges(text: &str, redacted: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut from = 0;
    let mut rest = Some(redacted);
    while let Some(redacted) = rest {
        let (piece, label) = redacted
            .split_once(LABEL)
            .map_or((redacted, None), |(piece, label)| (piece, Some(label)));
        rest = label.map(|label| label.split_once(']').expect("a whole label").1);
        let start = match rest {
            Some(_) => text[from..].find(piece).map(|at| from + at),
            None => text
                .len()
                .checked_sub(piece.len())
                .filter(|at| *at >= from && text.ends_with(piece)),
        };
        let start = start.expect("nothing but values is replaced");
        from = start + piece.len();
        ranges.push(start..from);
    }
    ranges
}

#[test]
fn text_left_unredacted_is_located_in_the_original() {
    let left = |text: &str, redacted: &str| {
        let ranges = unredacted_ranges(text, redacted).into_iter();
        ranges.map(|it| (it.start, it.end)).collect::<Vec<_>>()
    };

    assert_eq!(left("call 555 now", "call 555 now"), [(0, 12)]);
    assert_eq!(
        left("call 555 now", "call [REDACTED:PHONE] now"),
        [(0, 5), (8, 12)]
    );
    assert_eq!(
        left("a@x.de 1.2.3.4", "[REDACTED:EMAIL] [REDACTED:IP]"),
        [(0, 0), (6, 7), (14, 14)]
    );
}
