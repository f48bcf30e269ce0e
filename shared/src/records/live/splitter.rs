//! Splits the text of the direct stream into JSON values. A value may begin and end anywhere in a text message, and a
//! message may hold several.
//!
//! The splitter follows brackets and strings and does not parse: a piece that looks like a value may still not be one. It
//! reads each byte once and keeps at most one value, up to the limit.
//!
//! All that is between two values, except white space, is one unreadable text.
//!
//! Some text cannot be part of a value: a bracket that opens directly after a value, a line break in a string, a letter
//! that no JSON has outside of strings. From there on the text is *broken*, and the splitter synchronises again at the next
//! `{` or `[` that is the first character of a message, or that follows a line break or a closing bracket, with nothing but
//! white space between. A value over the limit is followed to its end, unless it turns out to be broken, or has no end within
//! [`LIMITS_UNTIL_BROKEN`] times the limit: then it counts as broken, too. Nothing can delay the next value for longer.

mod scan;
mod string_end;
mod unreadable;

pub use unreadable::{UnreadableReason, UnreadableText};

use std::fmt;
use std::mem;

use scan::{End, Scanner, TextKind};
use unreadable::Digesting;

/// Splits a sequence of text fragments.
#[derive(Debug)]
pub struct Splitter {
    limit_bytes: usize,
    scanner: Scanner,
    current: Current,
}

/// A part of the stream.
#[derive(PartialEq, Eq)]
pub enum Piece<'a> {
    /// From the opening to the closing bracket of an object or list.
    Value(&'a str),
    Unreadable(UnreadableText),
}

/// The part of the current text that is in earlier fragments.
#[derive(Default)]
struct Current {
    /// It may become a value.
    kept: String,
    /// In place of `kept`, if it is not a value or over the limit.
    digesting: Option<Digesting>,
}

/// The limit of [`Splitter::default`]. Events of conversations have some hundred bytes, at most some kilobytes.
pub const DEFAULT_VALUE_LIMIT_BYTES: usize = 1024 * 1024;

/// A value that has not ended after this many times the limit counts as broken, and is reported.
const LIMITS_UNTIL_BROKEN: u64 = 16;

const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

impl Splitter {
    /// A splitter for values of up to `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            scanner: Scanner::default(),
            current: Current::default(),
        }
    }

    /// Passes the pieces that end in this fragment to `receive`, in order. The fragments of one connection follow each
    /// other; [`Self::finish`] comes between connections.
    pub fn push(&mut self, fragment: &str, mut receive: impl FnMut(Piece<'_>)) {
        let mut rest = fragment;
        self.scanner.begin_fragment();
        loop {
            if self.scanner.is_between_values() {
                rest = rest.trim_start_matches(WHITE_SPACE);
            }
            if rest.is_empty() {
                return;
            }
            let Some(End { at, kind }) = self.scanner.scan(rest.as_bytes()) else {
                return self.keep(rest, receive);
            };
            // Each end is next to a character of one byte.
            let (last, after) = rest.split_at(at);
            self.end(last, kind, &mut receive);
            rest = after;
        }
    }

    /// Ends the stream, or its connection: a text that has not ended is unreadable. The next fragment begins a new text.
    pub fn finish(&mut self) -> Option<UnreadableText> {
        let reason = match mem::take(&mut self.scanner).kind_so_far() {
            Some(TextKind::Broken) => UnreadableReason::NotJson,
            Some(TextKind::Stray) => UnreadableReason::Stray,
            Some(TextKind::Value) | None => UnreadableReason::CutOff,
        };
        self.current.digest();
        self.take_unreadable(reason)
    }

    /// Keeps a text that does not end in this fragment.
    fn keep(&mut self, text: &str, receive: impl FnMut(Piece<'_>)) {
        if !self.scanner.is_broken() && self.current.fits(text, self.limit_bytes) {
            return self.current.append(text, self.limit_bytes);
        }
        let digesting = self.current.digest();
        digesting.update(text);
        if digesting.length() >= LIMITS_UNTIL_BROKEN.saturating_mul(self.limit_bytes as u64) {
            self.scanner.give_up();
            let unreadable = self.take_unreadable(UnreadableReason::NotJson);
            unreadable.map(Piece::Unreadable).map(receive);
        }
    }

    /// Passes on the text that ends with `last`.
    fn end(&mut self, last: &str, kind: TextKind, receive: &mut impl FnMut(Piece<'_>)) {
        let fits = self.current.fits(last, self.limit_bytes);
        let reason = match kind {
            TextKind::Value if fits && self.current.kept.is_empty() => {
                return receive(Piece::Value(last));
            }
            TextKind::Value if fits => {
                self.current.append(last, self.limit_bytes);
                receive(Piece::Value(&self.current.kept));
                return self.current.kept.clear();
            }
            TextKind::Value => UnreadableReason::TooLong,
            TextKind::Broken => UnreadableReason::NotJson,
            TextKind::Stray => UnreadableReason::Stray,
        };
        self.current.digest().update(last);
        let unreadable = self.take_unreadable(reason);
        unreadable.map(Piece::Unreadable).map(receive);
    }

    /// The current text, unless it is empty.
    fn take_unreadable(&mut self, reason: UnreadableReason) -> Option<UnreadableText> {
        let digesting = self.current.digesting.take()?;
        let is_too_long = digesting.length() > self.limit_bytes as u64;
        digesting.finish(if is_too_long {
            UnreadableReason::TooLong
        } else {
            reason
        })
    }
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(DEFAULT_VALUE_LIMIT_BYTES)
    }
}

impl Current {
    /// Whether the text so far and `text` can be kept.
    fn fits(&self, text: &str, limit: usize) -> bool {
        self.digesting.is_none() && self.kept.len() + text.len() <= limit
    }

    /// Keeps a text that fits, without allocating more than `limit` bytes.
    fn append(&mut self, text: &str, limit: usize) {
        let kept = &mut self.kept;
        let needed = kept.len() + text.len();
        if needed > kept.capacity() {
            let capacity = kept.capacity().saturating_mul(2).min(limit).max(needed);
            kept.reserve_exact(capacity - kept.len());
        }
        kept.push_str(text);
    }

    /// The digest of the text so far, whose bytes are no longer kept.
    fn digest(&mut self) -> &mut Digesting {
        let kept = mem::take(&mut self.kept);
        self.digesting.get_or_insert_with(|| Digesting::of(&kept))
    }
}

/// Without the texts, which participants wrote.
impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(text) => write!(f, "Value({} bytes)", text.len()),
            Self::Unreadable(text) => text.fmt(f),
        }
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digested = self.digesting.as_ref().map_or(0, Digesting::length);
        write!(
            f,
            "Current({} bytes kept, {digested} digested)",
            self.kept.len()
        )
    }
}

#[cfg(test)]
mod tests;
