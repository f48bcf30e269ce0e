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

/// Bytes of a stored [`Speech`] beside its leg: names of fields and numbers.
const SPEECH_ENVELOPE_BYTES: usize = 100;

/// Bytes of a stored [`EmailAddress`] beside its texts: names of fields and punctuation.
const ADDRESS_ENVELOPE_BYTES: usize = 24;

impl Speech {
    pub(super) fn bytes(&self) -> usize {
        SPEECH_ENVELOPE_BYTES + self.communication_id.len()
    }
}

impl EmailHeader {
    pub(super) fn bytes(&self) -> usize {
        let lists = self.to.iter().chain(&self.cc).chain(&self.bcc);
        let addresses = self.from.iter().chain(lists).map(EmailAddress::bytes);
        self.subject.as_ref().map_or(0, String::len) + addresses.sum::<usize>()
    }
}

impl EmailAddress {
    fn bytes(&self) -> usize {
        let texts = self.email.iter().chain(&self.name).map(String::len);
        ADDRESS_ENVELOPE_BYTES + texts.sum::<usize>()
    }
}
