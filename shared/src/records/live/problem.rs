//! Why a text is not a frame.

use serde::{Deserialize, Serialize};

/// The reason for which a text is quarantined. It names no content.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "camelCase")]
pub enum Problem {
    #[error("it is not JSON")]
    NotJson,
    #[error("it is not an object")]
    NotAnObject,
    /// Of an event of EventBridge.
    #[error("the event has no detail")]
    NoDetail,
    #[error("it has no topic name")]
    NoTopicName,
    #[error("it has no body, or one that is not an object")]
    NoEventBody,
    /// Readers differ in which of the two counts.
    #[error("an object has two members of one name")]
    RepeatedMember,
    #[error("it has more than 100 levels")]
    TooDeep,
}
