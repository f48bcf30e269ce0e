//! Live events, from the text that was received to the lines that are stored. Pure.
//!
//! A text becomes a [`Frame`], or is quarantined with a [`Problem`]. Its body is written in canonical form and redacted;
//! topic and body give the frame its identity ([`StoredFrame`]). A [`Batch`] keeps one frame of each identity and encodes
//! them. Equal frames give equal bytes, in whatever order and however often they were received.
//!
//! The direct stream sends texts that are cut anywhere. A [`Splitter`] finds the values in them, and a [`Reconstruction`]
//! merges the events of each conversation.

mod batch;
mod canonical;
mod check;
mod ending;
mod frame;
mod index;
mod line;
mod problem;
#[cfg(test)]
mod properties;
mod quarantine;
mod reconstruct;
mod splitter;
mod time;
mod topic;

pub use batch::{Batch, EncodedBatch, EncodedFrames, FrameCounts, MAX_BATCH_BYTES};
pub(crate) use check::{CheckedFrames, check_frames};
pub use frame::Frame;
pub use index::{FrameIndexEntry, FrameIndexReader, read_frame_index};
pub use line::{FrameLine, StoredFrame};
pub use problem::Problem;
pub use quarantine::Quarantined;
pub use reconstruct::{
    ConversationState, NotAnEvent, ReconstructedConversation, Reconstruction, ReconstructionLimits,
    SETTLE_TIME,
};
pub use splitter::{DEFAULT_VALUE_LIMIT_BYTES, Piece, Splitter, UnreadableReason, UnreadableText};
pub use time::{EventTime, EventTimeSource};
pub use topic::TopicTemplate;
