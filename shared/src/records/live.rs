//! Live capture: the values of a stream, and the conversations that they add up to. Pure.

mod splitter;

pub use splitter::{DEFAULT_VALUE_LIMIT_BYTES, Piece, Splitter, UnreadableReason, UnreadableText};
