//! The bulk route: a message conversation names its messages, and a further request for each thousand says what they are.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{Attachment, Event, Message, Participant, Transcript, Untold, Via, lower, parse};
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
            transcript: Transcript {
                via: Via::Messages,
                start: conversation
                    .participants
                    .iter()
                    .filter_map(|it| it.start_time)
                    .min(),
                participants: Vec::new(),
                messages: Vec::new(),
                events: Vec::new(),
                missing: 0,
            },
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

    /// Adds what a bulk request brought.
    pub fn add(&mut self, listing: &RawValue) -> Result<(), Untold> {
        let listing: TextMessageListing = parse(listing, "the messages")?;
        for data in listing.entities {
            // What was asked for once and comes twice is one message.
            if let Some(writer) = self.writers.remove(&data.id) {
                self.tell(data, writer);
            }
        }
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
            Some(it) => message.attachments.push(Attachment {
                id: it.id,
                mime: it.mime.or(it.media_type),
                filename: it.filename,
                size_bytes: it.content_size_bytes,
            }),
            None => message.content.push(element),
        }
    }
    message
}
