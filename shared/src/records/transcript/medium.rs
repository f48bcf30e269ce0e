//! The media of a conversation whose texts are archived, and what a message of each has besides its text.

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

/// The place of a phrase in a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Speech {
    /// The leg of the call: the id of its session.
    pub communication_id: String,
    /// Start of the phrase, in milliseconds from the start of the leg.
    pub offset_ms: Option<u64>,
    pub duration_ms: Option<u64>,
    /// How certain the transcription is, usually from 0 to 1.
    pub confidence: Option<f64>,
}

/// The header of an e-mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EmailHeader {
    pub subject: Option<String>,
    pub from: Option<EmailAddress>,
    pub to: Vec<EmailAddress>,
    pub cc: Vec<EmailAddress>,
    pub bcc: Vec<EmailAddress>,
}

/// A person or a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EmailAddress {
    pub email: Option<String>,
    pub name: Option<String>,
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
