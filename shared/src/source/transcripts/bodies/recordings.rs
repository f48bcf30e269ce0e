//! The recordings route: the copies of a conversation that a recording policy kept, for when its messages are gone.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::recording_metadata::recordings_and_transcript;
use crate::base::decode::DecodeError;
use crate::base::decode::object::ParsedList;
use crate::genesys::wire::{AVAILABLE, ChatMessage, Recording, RecordingMessagingMessage};
use crate::records::foreign::{ForeignText, Secrets};
use crate::records::transcript::{
    Attachment, Author, Event, Message, NoTranscript, Status, Transcript,
};

/// The transcript built from the recordings of a conversation.
#[derive(Debug)]
pub(crate) struct Recordings {
    transcript: Transcript,
    /// Ids of the messages in the transcript.
    message_ids: HashSet<String>,
    /// Ids of all recorded messages, events and unreadable elements.
    ids: HashSet<String>,
    /// Number of recorded elements, including those without an id.
    elements: usize,
    /// The state of a recording that is not available, if there is one.
    stored_away: Option<ForeignText>,
}

impl Recordings {
    /// Fails when the document is not a list of recordings of this conversation, or when it only has a text recording
    /// without its texts.
    pub(crate) fn of(document: &RawValue, id: &str) -> Result<Self, DecodeError> {
        let (recordings, transcript) = recordings_and_transcript(document, id)?;
        let stored_away = recordings.iter().find_map(|it| {
            let state = it.file_state.as_deref()?;
            (!state.eq_ignore_ascii_case(AVAILABLE))
                .then(|| ForeignText::new(state, &Secrets::default()))
        });
        let mut recorded = Self {
            transcript,
            message_ids: HashSet::new(),
            ids: HashSet::new(),
            elements: 0,
            stored_away,
        };
        let missing_list = recordings.iter().find_map(|it| it.missing_list);
        for recording in recordings {
            recorded.add(recording);
        }
        match missing_list {
            Some(list) if recorded.has_no_text() => return Err(DecodeError::missing(list)),
            Some(list) => {
                let problem = format!("a recording of the conversation has no {list}");
                recorded.transcript.problems.push(problem);
            }
            None => {}
        }
        Ok(recorded)
    }

    /// The transcript, which is complete if it has as many messages as the conversation listed.
    pub(crate) fn finish(self, announced: &[String]) -> Result<Transcript, NoTranscript> {
        let missing = self.missing(announced);
        if self.has_no_text() {
            let problem = self.stored_away.map_or_else(
                || "the messages are not found, and no recording has a text".to_owned(),
                |state| format!("the messages are not found, and the recording is {state}"),
            );
            return Err(NoTranscript::new(Status::Gone, problem));
        }
        let mut transcript = self.transcript;
        // If the conversation listed no messages, nothing else shows that this recording's messages are missing.
        if let Some(state) = self.stored_away.filter(|_| announced.is_empty()) {
            let problem = format!("another recording of the conversation is {state}");
            transcript.problems.push(problem);
        }
        Ok(Transcript {
            missing,
            ..transcript
        })
    }

    fn has_no_text(&self) -> bool {
        self.transcript.messages.is_empty() && self.transcript.unreadable.is_empty()
    }

    /// Number of missing messages: by id, or by count if recordings have ids of their own.
    fn missing(&self, announced: &[String]) -> u64 {
        let recorded = announced.iter().filter(|id| self.ids.contains(*id)).count();
        let recorded = if recorded == 0 {
            self.elements
        } else {
            recorded
        };
        announced.len().saturating_sub(recorded) as u64
    }

    fn add(&mut self, recording: Recording) {
        let listed = recording.messaging_transcript;
        for message in self.readable("recordings.messagingTranscript", listed) {
            self.count(message.id.as_ref());
            if !self.is_in_transcript(message.id.as_ref()) {
                self.transcript.add_message(message);
                self.note_newest();
            }
        }
        for message in self.readable("recordings.transcript", recording.transcript) {
            self.count(message.id.as_ref());
            if is_event(&message) || !self.is_in_transcript(message.id.as_ref()) {
                self.transcript.add_chat_message(message);
                self.note_newest();
            }
        }
    }

    fn readable<T>(&mut self, list: &'static str, listed: ParsedList<T>) -> Vec<T> {
        for element in &listed.unreadable {
            self.count(element.id.as_ref());
        }
        self.transcript.take_readable(list, listed)
    }

    fn count(&mut self, id: Option<&String>) {
        let is_new = id.is_none_or(|id| self.ids.insert(id.clone()));
        self.elements += usize::from(is_new);
    }

    /// Whether another recording already contributed the message.
    fn is_in_transcript(&self, id: Option<&String>) -> bool {
        id.is_some_and(|id| self.message_ids.contains(id))
    }

    fn note_newest(&mut self) {
        let newest = self.transcript.messages.last();
        self.message_ids
            .extend(newest.map(|message| message.id.clone()));
    }
}

impl Transcript {
    /// The given id, or a number if there is none.
    fn new_id(&self, id: Option<String>) -> String {
        id.unwrap_or_else(|| format!("#{}", self.messages.len() + 1))
    }

    fn add_message(&mut self, mut message: RecordingMessagingMessage) {
        let id = self.new_id(message.id.take());
        self.add_events(&id, &mut message);
        let content = content(&mut message);
        let text = message.message_text.unwrap_or_default();
        let list = "recordings.messagingTranscript.messageMediaAttachments";
        let attachments = self.take_readable_of(list, Some(&id), message.message_media_attachments);
        let is_plain = content.is_empty() && attachments.is_empty();
        if text.is_empty() && is_plain {
            return;
        }
        let writer = Author {
            id: message.participant_id,
            purpose: message.purpose.clone(),
            name: message.from,
            user_id: message.from_user_id,
        };
        let participant_id = self.add_participant(writer);
        let attachments = attachments.into_iter().map(|it| Attachment {
            id: it.id,
            mime: it.media_type,
            filename: it.name,
            size_bytes: it.content_length,
            url: it.url.map(Into::into),
            file: None,
        });
        self.messages.push(Message {
            id,
            time: message.timestamp,
            direction: direction(message.purpose.as_deref()),
            participant_id: Some(participant_id),
            purpose: message.purpose,
            kind: if is_plain { "Text" } else { "Structured" }.to_owned(),
            text,
            attachments: attachments.collect(),
            content,
            ..Message::empty()
        });
    }

    fn add_events(&mut self, id: &str, message: &mut RecordingMessagingMessage) {
        let list = "recordings.messagingTranscript.messageReceipts";
        let receipts = std::mem::take(&mut message.message_receipts);
        for receipt in self.take_readable_of(list, Some(id), receipts) {
            self.events.push(Event {
                message_id: Some(id.to_owned()),
                time: receipt.receipt_time,
                kind: "Receipt".to_owned(),
                status: receipt.status,
            });
        }
        let list = "recordings.messagingTranscript.events";
        let events = std::mem::take(&mut message.events);
        for event in self.take_readable_of(list, Some(id), events) {
            self.events.push(Event {
                message_id: None,
                time: message.timestamp,
                kind: event.event_type.unwrap_or_default(),
                status: None,
            });
        }
    }

    fn add_chat_message(&mut self, message: ChatMessage) {
        if is_event(&message) {
            self.events.push(Event {
                message_id: None,
                time: message.utc,
                kind: message.body_type.unwrap_or_default(),
                status: None,
            });
            return;
        }
        let id = self.new_id(message.id);
        let participant_id = self.add_participant(Author {
            purpose: message.participant_purpose.clone(),
            name: message.from,
            user_id: message.user_id,
            ..Author::default()
        });
        self.messages.push(Message {
            id,
            time: message.utc,
            direction: direction(message.participant_purpose.as_deref()),
            participant_id: Some(participant_id),
            purpose: message.participant_purpose,
            kind: "Text".to_owned(),
            text: message.body.unwrap_or_default(),
            ..Message::empty()
        });
    }
}

/// Whether the message is an event. A message with a text is not, whatever its type.
fn is_event(message: &ChatMessage) -> bool {
    let kind = message.body_type.as_deref().unwrap_or_default();
    let has_text = message.body.as_ref().is_some_and(|text| !text.is_empty());
    !has_text && !matches!(kind, "" | "STANDARD" | "NOTICE")
}

/// Cards, choices and similar content, each as `{"quickReplies": …}`. For content without a field in a recording, such
/// as a location or a reaction, at least its type.
fn content(message: &mut RecordingMessagingMessage) -> Vec<Box<RawValue>> {
    let held = std::mem::take(&mut message.content).into_iter();
    let mut content: Vec<_> = held
        .filter(|(_, value)| !is_empty(value))
        .map(|(name, value)| piece(name, &value))
        .collect();
    let has_text = message
        .message_text
        .as_ref()
        .is_some_and(|text| !text.is_empty())
        || !message.message_media_attachments.read.is_empty();
    if content.is_empty() && !has_text {
        let kind = message.content_type.as_deref();
        content.extend(kind.map(|kind| piece("contentType", kind)));
    }
    content
}

#[expect(
    clippy::expect_used,
    reason = "a name without special characters and a JSON value make a JSON object"
)]
fn piece(name: &'static str, value: &RawValue) -> Box<RawValue> {
    RawValue::from_string(format!("{{\"{name}\":{}}}", value.get())).expect("a JSON object")
}

/// Whether the value is an empty list or object.
fn is_empty(value: &RawValue) -> bool {
    let text: String = value.get().split_whitespace().collect();
    matches!(&*text, "[]" | "{}")
}

/// Derives the direction, which recordings do not contain: messages of the customer are inbound.
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

    fn read(value: &serde_json::Value) -> Result<Transcript, NoTranscript> {
        let document = RawValue::from_string(value.to_string()).unwrap();
        Recordings::of(&document, "c1").unwrap().finish(&[])
    }

    #[test]
    fn a_recorded_chat_has_its_texts_and_their_authors() {
        let recorded = json!([{"media": "chat", "transcript": [
            {"from": "Guest", "utc": "2026-03-02T14:03:10.112Z", "body": "Hi", "bodyType": "STANDARD", "participantPurpose": "customer"},
            {"from": "Guest", "utc": "2026-03-02T14:03:11.112Z", "bodyType": "TYPING", "participantPurpose": "customer"},
            {"id": "m", "from": "Agent", "body": "Hello", "participantPurpose": "agent"},
        ]}]);

        let transcript = read(&recorded).unwrap();

        let messages: Vec<_> = transcript
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
            messages,
            [
                ("#1", "Hi", Some("inbound"), Some("p1")),
                ("m", "Hello", Some("outbound"), Some("p2")),
            ]
        );
        assert_eq!(transcript.events.len(), 1);
        assert_eq!(transcript.participants.len(), 2, "a name is no id");
    }

    #[test]
    fn content_beside_a_text_is_kept_verbatim() {
        let recorded = json!([{"messagingTranscript": [
            {"id": "a", "purpose": "workflow", "messageText": "Which?", "quickReplies": [{"text": "Yes", "payload": "1.0"}], "cards": [], "story": null},
            {"id": "b", "purpose": "customer", "buttonResponse": {"text": "Yes"}, "buttonResponses": [{"text": "Yes"}], "events": [{"eventType": "Presence"}]},
            {"id": "c", "purpose": "customer", "contentType": "Location"},
            {"id": "d", "purpose": "customer", "contentType": "Story", "messageText": "Look", "form": {}},
            {"id": "e", "purpose": "customer", "events": [{"eventType": "Typing"}], "quickReplies": [ ]},
        ]}]);

        let transcript = read(&recorded).unwrap();

        let messages = transcript.messages.iter().map(|it| {
            let content: Vec<_> = it.content.iter().map(|piece| piece.get()).collect();
            format!("{} {} [{}]", it.id, it.kind, content.join(", "))
        });
        insta::assert_snapshot!(messages.collect::<Vec<_>>().join("\n"), @r#"
        a Structured [{"quickReplies":[{"text":"Yes","payload":"1.0"}]}]
        b Structured [{"buttonResponse":{"text":"Yes"}}, {"buttonResponses":[{"text":"Yes"}]}]
        c Structured [{"contentType":"Location"}]
        d Text []
        "#);
        let kinds: Vec<_> = transcript.events.iter().map(|it| &*it.kind).collect();
        assert_eq!(kinds, ["Presence", "Typing"]);
    }

    #[test]
    fn every_kind_of_content_is_kept_under_its_name() {
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
    fn a_chat_entry_with_a_text_is_a_message_of_any_type() {
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
    fn an_archived_recording_is_reported_as_such() {
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

    #[test]
    fn a_text_recording_without_its_texts_is_refused() {
        for media in ["message", "chat"] {
            for list in ["messagingTranscript", "transcript"] {
                let is_its_own = (media == "message") == (list == "messagingTranscript");
                let with = |value: serde_json::Value| {
                    let mut recording = json!({"media": media, "fileState": "AVAILABLE"});
                    recording[list] = value;
                    Recordings::of(&raw(&json!([recording])), "c1")
                };
                assert!(with(json!(null)).is_err(), "{media} {list}");
                assert_eq!(with(json!([])).is_ok(), is_its_own, "{media} {list}");
            }
        }
        let call = json!([{"media": "audio", "fileState": "AVAILABLE"}]);
        assert!(Recordings::of(&raw(&call), "c1").is_ok());
    }

    #[test]
    fn an_object_that_is_not_a_recording_is_kept_as_unreadable() {
        for object in [json!({}), json!({"id": "r"})] {
            let transcript = read(&json!([object])).unwrap();

            assert_eq!(transcript.unreadable.len(), 1, "{object}");
        }
    }

    #[test]
    fn a_recording_without_its_texts_is_listed_as_a_problem() {
        let recorded = json!([
            {"media": "message", "messagingTranscript": [{"id": "m1", "messageText": "Hi"}]},
            {"media": "message"},
        ]);

        let transcript = read(&recorded).unwrap();

        assert_eq!(transcript.messages.len(), 1);
        assert_eq!(
            transcript.problems,
            ["a recording of the conversation has no messagingTranscript"]
        );
    }

    #[test]
    fn an_archived_recording_beside_others_is_listed_as_a_problem() {
        let recorded = json!([
            {"fileState": "AVAILABLE", "messagingTranscript": [{"id": "m1", "messageText": "Hi"}]},
            {"fileState": "ARCHIVED"},
        ]);

        let transcript = read(&recorded).unwrap();

        assert_eq!(transcript.messages.len(), 1);
        assert_eq!(
            transcript.problems,
            ["another recording of the conversation is ARCHIVED"]
        );
    }

    fn raw(value: &serde_json::Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    #[test]
    fn recordings_of_another_conversation_are_refused() {
        let of = |id: &str| Recordings::of(&raw(&json!([{"conversationId": id}])), "c1").is_ok();

        assert!(of("c1") && of("C1") && !of("c2"));
        assert!(Recordings::of(&raw(&json!([{}])), "c1").is_ok());
    }

    #[test]
    fn a_document_that_is_not_a_list_holds_no_recordings() {
        for document in [
            json!(null),
            json!({}),
            json!("none"),
            json!({"media": "message"}),
            json!({"message": "boom", "status": 500}),
        ] {
            assert!(Recordings::of(&raw(&document), "c1").is_err(), "{document}");
        }
    }

    #[test]
    fn an_unreadable_element_of_a_recording_loses_only_itself() {
        let said = |text: &str| json!({"id": text, "messageText": text});
        let recorded = |message: serde_json::Value| json!([{"messagingTranscript": [said("one"), message, said("two")]}]);
        let cases = [
            (recorded(json!(null)), "recordings.messagingTranscript null"),
            (
                recorded(json!("lost")),
                "recordings.messagingTranscript \"lost\"",
            ),
            (
                recorded(json!({"id": "x"})),
                r#"recordings.messagingTranscript {"id":"x"}"#,
            ),
            (
                recorded(json!({"messageText": {}})),
                r#"recordings.messagingTranscript {"messageText":{}}"#,
            ),
            (
                recorded(json!({"messageText": "", "messageMediaAttachments": [null]})),
                "recordings.messagingTranscript.messageMediaAttachments null",
            ),
            (
                recorded(json!({"events": "typing"})),
                "recordings.messagingTranscript.events \"typing\"",
            ),
            (
                recorded(json!({"messageReceipts": [7]})),
                "recordings.messagingTranscript.messageReceipts 7",
            ),
            (
                json!([null, {"transcript": [{"body": "one"}, {"body": "two"}]}]),
                "recordings null",
            ),
            (
                json!([{"transcript": [{"body": "one"}, {"body": []}, {"body": "two"}]}]),
                r#"recordings.transcript {"body":[]}"#,
            ),
            (
                json!([{"transcript": [{"body": "one"}, {"from": "Guest"}, {"body": "two"}]}]),
                r#"recordings.transcript {"from":"Guest"}"#,
            ),
            (
                json!([{"messagingTranscript": "lost", "transcript": [{"body": "one"}, {"body": "two"}]}]),
                "recordings.messagingTranscript \"lost\"",
            ),
        ];
        for (document, unreadable) in cases {
            let transcript = read(&document).unwrap();

            let texts: Vec<_> = transcript.messages.iter().map(|it| &*it.text).collect();
            let kept = transcript.unreadable.iter();
            let kept: Vec<_> = kept
                .map(|it| format!("{} {}", it.list, it.content.get()))
                .collect();
            assert_eq!(
                (texts, kept),
                (vec!["one", "two"], vec![unreadable.to_owned()]),
                "{document}"
            );
        }
    }

    #[test]
    fn a_recorded_message_is_kept_with_any_value_in_optional_fields() {
        let fields = [
            "from",
            "fromUser",
            "timestamp",
            "purpose",
            "participantId",
            "contentType",
            "to",
            "queue",
        ];
        for value in [
            json!(null),
            json!(""),
            json!("odd"),
            json!(7),
            json!(true),
            json!([1]),
            json!({"x": 1}),
        ] {
            for field in fields {
                let mut message = json!({"id": "a", "messageText": "one"});
                message[field] = value.clone();

                let transcript = read(&json!([{"startTime": value, "fileState": value, "messagingTranscript": [message]}])).unwrap();

                assert_eq!(transcript.messages[0].text, "one", "{field}: {value}");
                assert!(transcript.unreadable.is_empty(), "{field}: {value}");
            }
        }
    }

    #[test]
    fn listed_messages_without_a_recording_are_counted_as_missing() {
        let said = |id: Option<&str>| json!({"id": id, "messageText": "x"});
        let typing = json!({"id": "b", "events": [{"eventType": "Typing"}]});
        let cases = [
            (vec![said(Some("a")), said(Some("b")), said(Some("c"))], 0),
            (vec![said(Some("a")), typing, said(Some("c"))], 0),
            (
                vec![
                    said(Some("a")),
                    json!({"id": "b", "messageText": 5}),
                    said(Some("c")),
                ],
                0,
            ),
            (vec![said(Some("a")), said(Some("a"))], 2),
            (vec![said(Some("a")), said(Some("x")), said(Some("y"))], 2),
            // The recording has ids of its own, or none.
            (vec![said(Some("x")), said(Some("y")), said(Some("z"))], 0),
            (vec![said(None), said(None)], 1),
            (vec![said(None); 5], 0),
        ];
        let announced = ["a", "b", "c"].map(ToOwned::to_owned);
        for (messages, missing) in cases {
            let document = json!([{ "messagingTranscript": messages }]);

            let transcript = Recordings::of(&raw(&document), "c1")
                .unwrap()
                .finish(&announced)
                .unwrap();

            assert_eq!(transcript.missing, missing, "{document}");
        }
    }
}
