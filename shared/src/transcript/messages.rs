//! The bulk route: a message conversation names its messages, and a further request for each thousand says what they are.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{
    Attachment, Event, Limits, Message, Participant, Transcript, Untold, Via, lower, parse,
};
use crate::genesys::wire::{
    ConversationMessageContent, ConversationNormalizedMessage, MessageConversation, MessageData,
    TextMessageListing,
};

/// A conversation whose messages are known by their ids.
#[derive(Debug)]
pub struct Messages {
    /// In the order in which the API tells them, each once.
    pub ids: Vec<String>,
    transcript: Transcript,
    /// Who wrote which message: places of participants.
    writers: HashMap<String, usize>,
}

impl Messages {
    pub fn of(conversation: &RawValue) -> Result<Self, Untold> {
        let conversation: MessageConversation = parse(conversation, "the conversation")?;
        let mut messages = Self {
            ids: Vec::new(),
            transcript: Transcript::new(
                Via::Messages,
                conversation
                    .participants
                    .iter()
                    .filter_map(|it| it.start_time)
                    .min(),
            ),
            writers: HashMap::new(),
        };
        for (place, participant) in conversation.participants.into_iter().enumerate() {
            for message in participant.messages {
                // A message may stand with several participants; who comes first wrote it.
                if !messages.writers.contains_key(&message.message_id) {
                    messages.ids.push(message.message_id.clone());
                    messages.writers.insert(message.message_id, place);
                }
            }
            messages.transcript.participants.push(Participant {
                participant_id: participant.id,
                purpose: participant.purpose,
                name: participant.name,
                user_id: participant.user.and_then(|user| user.id),
            });
        }
        Ok(messages)
    }

    /// Adds what a bulk request brought, and keeps what is within the limits.
    pub fn add(&mut self, listing: &RawValue, limits: Limits) -> Result<(), Untold> {
        let listing: TextMessageListing = parse(listing, "the messages")?;
        for data in listing.entities {
            // What was asked for once and comes twice is one message.
            if let Some(writer) = self.writers.remove(&data.id) {
                self.tell(data, writer);
            }
        }
        self.transcript.keep_within(limits);
        Ok(())
    }

    /// The transcript, once all were asked for.
    pub fn finish(self) -> Transcript {
        Transcript {
            missing: self.writers.len() as u64,
            ..self.transcript
        }
    }

    fn tell(&mut self, data: MessageData, writer: usize) {
        let events = &mut self.transcript.events;
        for receipt in &data.normalized_receipts {
            events.push(Event {
                message_id: Some(data.id.clone()),
                time: receipt.channel.as_ref().and_then(|channel| channel.time),
                kind: "Receipt".to_owned(),
                status: receipt.status.clone(),
            });
        }
        let said = data.normalized_message;
        if let Some(said) = said.as_ref().filter(|said| is_event(said)) {
            let kinds = said
                .events
                .iter()
                .filter_map(|event| event.event_type.clone());
            let kinds: Vec<_> = kinds.collect();
            let kind = if kinds.is_empty() {
                said.kind.clone()
            } else {
                Some(kinds.join(" "))
            };
            events.push(Event {
                message_id: None,
                time: data.timestamp,
                kind: kind.unwrap_or_default(),
                status: said.status.clone(),
            });
            return;
        }
        let participant = &self.transcript.participants[writer];
        let message = Message {
            id: data.id,
            sequence: None,
            time: data.timestamp,
            direction: data
                .direction
                .or_else(|| lower(said.as_ref()?.direction.clone())),
            originating_entity: lower(
                said.as_ref()
                    .and_then(|said| said.originating_entity.clone()),
            ),
            participant_id: Some(participant.participant_id.clone()),
            purpose: participant.purpose.clone(),
            kind: said
                .as_ref()
                .and_then(|said| said.kind.clone())
                .unwrap_or_else(|| "Text".to_owned()),
            text: said
                .as_ref()
                .and_then(|said| said.text.clone())
                .or(data.text_body)
                .unwrap_or_default(),
            attachments: Vec::new(),
            content: Vec::new(),
        };
        let content = said.map_or_else(Vec::new, |said| said.content);
        self.transcript
            .messages
            .push(with_content(message, content));
    }
}

/// A receipt or an event says nothing.
fn is_event(said: &ConversationNormalizedMessage) -> bool {
    let is_told =
        said.text.as_ref().is_some_and(|text| !text.is_empty()) || !said.content.is_empty();
    let kind = said.kind.as_deref();
    !is_told && (matches!(kind, Some("Event" | "Receipt")) || !said.events.is_empty())
}

/// Attachments are told apart; whatever else there is stays as it came.
fn with_content(mut message: Message, content: Vec<Box<RawValue>>) -> Message {
    for element in content {
        let attachment = serde_json::from_str::<ConversationMessageContent>(element.get());
        match attachment.ok().and_then(|content| content.attachment) {
            Some(it) => {
                let caption = it.text.unwrap_or_default();
                if !caption.is_empty() && message.text != caption {
                    if !message.text.is_empty() {
                        message.text.push('\n');
                    }
                    message.text.push_str(&caption);
                }
                message.attachments.push(Attachment {
                    id: it.id,
                    mime: it.mime.or(it.media_type),
                    filename: it.filename,
                    size_bytes: it.content_size_bytes,
                    url: it.url.map(Into::into),
                    file: None,
                });
            }
            None => message.content.push(element),
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Status;
    use super::*;

    const ALL: Limits = Limits {
        max_transcript_bytes: 1 << 20,
        context_window: None,
    };

    fn raw(value: &serde_json::Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn conversation() -> Messages {
        let conversation = json!({"id": "c", "participants": [
            {"id": "p-1", "name": "Guest", "purpose": "customer", "startTime": "2026-03-02T14:03:10.112Z",
             "messages": [{"messageId": "a"}, {"messageId": "b"}]},
            {"id": "p-2", "purpose": "agent", "user": {"id": "u"}, "messages": [{"messageId": "b"}, {"messageId": "c"}]},
            {"id": "p-3", "purpose": "acd", "messages": null},
        ]});
        Messages::of(&raw(&conversation)).unwrap()
    }

    #[test]
    fn a_message_is_asked_for_once_and_belongs_to_whom_the_api_tells_first() {
        let mut messages = conversation();
        assert_eq!(messages.ids, ["a", "b", "c"]);

        let data = |id: &str, text: &str| {
            json!({"id": id, "timestamp": "2026-03-02T14:03:11.000Z", "direction": "inbound",
                   "normalizedMessage": {"type": "Text", "text": text, "originatingEntity": "Human"}})
        };
        let listing = json!({"entities": [data("b", "two"), data("a", "one"), data("a", "one"), data("x", "?")]});
        messages.add(&raw(&listing), ALL).unwrap();
        let transcript = messages.finish();

        let told: Vec<_> = transcript
            .messages
            .iter()
            .map(|it| (&*it.id, &*it.text))
            .collect();
        assert_eq!(told, [("b", "two"), ("a", "one")]);
        assert_eq!(
            transcript.messages[0].participant_id.as_deref(),
            Some("p-1")
        );
        assert_eq!(
            transcript.messages[0].originating_entity.as_deref(),
            Some("human")
        );
        assert_eq!(transcript.missing, 1);
        assert_eq!(
            transcript.start,
            Some("2026-03-02T14:03:10.112Z".parse().unwrap())
        );
    }

    #[test]
    fn receipts_and_signs_of_typing_are_events_and_cards_are_messages() {
        let mut messages = conversation();
        let listing = json!({"entities": [
            {"id": "a", "normalizedMessage": {"type": "Event", "events": [{"eventType": "Typing"}]}},
            {"id": "b", "normalizedMessage": {"type": "Structured", "content": [
                {"contentType": "Attachment", "attachment": {"id": "f", "mime": "image/png", "contentSizeBytes": 7}},
                {"contentType": "QuickReply", "quickReply": {"text": "Yes"}}]},
             "normalizedReceipts": [{"type": "Receipt", "status": "Read", "channel": {"time": "2026-03-02T14:03:12.000Z"}}]},
        ]});

        messages.add(&raw(&listing), ALL).unwrap();
        let transcript = messages.finish();

        let kinds: Vec<_> = transcript.events.iter().map(|it| &*it.kind).collect();
        assert_eq!(kinds, ["Receipt", "Typing"]);
        assert_eq!(transcript.events[0].message_id.as_deref(), Some("b"));
        assert_eq!(transcript.messages.len(), 1);
        assert_eq!(transcript.messages[0].attachments[0].size_bytes, Some(7));
        assert!(
            transcript.messages[0].content[0]
                .get()
                .contains("QuickReply")
        );
    }

    #[test]
    fn what_is_not_as_documented_is_named_by_its_place_and_not_quoted() {
        let listing = json!({"entities": [{"id": "a"}, {"id": "b", "timestamp": "s3cret"}]});

        let untold = conversation().add(&raw(&listing), ALL).unwrap_err();

        assert_eq!(untold.status, Status::Malformed);
        assert_eq!(
            untold.problem,
            "the messages: `entities[1].timestamp` is not as the API documents it"
        );
    }
}
