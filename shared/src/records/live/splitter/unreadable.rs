//! A text of which only the beginning, the length and the digest are kept.

use std::fmt;

use crate::base::hash::{Hasher, Sha256};

/// A part of the stream that is not a value.
#[derive(Clone, PartialEq, Eq)]
pub struct UnreadableText {
    pub reason: UnreadableReason,
    /// Up to 1,024 bytes from its beginning. Participants may have written them.
    pub first: String,
    /// In bytes.
    pub length: u64,
    /// Of the whole text.
    pub sha256: Sha256,
}

/// Why a part of the stream is not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableReason {
    /// It is longer than the limit.
    TooLong,
    /// It cannot be a part of JSON.
    NotJson,
    /// It is outside of objects and lists: strings, numbers, literals, brackets that close nothing.
    Stray,
    /// The connection ended before the text did.
    CutOff,
}

/// The digest of a text so far.
pub(super) struct Digesting {
    first: String,
    length: u64,
    hasher: Hasher,
}

const FIRST_BYTES: usize = 1024;

impl Digesting {
    pub(super) fn of(text: &str) -> Self {
        let mut digesting = Self {
            first: String::new(),
            length: 0,
            hasher: Hasher::default(),
        };
        digesting.update(text);
        digesting
    }

    pub(super) fn update(&mut self, text: &str) {
        // The beginning is complete once it cannot take a whole character, or a later one would follow a gap.
        if self.length == self.first.len() as u64 {
            let end = text.floor_char_boundary(FIRST_BYTES - self.first.len());
            self.first.push_str(&text[..end]);
        }
        self.length += text.len() as u64;
        self.hasher.update(text);
    }

    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// `None` for the empty text.
    pub(super) fn finish(self, reason: UnreadableReason) -> Option<UnreadableText> {
        (self.length > 0).then(|| UnreadableText {
            reason,
            first: self.first,
            length: self.length,
            sha256: self.hasher.finish(),
        })
    }
}

/// Without the text.
impl fmt::Debug for UnreadableText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnreadableText")
            .field("reason", &self.reason)
            .field("length", &self.length)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for UnreadableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer than the limit",
            Self::NotJson => "not JSON",
            Self::Stray => "outside of objects and lists",
            Self::CutOff => "cut off",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_text_ends_with_a_whole_character() {
        let text = format!("{}é{}", "a".repeat(FIRST_BYTES - 1), "b".repeat(9));
        for cut in [0, 5, FIRST_BYTES - 1, FIRST_BYTES + 1, text.len()] {
            let mut digesting = Digesting::of(&text[..cut]);
            digesting.update(&text[cut..]);

            let unreadable = digesting.finish(UnreadableReason::NotJson).unwrap();

            assert_eq!(unreadable.first, "a".repeat(FIRST_BYTES - 1), "{cut}");
            assert_eq!(unreadable.length, text.len() as u64);
            assert_eq!(unreadable.sha256, Sha256::of(&text));
        }
    }

    #[test]
    fn debug_output_of_an_unreadable_text_hides_it() {
        let unreadable = Digesting::of("Mary").finish(UnreadableReason::Stray);

        assert!(!format!("{unreadable:?}").contains("Mary"));
    }
}
