//! Transcripts of calls: the presigned URL, and the document at that URL.
//!
//! The document's schema is published, but not that of `offset` and `duration`; `startTimeMs` is milliseconds since 1970
//! according to other clients.
//! <https://developer.genesys.cloud/analyticsdatamanagement/speechtextanalytics/transcript-url>

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use url::Url;

use crate::base::decode::DecodeError;
use crate::base::decode::object::{NotReadable, Object, ParsedList, required_object};
use crate::base::time::saturating_millis;

/// `GET …/communications/{communicationId}/transcripturl`, 200. It expires after ten minutes.
pub struct TranscriptUrl {
    pub url: Url,
}

/// The document at a [`TranscriptUrl`].
#[derive(Debug)]
pub struct CommunicationTranscript {
    pub organization_id: Option<String>,
    pub conversation_start: Option<Timestamp>,
    /// Start of the communication.
    pub start: Option<Timestamp>,
    pub phrases: ParsedList<Phrase>,
    pub participants: Vec<SpeechParticipant>,
}

#[derive(Debug)]
pub struct Phrase {
    pub text: String,
    /// `internal` or `external`.
    pub participant_purpose: Option<String>,
    pub start_time: Option<Timestamp>,
    /// From the start of the communication.
    pub offset_ms: Option<u64>,
    pub duration_ms: Option<u64>,
    pub confidence: Option<f64>,
}

/// A participant of the communication.
#[derive(Debug)]
pub struct SpeechParticipant {
    pub participant_purpose: Option<String>,
    pub user_id: Option<String>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
}

impl TranscriptUrl {
    /// Reads the URL; `None` if the document has none and states no error, as long as there is no transcript.
    pub fn read(document: &RawValue) -> Result<Option<Self>, DecodeError> {
        let object = required_object(document)?;
        if object.member("url").is_none() {
            return match object.member("message") {
                None => Ok(None),
                Some(_) => Err(DecodeError::missing("url")),
            };
        }
        let url = object.text("url").and_then(|url| Url::parse(&url).ok());
        let url = url.ok_or_else(|| DecodeError::not_a("url", "a URL"))?;
        Ok(Some(Self { url }))
    }
}

/// Omits the URL, which is a secret for as long as it is valid.
impl fmt::Debug for TranscriptUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TranscriptUrl")
    }
}

impl CommunicationTranscript {
    /// Reads the transcript of this communication; any other document is an error.
    pub fn read(
        document: &RawValue,
        conversation_id: &str,
        communication_id: &str,
    ) -> Result<Self, DecodeError> {
        let transcript = required_object(document)?;
        require_same(&transcript, "conversationId", conversation_id)?;
        require_same(&transcript, "communicationId", communication_id)?;
        transcript.required_list("transcripts")?;
        let mut phrases = ParsedList::default();
        let transcripts = transcript.parse_list("transcripts", |it| {
            it.required_list("phrases").map_err(|_| NotReadable)?;
            Ok(it.parse_list("phrases", |it| Phrase::read(&it)))
        });
        phrases.unreadable = transcripts.unreadable;
        for listed in transcripts.read {
            phrases.read.extend(listed.read);
            phrases.unreadable.extend(listed.unreadable);
        }
        let participants =
            transcript.parse_list("participants", |it| Ok(SpeechParticipant::read(&it)));
        Ok(Self {
            organization_id: transcript.id("organizationId"),
            conversation_start: transcript.timestamp("conversationStartTime"),
            start: transcript.timestamp("startTime"),
            phrases,
            participants: participants.read,
        })
    }
}

fn require_same(object: &Object<'_>, name: &str, requested: &str) -> Result<(), DecodeError> {
    match object.id(name) {
        Some(id) if !id.eq_ignore_ascii_case(requested) => {
            Err(DecodeError::not_a(name, "the one that was requested"))
        }
        _ => Ok(()),
    }
}

impl Phrase {
    /// A phrase without a text is not readable: its content may be in another form.
    fn read(phrase: &Object<'_>) -> Result<Self, NotReadable> {
        let text = phrase.content_text("text")?;
        // The same words, with punctuation and numbers as they are written.
        let decorated = phrase.content_text("decoratedText")?;
        let decorated = decorated.filter(|text| !text.is_empty());
        let start_time = phrase.timestamp("startTimeMs");
        Ok(Self {
            text: decorated.or(text).ok_or(NotReadable)?,
            participant_purpose: phrase.text("participantPurpose"),
            // A small number is not a time, but an offset.
            offset_ms: length_ms(phrase, ["offset", "offsetMs"]).or_else(|| {
                let start = phrase.integer("startTimeMs");
                start.filter(|_| start_time.is_none())
            }),
            start_time,
            duration_ms: length_ms(phrase, ["duration", "durationMs"]),
            confidence: number(phrase, "confidence"),
        })
    }
}

impl SpeechParticipant {
    fn read(participant: &Object<'_>) -> Self {
        Self {
            participant_purpose: participant.text("participantPurpose"),
            user_id: participant.id("userId"),
            start_time: participant.timestamp("startTimeMs"),
            end_time: participant.timestamp("endTimeMs"),
        }
    }
}

/// A length of time under the first of these names that has one, in milliseconds: a number, an ISO 8601 duration, or an
/// object with `milliseconds`, or with `seconds` and `nanos`.
fn length_ms(object: &Object<'_>, names: [&str; 2]) -> Option<u64> {
    names.iter().find_map(|name| {
        let length = object.object(name);
        object
            .integer(name)
            .or_else(|| iso_ms(&object.text(name)?))
            .or_else(|| length_of_object(&length?))
    })
}

fn length_of_object(length: &Object<'_>) -> Option<u64> {
    let milliseconds = ["milliseconds", "millis", "ms"];
    let milliseconds = milliseconds.iter().find_map(|name| length.integer(name));
    milliseconds.or_else(|| {
        let seconds: u64 = length.integer("seconds")?;
        let nanos: u32 = length.integer("nanos").unwrap_or(0);
        Some(saturating_millis(Duration::new(seconds, nanos)))
    })
}

fn iso_ms(text: &str) -> Option<u64> {
    let length: SignedDuration = text.parse().ok()?;
    Some(saturating_millis(length.try_into().ok()?))
}

fn number(object: &Object<'_>, name: &str) -> Option<f64> {
    let value = object.member(name)?;
    serde_json::from_str(value.get())
        .ok()
        .filter(|number: &f64| number.is_finite())
}
