//! Phrases of calls: the communications of a conversation that were recorded, and the transcript of each as the
//! speech analytics document describes it.
//!
//! Facts: <https://developer.genesys.cloud/analyticsdatamanagement/speechtextanalytics/transcript-url>. The document
//! does not describe `offset` and `duration` of a phrase.

mod live;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Conversation;
use super::directory::Directory;
use super::ids::uuid;
use super::moment::{MINUTE, Moment, SECOND};
use super::random::{long_tailed, pick, record_rng};

/// Separates these generators from those of records and messages.
const KIND: u64 = 4;

/// A leg of a call.
#[derive(Clone, Debug)]
pub(crate) struct Communication {
    /// The session's id.
    pub(crate) id: String,
    pub(crate) recording_id: String,
    purpose: String,
    user_id: Option<String>,
    start: Timestamp,
    end: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct Phrase {
    pub(crate) time: Moment,
    pub(crate) text: String,
    /// Index of its communication.
    pub(crate) communication: usize,
    duration: i64,
    confidence: f64,
    is_customer: bool,
}

/// The recorded legs and the phrases of one conversation.
pub(crate) struct Speech {
    conversation_id: String,
    conversation_start: Timestamp,
    pub(crate) communications: Vec<Communication>,
    /// In chronological order.
    pub(crate) phrases: Vec<Phrase>,
}

impl Speech {
    /// `None` when no leg of the conversation was recorded. `custom_texts` replaces the generated phrases.
    pub(crate) fn of(
        conversation: &Conversation,
        index: usize,
        seed: u64,
        directory: &Directory,
        custom_texts: Option<&[String]>,
    ) -> Option<Self> {
        let mut rng = record_rng(seed, KIND, index);
        let rng = &mut rng;
        let communications = communications(conversation, rng);
        let legs = communications.len();
        if legs == 0 {
            return None;
        }
        let language = pick(rng, &directory.queues).language;
        let count = match custom_texts {
            Some(texts) => texts.len(),
            None => usize::try_from(long_tailed(rng, 9, 0.6).clamp(1, 60)).unwrap_or(1),
        };
        let mut time = Moment::from_timestamp(communications[0].start);
        let phrases = (0..count).map(|number| {
            time = time + long_tailed(rng, 6 * SECOND, 0.5).clamp(1, MINUTE);
            Phrase {
                time,
                text: custom_texts.map_or_else(
                    || directory.text(rng, language),
                    |texts| texts[number].clone(),
                ),
                communication: number % legs,
                duration: rng.i64(300..9_000),
                confidence: f64::from(rng.u16(400..1000)) / 1000.0,
                is_customer: rng.bool(),
            }
        });
        let phrases = phrases.collect();
        Some(Self {
            conversation_id: conversation.id.clone(),
            conversation_start: conversation.start,
            communications,
            phrases,
        })
    }

    pub(crate) fn conversation_id(&self) -> &str {
        &self.conversation_id
    }

    /// The transcript document of a communication, with at least `padding` bytes of extra words in its first phrase: most
    /// of such a document is the times of words.
    pub(crate) fn document(&self, communication: usize, padding: usize) -> String {
        let document = self.unpadded(communication).to_string();
        let word = r#"{"word":"so","confidence":0.5,"startTimeMs":1,"offset":{"milliseconds":1},"duration":{"milliseconds":200}},"#;
        let words = word.repeat(padding.div_ceil(word.len()));
        document.replacen("\"words\":[", &format!("\"words\":[{words}"), 1)
    }

    fn unpadded(&self, communication: usize) -> Value {
        let leg = &self.communications[communication];
        let phrases: Vec<Value> = self
            .phrases
            .iter()
            .filter(|it| it.communication == communication)
            .enumerate()
            .map(|(index, phrase)| phrase.json(index, leg.start))
            .collect();
        let participant = json!({
            "participantPurpose": leg.purpose, "userId": leg.user_id, "initialDirection": "inbound",
            "ani": "tel:+12025550100", "dnis": "tel:+12025550101",
            "startTimeMs": leg.start.as_millisecond(), "endTimeMs": leg.end.as_millisecond(),
        });
        json!({
            "organizationId": ORGANISATION,
            "conversationId": self.conversation_id,
            "communicationId": leg.id,
            "mediaType": "call",
            "conversationStartTime": self.conversation_start.as_millisecond(),
            "startTime": leg.start.as_millisecond(),
            "duration": milliseconds(leg.end.as_millisecond() - leg.start.as_millisecond()),
            "transcripts": [{
                "transcriptId": leg.recording_id, "language": "en-us", "engineId": "r2d2",
                "startTime": leg.start.as_millisecond(), "phrases": phrases,
                "analytics": {"sentiment": [], "topics": [], "acoustic": []},
            }],
            "participants": [participant],
        })
    }

    /// `RecordingMetadata` of each recorded leg.
    pub(crate) fn recordings(&self) -> Vec<Value> {
        let recordings = self.communications.iter().map(|leg| {
            json!({
                "id": leg.recording_id, "conversationId": self.conversation_id, "media": "audio", "sessionId": leg.id,
                "startTime": format!("{:.3}", leg.start), "endTime": format!("{:.3}", leg.end), "fileState": "AVAILABLE",
                "annotations": [], "selfUri": format!("/api/v2/conversations/{}/recordings/{}", self.conversation_id, leg.recording_id),
            })
        });
        recordings.collect()
    }
}

impl Phrase {
    fn json(&self, index: usize, start: Timestamp) -> Value {
        let offset = (self.time.0 - start.as_millisecond()).max(0);
        let words = self.text.split_whitespace().map(|word| {
            json!({
                "word": word, "confidence": self.confidence, "startTimeMs": self.time.0,
                "offset": milliseconds(offset), "duration": milliseconds(200),
            })
        });
        let words: Vec<Value> = words.collect();
        json!({
            "phraseIndex": index,
            "participantPurpose": if self.is_customer { "external" } else { "internal" },
            "text": self.text.to_lowercase(), "decoratedText": self.text,
            "stability": 1.0, "confidence": self.confidence,
            "startTimeMs": self.time.0, "offset": milliseconds(offset), "duration": milliseconds(self.duration),
            "words": words, "alternatives": [],
        })
    }
}

fn milliseconds(count: i64) -> Value {
    json!({ "milliseconds": count })
}

/// The id of the simulated organisation.
pub(crate) const ORGANISATION: &str = "6f1c3a52-0d0e-4c1b-9c35-2f0f6c1c7a10";

/// The recorded legs, each with a recording.
fn communications(conversation: &Conversation, rng: &mut Rng) -> Vec<Communication> {
    let mut communications = recorded(&conversation.json, conversation.start);
    for communication in &mut communications {
        communication.recording_id = uuid(rng);
    }
    communications
}

/// The legs that are recorded: those in which the customer or an agent was connected.
fn recorded(json: &str, conversation_start: Timestamp) -> Vec<Communication> {
    let record: Value = serde_json::from_str(json).unwrap_or_default();
    let mut legs = Vec::new();
    for participant in list(&record, "participants") {
        let purpose = participant["purpose"].as_str().unwrap_or_default();
        if !matches!(purpose, "customer" | "agent") {
            continue;
        }
        for session in list(participant, "sessions") {
            let segments = list(session, "segments");
            let is_connected = segments.iter().any(|it| it["segmentType"] == "interact");
            if session["mediaType"] != "voice" || !is_connected {
                continue;
            }
            let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
            let starts = segments.iter().filter_map(|it| time(&it["segmentStart"]));
            let start = starts.min().unwrap_or(conversation_start);
            let ends = segments.iter().filter_map(|it| time(&it["segmentEnd"]));
            legs.push(Communication {
                id: session["sessionId"].as_str().unwrap_or_default().to_owned(),
                recording_id: String::new(),
                purpose: purpose.to_owned(),
                user_id: participant["userId"].as_str().map(str::to_owned),
                start,
                end: ends.max().unwrap_or(start),
            });
        }
    }
    legs
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}
