//! The words around a number, in which values that were found are one sign.

use std::borrow::Cow;
use std::ops::Range;

use super::View;
use crate::records::redaction::fold::REMOVED;

/// Stands for a value that was found, whatever replaces it.
pub(in super::super) const REMOVED_VALUE: char = '\u{1}';

/// Stands for bytes that are not a character.
const UNKNOWN: char = '\u{fffd}';

impl View<'_> {
    /// Up to `limit` bytes of text before `at`.
    pub(in super::super) fn window_before(&self, at: usize, limit: usize) -> Cow<'_, str> {
        if let Some(window) = self.plain(at.saturating_sub(limit)..at) {
            return window.into();
        }
        let mut letters = Vec::new();
        let (mut bytes, mut position) = (0, at);
        while let Some(last) = position.checked_sub(1) {
            let start = self.start_of_removed(last);
            self.steps.add(1);
            let gap = self.gap(start, position, at);
            bytes += gap;
            if bytes > limit {
                break;
            }
            letters.push(self.letter(last));
            position = start;
        }
        letters.iter().rev().collect::<String>().into()
    }

    /// Up to `limit` bytes of text from `at` on.
    pub(in super::super) fn window_after(&self, at: usize, limit: usize) -> Cow<'_, str> {
        let end = self.len().min(at + limit);
        self.record_read(at + limit, 0);
        if let Some(window) = self.plain(at..end) {
            return window.into();
        }
        let mut window = String::new();
        let (mut bytes, mut position) = (0, at);
        while position < self.len() {
            let end = self.end_of_removed(position);
            self.steps.add(1);
            bytes += self.gap(position, end, end);
            if bytes > limit {
                break;
            }
            window.push(self.letter(position));
            position = end;
        }
        window.into()
    }

    /// The text of a range, if each byte stands for itself and none was overwritten.
    fn plain(&self, range: Range<usize>) -> Option<&str> {
        self.steps.add(range.len());
        let is_plain = self.units.is_none()
            && (self.replaced.is_empty()
                || memchr::memchr2(REMOVED, b'*', &self.bytes[range.clone()]).is_none());
        is_plain.then(|| &self.text[range])
    }

    /// The length in the redacted text of the unit from `start` to `end`, with the invisible characters between it and
    /// the next one, unless `end` is the end of the window.
    fn gap(&self, start: usize, end: usize, window_end: usize) -> usize {
        let unit = self.original_range(&(start..end));
        let next = if end < window_end {
            self.original_range(&(end..end + 1)).start
        } else {
            unit.end
        };
        let invisible = next.saturating_sub(unit.end);
        let is_replaced = self.bytes[start] == REMOVED || self.is_masked_at(start);
        invisible + if is_replaced { 1 } else { unit.len() }
    }

    /// The start of the overwritten part that contains `last`, or `last`.
    fn start_of_removed(&self, last: usize) -> usize {
        if self.bytes[last] != REMOVED {
            return last;
        }
        let before = self.removed.range(..=last).next_back();
        let part = before.filter(|(_, end)| **end > last);
        part.map_or(last, |(start, _)| *start)
    }

    /// The end of the overwritten part that contains `first`, or the offset after `first`.
    fn end_of_removed(&self, first: usize) -> usize {
        if self.bytes[first] != REMOVED {
            return first + 1;
        }
        let before = self.removed.range(..=first).next_back();
        let end = before.map_or(0, |(_, end)| *end);
        end.max(first + 1)
    }

    fn is_masked_at(&self, at: usize) -> bool {
        self.bytes[at] == b'*' && !self.text[self.original_range(&(at..at + 1))].starts_with('*')
    }

    fn letter(&self, at: usize) -> char {
        let byte = self.bytes[at];
        if byte == REMOVED {
            return REMOVED_VALUE;
        }
        if self.is_masked_at(at) {
            return '*';
        }
        self.character(at).unwrap_or(UNKNOWN)
    }
}
