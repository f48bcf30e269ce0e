//! A text as it is searched: unescaped, one byte per visible character, and without the values that were found already.
//!
//! The matchers read only this view. A value that was found is overwritten in place, so that nothing is found in it or
//! across it, and what was rejected beside it can be examined again. The view records how far the matchers read: a
//! change of a byte affects only candidates that read it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem;

use super::fold::{ID, IDEOGRAPH, LETTER, REMOVED, is_ignored_control};
use super::kind::Kind;
use super::replace::{REPLACEMENT_START, replaced_kind};
use super::steps::Steps;
use super::unescape::{Unit, unescape};

mod folded;
mod window;

use folded::{folded, folded_characters};

pub(super) use window::REMOVED_VALUE;

/// Distance between two values of a list, in bytes: `, `, ` / `, a line break.
const MAX_LIST_SEPARATOR: usize = 6;
/// Number of percent escapes within each other that are told apart.
const MAX_PERCENT_DEPTH: usize = 16;

/// A text as it is searched, with the positions of its bytes in the original.
pub(super) struct View<'t> {
    text: &'t str,
    bytes: Cow<'t, [u8]>,
    /// The part of the text for each byte; `None` when each byte stands for itself.
    units: Option<Vec<Unit>>,
    /// End and kind of each replaced value and each earlier replacement, by start.
    replaced: BTreeMap<usize, (usize, Option<Kind>)>,
    /// End of each contiguous part that is overwritten, by start.
    removed: BTreeMap<usize, usize>,
    /// The offset after the last byte that was read since the last call of `start_reading`.
    read_to: Cell<usize>,
    steps: Steps,
}

impl<'t> View<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let unescaped = unescape(text);
        let (bytes, units) = match &unescaped {
            Some(unescaped) => folded(unescaped),
            None if text.is_ascii() && !text.bytes().any(is_ignored_control) => {
                (Cow::Borrowed(text.as_bytes()), None)
            }
            None => folded_characters(text),
        };
        let steps = unescaped.map_or_else(Steps::default, |unescaped| unescaped.steps);
        steps.add(text.len());
        let mut view = Self {
            text,
            bytes,
            units,
            replaced: BTreeMap::new(),
            removed: BTreeMap::new(),
            read_to: Cell::new(0),
            steps,
        };
        view.remove_earlier_replacements();
        view
    }

    /// The original.
    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// All bytes, without recording that they are read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of a range within the text.
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.record_read(range.end, range.len());
        &self.bytes[range]
    }

    /// The byte at `at`; zero before the beginning and after the end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.record_read(at + 1, 1);
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before `at`.
    pub(super) fn byte_before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.byte(at))
    }

    /// The byte before a value that begins at `at`.
    pub(super) fn edge_before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.edge(at))
    }

    /// The byte beside a value: `REMOVED` for what a mask keeps, which would be read as a part of a longer word.
    pub(super) fn edge(&self, at: usize) -> u8 {
        let byte = self.byte(at);
        if is_masked(byte) && self.is_in_replaced(at) {
            REMOVED
        } else {
            byte
        }
    }

    fn is_in_replaced(&self, at: usize) -> bool {
        let before = self.replaced.range(..=at).next_back();
        before.is_some_and(|(_, (end, _))| *end > at)
    }

    /// The character that a byte stands for; `None` after the end, and for bytes that are not a character.
    pub(super) fn character(&self, at: usize) -> Option<char> {
        self.record_read(at + 1, 1);
        self.bytes.get(at)?;
        let original = &self.text[self.original_range(&(at..at + 1))];
        let mut characters = original.chars();
        let first = characters.next();
        if characters.next().is_none() {
            return first;
        }
        self.steps.add(original.len());
        let unescaped = unescape(original)?.bytes;
        str::from_utf8(&unescaped).ok()?.chars().next()
    }

    /// The text of a range as it is read: letters outside ASCII are what they are, everything else is folded.
    pub(super) fn reading(&self, range: &Range<usize>) -> String {
        let read = |at: usize| match self.byte(at) {
            byte if byte.is_ascii() => char::from(byte),
            _ => self.character(at).unwrap_or(char::REPLACEMENT_CHARACTER),
        };
        range.clone().map(read).collect()
    }

    /// The range in the original text for a range of bytes.
    pub(super) fn original_range(&self, range: &Range<usize>) -> Range<usize> {
        let Some(units) = &self.units else {
            return range.clone();
        };
        let begin = |at: usize| units.get(at).map_or(self.text.len(), |unit| unit.start);
        let start = begin(range.start);
        let end = range.end.checked_sub(1).and_then(|last| units.get(last));
        start..end.map_or(start, |unit| unit.end.max(start))
    }

    /// The range of the bytes that stand for a part of a range of the original text.
    pub(super) fn range_of(&self, original: &Range<usize>) -> Range<usize> {
        let Some(units) = &self.units else {
            return original.clone();
        };
        let start = units.partition_point(|unit| unit.end <= original.start);
        let end = units.partition_point(|unit| unit.start < original.end);
        start..end.max(start)
    }

    /// Whether one of the bytes is an escape in the original.
    pub(super) fn is_escaped(&self, range: Range<usize>) -> bool {
        // An escape begins with an ASCII character, and any other unit of several bytes does not.
        let is_escape = |at: usize| {
            let original = self.original_range(&(at..at + 1));
            original.len() > 1 && self.text.as_bytes()[original.start].is_ascii()
        };
        self.units.is_some() && range.into_iter().any(is_escape)
    }

    /// The number of percent escapes within each other that a byte stands for: 1 for `%20`, 2 for `%2520`, and 0 for
    /// other escapes, which a document around a URL has.
    pub(super) fn percent_depth(&self, at: usize) -> usize {
        if self.units.is_none() || at >= self.len() {
            return 0;
        }
        let unit = self.original_range(&(at..at + 1));
        let original = &self.text.as_bytes()[unit];
        self.steps.add(1);
        match original {
            [b'%', rest @ ..] => {
                let percent_signs = rest.chunks(2).take(MAX_PERCENT_DEPTH);
                1 + percent_signs.take_while(|digits| *digits == b"25").count()
            }
            // The entity or the escape of a percent sign, and the digits after it.
            [b'&', .., last] if *last != b';' => 1,
            [b'\\', b'u', rest @ ..] if rest.len() > 4 => 1,
            _ => 0,
        }
    }

    /// Begins to record how far the matchers read.
    pub(super) fn start_reading(&self) {
        self.read_to.set(0);
    }

    /// The offset after the last byte that was read.
    pub(super) fn read_to(&self) -> usize {
        self.read_to.get()
    }

    /// Overwrites a value that is replaced by a label.
    pub(super) fn replace(&mut self, range: Range<usize>, kind: Option<Kind>) {
        self.replaced.insert(range.start, (range.end, kind));
        self.hide(range);
    }

    /// Overwrites a value so that nothing is found in it.
    pub(super) fn hide(&mut self, range: Range<usize>) {
        self.bytes.to_mut()[range.clone()].fill(REMOVED);
        if !range.is_empty() {
            self.add_removed(range);
        }
    }

    /// Merges adjacent parts that are overwritten, so that a window passes each of them in one step.
    fn add_removed(&mut self, mut range: Range<usize>) {
        while let Some((start, end)) = self.removed.range(..=range.end).next_back()
            && *end >= range.start
        {
            let start = *start;
            range = start.min(range.start)..range.end.max(*end);
            self.removed.remove(&start);
        }
        self.removed.insert(range.start, range.end);
    }

    /// Overwrites an id.
    pub(super) fn keep(&mut self, range: Range<usize>) {
        self.bytes.to_mut()[range].fill(ID);
    }

    /// Overwrites the letters and digits of a value by `*`, except those for which `is_kept` holds, given their position
    /// and their total number.
    pub(super) fn mask(
        &mut self,
        range: Range<usize>,
        kind: Kind,
        is_kept: impl Fn(usize, usize) -> bool,
    ) {
        self.replaced.insert(range.start, (range.end, Some(kind)));
        let value = &mut self.bytes.to_mut()[range];
        let count = value.iter().filter(|byte| is_masked(**byte)).count();
        let letters = value.iter_mut().filter(|byte| is_masked(**byte));
        for (position, letter) in letters.enumerate() {
            if !is_kept(position, count) {
                *letter = b'*';
            }
        }
    }

    /// The range without removed values at its beginning and end.
    pub(super) fn visible_part(&self, range: Range<usize>) -> Range<usize> {
        let bytes = &self.bytes[range.clone()];
        let start = bytes.iter().position(|byte| *byte != REMOVED);
        let end = bytes.iter().rposition(|byte| *byte != REMOVED);
        match start.zip(end) {
            Some((start, end)) => range.start + start..range.start + end + 1,
            None => range.start..range.start,
        }
    }

    /// The original of a range, with masks in place of what they hide and without invisible characters.
    pub(super) fn masked_text(&self, range: &Range<usize>) -> String {
        let mut out = String::new();
        for position in range.clone() {
            if self.bytes[position] == b'*' {
                out.push('*');
            } else {
                out.push_str(&self.text[self.original_range(&(position..position + 1))]);
            }
        }
        out
    }

    /// Whether a value of this kind stands directly before or after the range, as in a list.
    pub(super) fn is_beside(&self, kind: Kind, range: &Range<usize>) -> bool {
        self.record_read(range.end + MAX_LIST_SEPARATOR, 1);
        let before = self.replaced.range(..range.start).next_back();
        let after = self.replaced.range(range.end..).next();
        let before = before.map(|(_, (end, of))| (*end..range.start, *of));
        let after = after.map(|(start, (_, of))| (range.end..*start, *of));
        [before, after]
            .into_iter()
            .flatten()
            .any(|(gap, of)| of == Some(kind) && self.separates_list(gap))
    }

    fn separates_list(&self, gap: Range<usize>) -> bool {
        gap.start <= gap.end
            && gap.len() <= MAX_LIST_SEPARATOR
            && self.bytes[gap]
                .iter()
                .all(|byte| b" \t\r\n,;/|&+".contains(byte))
    }

    /// Hides labels and hashes, which an earlier redaction wrote.
    fn remove_earlier_replacements(&mut self) {
        let starts: Vec<_> = memmem::find_iter(&self.bytes, REPLACEMENT_START).collect();
        for start in starts {
            if let Some((length, kind)) = replaced_kind(&self.bytes[start..]) {
                self.replace(start..start + length, kind);
            }
        }
    }

    fn record_read(&self, to: usize, count: usize) {
        self.read_to.set(self.read_to.get().max(to));
        self.steps.add(count);
    }

    /// The work so far.
    pub(super) fn steps(&self) -> &Steps {
        &self.steps
    }
}

fn is_masked(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, LETTER | IDEOGRAPH | ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_maps_back_to_the_original_characters() {
        let text = "é\u{200b}４１是";
        let view = View::new(text);

        assert_eq!(view.bytes(), [b'e', b'4', b'1', IDEOGRAPH]);
        assert_eq!(&text[view.original_range(&(1..3))], "４１");
        assert_eq!(&text[view.original_range(&(0..4))], text);
        assert_eq!(view.original_range(&(0..0)), 0..0);
    }

    #[test]
    fn a_range_maps_back_to_whole_escapes() {
        let text = "é%40%C3%A9x";
        let view = View::new(text);

        assert_eq!(view.bytes(), b"e@ex");
        assert_eq!(&text[view.original_range(&(1..3))], "%40%C3%A9");
        assert_eq!(view.range_of(&(3..4)), 1..2);
        assert_eq!(view.range_of(&(0..text.len())), 0..4);
    }

    #[test]
    fn labels_and_hashes_of_earlier_redactions_are_hidden() {
        for token in [
            "[REDACTED:CARD]",
            "[REDACTED:EMAIL:dlpmcgjf:filpgmamddeocaioiflaehjg]",
        ] {
            let text = format!("a {token} b");
            let view = View::new(&text);

            let visible = view.bytes().iter().filter(|byte| **byte != REMOVED);
            assert_eq!(visible.copied().collect::<Vec<_>>(), b"a  b");
        }
        let forged = View::new("[REDACTED:4111 1111 1111 1111]");
        assert!(!forged.bytes().contains(&REMOVED));
    }

    #[test]
    fn the_view_records_how_far_it_was_read() {
        let view = View::new("abcdef");
        view.byte(4);
        view.start_reading();
        view.byte(1);
        view.slice(0..3);

        assert_eq!(view.read_to(), 3);
    }
}
