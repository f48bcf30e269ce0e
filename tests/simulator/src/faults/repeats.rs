//! Rows that occur more than once in a result.

use std::borrow::Cow;

/// A row that is served again.
#[derive(Clone, Copy, Debug)]
pub struct RepeatedRow {
    /// Position of the row in the result, from 0.
    pub row: usize,
    /// Position in the served result at which the row is repeated.
    pub again_at: usize,
    pub repeat: Repeat,
}

/// Content of a row that is served again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The same bytes.
    Identical,
    /// The same id and start, with one additional member.
    Changed,
}

/// Inserts the repeated rows whose positions exist in the result.
pub(crate) fn repeat_rows(rows: &mut Vec<usize>, repeated: &[RepeatedRow]) {
    for it in repeated {
        let index = rows.get(it.row).copied();
        if let Some(index) = index.filter(|_| it.again_at <= rows.len()) {
            rows.insert(it.again_at, index);
        }
    }
}

/// The text of the row at this position of the served result.
pub(crate) fn text_at<'a>(
    position: usize,
    text: Cow<'a, str>,
    repeated: &[RepeatedRow],
) -> Cow<'a, str> {
    let changed = |it: &RepeatedRow| it.again_at == position && it.repeat == Repeat::Changed;
    if repeated.iter().any(changed) {
        let member = format!("{{\"changedAt\":{position},");
        return text.replacen('{', &member, 1).into();
    }
    text
}
