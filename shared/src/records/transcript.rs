//! Transcripts of conversations, independent of the route by which they were read: participants, messages, order. Pure.
//!
//! One module per route parses the API's bodies into a [`Transcript`]; `build_record` turns that into the line that is
//! stored, without personal data if the export redacts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

mod attachment;
mod authors;
mod document;
mod language;
mod limits;
mod medium;
mod parts;
mod record;
mod recording;
mod route;
mod size;
mod status;
mod unreadable;
mod web;

pub use attachment::{Attachment, AttachmentLimits, File, FileAddress, NotStored};
pub(crate) use authors::Authors;
pub(crate) use document::parse_document;
pub(crate) use limits::MAX_STORED_BYTES;
pub use limits::{Cut, Limits};
pub use medium::{EmailAddress, EmailHeader, Speech};
pub use parts::Part;
pub(crate) use parts::{PartResult, combine, likelihood_of_text};
pub(crate) use record::build_record;
pub use record::{RecordLine, TranscriptRecord};
pub use recording::RecordingMetadata;
pub use route::TranscriptRoute;
pub use route::UnknownRoute;
pub use status::Status;
pub use unreadable::Unreadable;
pub use web::{WebConversation, WebMessageFields};

/// The route by which a transcript was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Via {
    Messages,
    Recordings,
    WebDetails,
    SpeechAnalytics,
}

/// Whether the text is safe to use in a URL path unescaped. Allows a gateway's own ids too.
pub(crate) fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=100).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with('.')
}

#[derive(Debug)]
pub struct Transcript {
    pub via: Via,
    /// The start of the conversation, as the source states it. A recording or a message begins later.
    pub start: Option<Timestamp>,
    /// Known only from documents that name it.
    pub organization_id: Option<String>,
    pub participants: Vec<Participant>,
    pub(crate) authors: Authors,
    pub messages: Vec<Message>,
    pub events: Vec<Event>,
    /// Elements of the responses that could not be read, in the order received.
    pub unreadable: Vec<Unreadable>,
    /// Number of messages that were announced but not returned.
    pub missing: u64,
    /// Why some were not returned, one sentence each.
    pub problems: Vec<String>,
    /// The recordings of the conversation, if they were read.
    pub recordings: Vec<RecordingMetadata>,
    /// The results of the media that were requested; empty if only messages were.
    pub parts: Vec<Part>,
    /// For web details.
    pub web: Option<WebConversation>,
    /// The amounts left out because of a limit.
    pub cut: Cut,
}

/// Why there is no transcript. Contains no text of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTranscript {
    pub status: Status,
    pub problem: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    pub participant_id: String,
    /// `customer`, `agent`, `workflow` …
    pub purpose: Option<String>,
    pub name: Option<String>,
    pub user_id: Option<String>,
}

/// A message of a conversation.
#[derive(Debug)]
pub struct Message {
    pub id: String,
    pub sequence: Option<i64>,
    pub time: Option<Timestamp>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// `human` or `bot`.
    pub originating_entity: Option<String>,
    pub participant_id: Option<String>,
    pub purpose: Option<String>,
    /// `Text`, `Structured` …
    pub kind: String,
    pub text: String,
    pub attachments: Vec<Attachment>,
    /// Content beside the text: cards, quick replies.
    pub content: Vec<Box<RawValue>>,
    /// For a phrase of a call.
    pub speech: Option<Speech>,
    /// For an e-mail.
    pub email: Option<EmailHeader>,
    /// For web details.
    pub web: Option<WebMessageFields>,
    /// The time by which a message is ordered among those of other parts, see [`parts`].
    pub(crate) position: Option<Timestamp>,
}

/// An event: a receipt, a typing indicator, a participant joining or leaving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// For a receipt.
    pub message_id: Option<String>,
    pub time: Option<Timestamp>,
    #[serde(rename = "type")]
    pub kind: String,
    /// For a receipt: `Delivered`, `Read`, `Failed` …
    pub status: Option<String>,
}

/// The author of a message, as far as the source identifies them.
#[derive(Debug, Default)]
pub(crate) struct Author {
    pub(crate) id: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) user_id: Option<String>,
}

impl Message {
    /// A message without content, of which each parser sets the fields that its source has.
    pub(crate) fn empty() -> Self {
        Self {
            id: String::new(),
            sequence: None,
            time: None,
            direction: None,
            originating_entity: None,
            participant_id: None,
            purpose: None,
            kind: String::new(),
            text: String::new(),
            attachments: Vec::new(),
            content: Vec::new(),
            speech: None,
            email: None,
            web: None,
            position: None,
        }
    }
}

impl Transcript {
    pub(crate) fn new(via: Via, start: Option<Timestamp>) -> Self {
        Self {
            via,
            start,
            organization_id: None,
            participants: Vec::new(),
            authors: Authors::default(),
            messages: Vec::new(),
            events: Vec::new(),
            unreadable: Vec::new(),
            missing: 0,
            problems: Vec::new(),
            recordings: Vec::new(),
            parts: Vec::new(),
            web: None,
            cut: Cut::default(),
        }
    }

    /// Adds a participant unless it is already listed, and returns its id. If the source has no id, a number is
    /// assigned, since a name is not an id.
    pub(crate) fn add_participant(&mut self, author: Author) -> String {
        if let Some(place) = self.authors.place_of(&author, &self.participants) {
            return self.participants[place].participant_id.clone();
        }
        let participant_id = match author.id {
            Some(id) => id,
            None => self.authors.assign_id(&self.participants),
        };
        self.participants.push(Participant {
            participant_id: participant_id.clone(),
            purpose: author.purpose,
            name: author.name,
            user_id: author.user_id,
        });
        participant_id
    }
}

impl NoTranscript {
    pub fn new(status: Status, problem: impl Into<String>) -> Self {
        Self {
            status,
            problem: problem.into(),
        }
    }
}

/// In lower case, like the API's older fields.
pub(crate) fn lower(word: Option<String>) -> Option<String> {
    word.map(|word| word.to_lowercase())
}
