//! Live capture: the values of a stream, and the conversations that they add up to. Pure.

mod reconstruct;
mod splitter;

pub use reconstruct::{
    ConversationState, NotAnEvent, ReconstructedConversation, Reconstruction, ReconstructionLimits,
    SETTLE_TIME,
};
pub use splitter::{DEFAULT_VALUE_LIMIT_BYTES, Piece, Splitter, UnreadableReason, UnreadableText};
