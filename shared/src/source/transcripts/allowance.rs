//! The memory that one conversation may take while others are read beside it.

use crate::records::transcript::MAX_STORED_BYTES;

/// Limit of each response and of each transcript, by the conversation's place on its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    /// The first conversation of a page may take all: if it is too large, no other page can hold it either.
    First,
    /// The others share the memory. A conversation that needs more ends the page, and is the first of the next one.
    Other,
}

/// The share of a conversation that is not the first, in bytes.
const SHARE_BYTES: u64 = 8_000_000;

impl Allowance {
    /// `place` counts from 0.
    pub(super) fn of(place: usize) -> Self {
        if place == 0 { Self::First } else { Self::Other }
    }

    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::First => MAX_STORED_BYTES,
            Self::Other => SHARE_BYTES,
        }
    }
}
