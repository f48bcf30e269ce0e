//! The media of a conversation whose texts are archived.

use serde::{Deserialize, Serialize};

/// A medium with texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// Messages and web chats.
    Message,
    /// Calls, transcribed by speech and text analytics.
    Voice,
    Email,
}

impl Medium {
    /// The media of requests and plans that name none.
    pub const DEFAULT: &[Self] = &[Self::Message];

    /// The name in a request and in a stored record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Voice => "voice",
            Self::Email => "email",
        }
    }
}
