//! Conversations as they happen: what is said, what Genesys Cloud reports of it, and the record at each moment. One
//! state produces all of it, so that live traffic and the API never disagree.

mod cast;
mod detail;
mod direct;
mod evolving_record;
mod message_snapshot;
mod phrases;
mod play;
mod script;
mod snapshot;
mod traffic;
mod transcription;

pub(crate) use phrases::LivePhrase;
pub use traffic::{LiveConversation, Traffic};
pub(crate) use traffic::{Stage, TrafficState};

/// Prefix of the topics under which the ledger keeps events of the direct stream, which have no topic of their own.
pub(crate) const DIRECT_TOPIC: &str = "direct.";

/// The subject of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameKind {
    /// A detail event (`v2.detail.events.conversation.{id}.…`).
    Detail,
    /// The state of a conversation on a topic of its queue or agent.
    Snapshot,
    /// Words of a call (`v2.conversations.{id}.transcription`).
    Transcription,
    /// An event of the direct stream.
    Direct,
}

/// A frame that is about to be sent.
#[derive(Clone, Debug)]
pub(crate) struct NewFrame {
    pub(crate) kind: FrameKind,
    /// `direct.{type}` for an event of the direct stream.
    pub(crate) topic: String,
    pub(crate) conversation_id: Option<String>,
    /// JSON text of the `eventBody`; of the whole event for the direct stream.
    pub(crate) body: String,
}
