//! Fields of a message that only a call or an e-mail has.

use serde::Serialize;

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
