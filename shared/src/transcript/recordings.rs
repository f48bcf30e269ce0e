//! Recordings: what a recording policy kept of a conversation, for when its messages are gone.

use serde_json::value::RawValue;

use super::{Attachment, Event, Message, Status, Transcript, Untold, Via, Writer, parse};
use crate::genesys::wire::{ChatMessage, Recording, RecordingMessagingMessage};

/// The transcript in the recordings of a conversation.
pub fn recordings(body: &RawValue) -> Result<Transcript, Untold> {
    let recordings: Vec<Recording> = parse(body, "the recordings")?;
    let start = recordings.iter().filter_map(|it| it.start_time).min();
    let mut transcript = Transcript::new(Via::Recordings, start);
    let stored_away = recordings.iter().find_map(|it| {
        let state = it.file_state.as_deref()?;
        (state != "AVAILABLE").then(|| state.to_owned())
    });
    for recording in recordings {
        for message in recording.messaging_transcript {
            transcript.tell(message);
        }
        for message in recording.transcript {
            transcript.tell_chat(message);
        }
    }
    if transcript.messages.is_empty() {
        let problem = stored_away.map_or_else(
            || "the messages are not found, and no recording has a text".to_owned(),
            |state| format!("the messages are not found, and the recording is {state}"),
        );
        return Err(Untold::new(Status::Gone, problem));
    }
    Ok(transcript)
}

impl Transcript {
    /// A number where there is none; `None` for a message that another recording told.
    fn new_id(&self, id: Option<String>) -> Option<String> {
        let id = id.unwrap_or_else(|| format!("#{}", self.messages.len() + 1));
        let is_told = self.messages.iter().any(|message| message.id == id);
        (!is_told).then_some(id)
    }

    fn tell(&mut self, message: RecordingMessagingMessage) {
        let Some(id) = self.new_id(message.id) else {
            return;
        };
        for receipt in message.message_receipts {
            self.events.push(Event {
                message_id: Some(id.clone()),
                time: receipt.receipt_time,
                kind: "Receipt".to_owned(),
                status: receipt.status,
            });
        }
        let text = message.message_text.unwrap_or_default();
        if text.is_empty() && message.message_media_attachments.is_empty() {
            for event in message.events {
                self.events.push(Event {
                    message_id: None,
                    time: message.timestamp,
                    kind: event.event_type.unwrap_or_default(),
                    status: None,
                });
            }
            return;
        }
        let writer = Writer {
            id: message.participant_id,
            purpose: message.purpose.clone(),
            name: message.from,
            user_id: message.from_user.and_then(|user| user.id),
        };
        let participant_id = self.takes_part(writer);
        let attachments = message.message_media_attachments.into_iter();
        let attachments: Vec<_> = attachments
            .map(|it| Attachment {
                id: it.id,
                mime: it.media_type,
                filename: it.name,
                size_bytes: it.content_length,
                url: it.url,
                file: None,
            })
            .collect();
        self.messages.push(Message {
            id,
            sequence: None,
            time: message.timestamp,
            direction: direction(message.purpose.as_deref()),
            originating_entity: None,
            participant_id: Some(participant_id),
            purpose: message.purpose,
            kind: if attachments.is_empty() {
                "Text"
            } else {
                "Structured"
            }
            .to_owned(),
            text,
            attachments,
            content: Vec::new(),
        });
    }

    fn tell_chat(&mut self, message: ChatMessage) {
        let is_text = message
            .body_type
            .as_deref()
            .is_none_or(|kind| kind == "STANDARD" || kind == "NOTICE");
        if !is_text {
            self.events.push(Event {
                message_id: None,
                time: message.utc,
                kind: message.body_type.unwrap_or_default(),
                status: None,
            });
            return;
        }
        let Some(id) = self.new_id(message.id) else {
            return;
        };
        let participant_id = self.takes_part(Writer {
            purpose: message.participant_purpose.clone(),
            name: message.from,
            ..Writer::default()
        });
        self.messages.push(Message {
            id,
            sequence: None,
            time: message.utc,
            direction: direction(message.participant_purpose.as_deref()),
            originating_entity: None,
            participant_id: Some(participant_id),
            purpose: message.participant_purpose,
            kind: "Text".to_owned(),
            text: message.body.unwrap_or_default(),
            attachments: Vec::new(),
            content: Vec::new(),
        });
    }
}

/// A recording does not say it; what the customer writes comes in.
fn direction(purpose: Option<&str>) -> Option<String> {
    let direction = match purpose? {
        "customer" | "external" => "inbound",
        _ => "outbound",
    };
    Some(direction.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &serde_json::Value) -> Result<Transcript, Untold> {
        recordings(&RawValue::from_string(value.to_string()).unwrap())
    }

    #[test]
    fn a_recorded_chat_has_its_texts_and_who_wrote_them() {
        let recorded = json!([{"media": "chat", "transcript": [
            {"from": "Guest", "utc": "2026-03-02T14:03:10.112Z", "body": "Hi", "bodyType": "STANDARD", "participantPurpose": "customer"},
            {"from": "Guest", "utc": "2026-03-02T14:03:11.112Z", "bodyType": "TYPING", "participantPurpose": "customer"},
            {"id": "m", "from": "Agent", "body": "Hello", "participantPurpose": "agent"},
        ]}]);

        let transcript = read(&recorded).unwrap();

        let told: Vec<_> = transcript
            .messages
            .iter()
            .map(|it| {
                (
                    &*it.id,
                    &*it.text,
                    it.direction.as_deref(),
                    it.participant_id.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("#1", "Hi", Some("inbound"), Some("p1")),
                ("m", "Hello", Some("outbound"), Some("p2")),
            ]
        );
        assert_eq!(transcript.events.len(), 1);
        assert_eq!(transcript.participants.len(), 2, "a name is no id");
    }

    #[test]
    fn a_recording_that_is_stored_away_says_so() {
        let away = read(&json!([{"media": "message", "fileState": "ARCHIVED"}])).unwrap_err();
        let none = read(&json!([])).unwrap_err();

        assert_eq!((away.status, none.status), (Status::Gone, Status::Gone));
        assert_eq!(
            away.problem,
            "the messages are not found, and the recording is ARCHIVED"
        );
        assert_eq!(
            none.problem,
            "the messages are not found, and no recording has a text"
        );
    }
}
