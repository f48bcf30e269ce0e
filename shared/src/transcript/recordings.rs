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

    fn tell(&mut self, mut message: RecordingMessagingMessage) {
        let Some(id) = self.new_id(message.id.take()) else {
            return;
        };
        self.tell_events(&id, &mut message);
        let content = content(&mut message);
        let text = message.message_text.unwrap_or_default();
        let is_plain = content.is_empty() && message.message_media_attachments.is_empty();
        if text.is_empty() && is_plain {
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
        let attachments = attachments.map(|it| Attachment {
            id: it.id,
            mime: it.media_type,
            filename: it.name,
            size_bytes: it.content_length,
            url: it.url.map(Into::into),
            file: None,
        });
        self.messages.push(Message {
            id,
            sequence: None,
            time: message.timestamp,
            direction: direction(message.purpose.as_deref()),
            originating_entity: None,
            participant_id: Some(participant_id),
            purpose: message.purpose,
            kind: if is_plain { "Text" } else { "Structured" }.to_owned(),
            text,
            attachments: attachments.collect(),
            content,
        });
    }

    fn tell_events(&mut self, id: &str, message: &mut RecordingMessagingMessage) {
        for receipt in message.message_receipts.drain(..) {
            self.events.push(Event {
                message_id: Some(id.to_owned()),
                time: receipt.receipt_time,
                kind: "Receipt".to_owned(),
                status: receipt.status,
            });
        }
        for event in message.events.drain(..) {
            self.events.push(Event {
                message_id: None,
                time: message.timestamp,
                kind: event.event_type.unwrap_or_default(),
                status: None,
            });
        }
    }

    fn tell_chat(&mut self, message: ChatMessage) {
        let text = message.body.unwrap_or_default();
        let kind = message.body_type.unwrap_or_default();
        // What has a text is a message, whatever it is called.
        if text.is_empty() && !matches!(&*kind, "" | "STANDARD" | "NOTICE") {
            self.events.push(Event {
                message_id: None,
                time: message.utc,
                kind,
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
            user_id: message.user.and_then(|user| user.id),
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
            text,
            attachments: Vec::new(),
            content: Vec::new(),
        });
    }
}

/// Cards, choices and the like, each as `{"quickReplies": …}`. Of what a recording has no field for, a place on a map or a
/// reaction, it says the kind at least.
fn content(message: &mut RecordingMessagingMessage) -> Vec<Box<RawValue>> {
    let held = message.take_content().into_iter();
    let mut content: Vec<_> = held
        .filter(|(_, value)| !is_empty(value))
        .filter_map(|(name, value)| piece(name, &value))
        .collect();
    let is_told = message
        .message_text
        .as_ref()
        .is_some_and(|text| !text.is_empty())
        || !message.message_media_attachments.is_empty();
    if content.is_empty() && !is_told {
        let kind = message.content_type.as_deref();
        content.extend(kind.and_then(|kind| piece("contentType", kind)));
    }
    content
}

fn piece(name: &str, value: &RawValue) -> Option<Box<RawValue>> {
    // A name of ours around JSON is JSON.
    RawValue::from_string(format!("{{\"{name}\":{}}}", value.get())).ok()
}

/// A list or an object that holds nothing.
fn is_empty(value: &RawValue) -> bool {
    let text: String = value.get().split_whitespace().collect();
    matches!(&*text, "[]" | "{}")
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
    fn what_a_message_holds_beside_its_text_stays_as_it_came() {
        let recorded = json!([{"messagingTranscript": [
            {"id": "a", "purpose": "workflow", "messageText": "Which?", "quickReplies": [{"text": "Yes", "payload": "1.0"}], "cards": [], "story": null},
            {"id": "b", "purpose": "customer", "buttonResponse": {"text": "Yes"}, "buttonResponses": [{"text": "Yes"}], "events": [{"eventType": "Presence"}]},
            {"id": "c", "purpose": "customer", "contentType": "Location"},
            {"id": "d", "purpose": "customer", "contentType": "Story", "messageText": "Look", "form": {}},
            {"id": "e", "purpose": "customer", "events": [{"eventType": "Typing"}], "quickReplies": [ ]},
        ]}]);

        let transcript = read(&recorded).unwrap();

        let told = transcript.messages.iter().map(|it| {
            let content: Vec<_> = it.content.iter().map(|piece| piece.get()).collect();
            format!("{} {} [{}]", it.id, it.kind, content.join(", "))
        });
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#"
        a Structured [{"quickReplies":[{"text":"Yes","payload":"1.0"}]}]
        b Structured [{"buttonResponse":{"text":"Yes"}}, {"buttonResponses":[{"text":"Yes"}]}]
        c Structured [{"contentType":"Location"}]
        d Text []
        "#);
        let kinds: Vec<_> = transcript.events.iter().map(|it| &*it.kind).collect();
        assert_eq!(kinds, ["Presence", "Typing"]);
    }

    #[test]
    fn every_kind_of_content_is_kept_behind_its_name() {
        let names = [
            "buttonResponse",
            "buttonResponses",
            "cards",
            "datePicker",
            "form",
            "interactiveApplication",
            "listPicker",
            "messageStickerAttachments",
            "notificationResponse",
            "notificationTemplate",
            "paymentRequest",
            "paymentResponse",
            "quickReplies",
            "richLink",
            "roadsideAssistance",
            "story",
        ];
        for name in names {
            let content = json!({ name: {"x": 1} });
            let mut message = json!({"id": "a"});
            message[name] = content[name].clone();

            let transcript = read(&json!([{"messagingTranscript": [message]}])).unwrap();

            assert_eq!(transcript.messages[0].kind, "Structured");
            assert_eq!(transcript.messages[0].content[0].get(), content.to_string());
        }
    }

    #[test]
    fn a_chat_message_with_a_text_is_a_message_whatever_its_type() {
        let recorded = json!([{"transcript": [
            {"id": "a", "body": "Mary joined", "bodyType": "MEMBERJOIN", "user": {"id": "u"}},
            {"id": "b", "body": "", "bodyType": "MEMBERLEAVE"},
            {"id": "c", "body": "Hi", "bodyType": "FANCY"},
        ]}]);

        let transcript = read(&recorded).unwrap();

        let texts: Vec<_> = transcript.messages.iter().map(|it| &*it.text).collect();
        assert_eq!(texts, ["Mary joined", "Hi"]);
        assert_eq!(transcript.events[0].kind, "MEMBERLEAVE");
        assert_eq!(transcript.participants[0].user_id.as_deref(), Some("u"));
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
