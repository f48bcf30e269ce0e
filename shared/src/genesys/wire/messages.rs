//! Messages of conversations, as the API and gateways send them. Any field except ids and content may be absent or
//! malformed.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::base::decode::object::{
    NotReadable, Object, ParsedList, UnreadableElement, required_object,
};

/// `GET …/conversations/messages/{conversationId}`: the participants, and the list of messages.
#[derive(Debug)]
pub struct MessageConversation {
    pub participants: ParsedList<MessageMediaParticipant>,
}

#[derive(Debug)]
pub struct MessageMediaParticipant {
    pub id: Option<String>,
    pub name: Option<String>,
    pub purpose: Option<String>,
    pub user_id: Option<String>,
    pub start_time: Option<Timestamp>,
    pub messages: ParsedList<MessageDetails>,
}

#[derive(Debug)]
pub struct MessageDetails {
    pub message_id: String,
}

/// `POST …/messages/{conversationId}/messages/bulk`: the contents of messages, each to be read by itself.
#[derive(Debug)]
pub struct TextMessageListing {
    pub entities: Vec<Box<RawValue>>,
}

#[derive(Debug)]
pub struct MessageData {
    pub id: String,
    pub timestamp: Option<Timestamp>,
    pub direction: Option<String>,
    pub normalized_message: Option<ConversationNormalizedMessage>,
    pub normalized_receipts: ParsedList<ConversationNormalizedMessage>,
    /// Deprecated in favour of the normalized message, and the only text if that was not requested.
    pub text_body: Option<String>,
}

#[derive(Debug, Default)]
pub struct ConversationNormalizedMessage {
    pub kind: Option<String>,
    pub text: Option<String>,
    pub content: Vec<Box<RawValue>>,
    pub events: ParsedList<ConversationMessageEvent>,
    pub status: Option<String>,
    pub originating_entity: Option<String>,
    pub direction: Option<String>,
    /// Time of the message in its channel.
    pub time: Option<Timestamp>,
}

#[derive(Debug)]
pub struct ConversationMessageEvent {
    pub event_type: Option<String>,
}

/// The attachment in an element of a message's `content`.
#[derive(Debug)]
pub struct ConversationContentAttachment {
    pub id: Option<String>,
    pub media_type: Option<String>,
    pub mime: Option<String>,
    pub url: Option<String>,
    pub filename: Option<String>,
    /// Text that accompanies the attachment.
    pub text: Option<String>,
    pub content_size_bytes: Option<u64>,
}

impl MessageConversation {
    /// Reads the conversation with this id; any other document is an error.
    pub fn read(document: &RawValue, id: &str) -> Result<Self, DecodeError> {
        let conversation = required_object(document)?;
        conversation.require_id(id)?;
        let participants = conversation.required_list("participants")?;
        Ok(Self {
            participants: ParsedList::of(participants, |it| Ok(MessageMediaParticipant::read(&it))),
        })
    }
}

impl MessageMediaParticipant {
    fn read(participant: &Object<'_>) -> Self {
        Self {
            id: participant.id("id"),
            name: participant.text("name"),
            purpose: participant.text("purpose"),
            user_id: participant.object("user").and_then(|user| user.id("id")),
            start_time: participant.timestamp("startTime"),
            messages: message_details(participant),
        }
    }
}

/// The messages of a participant: its `messages`, or those of the communications that are listed there.
fn message_details(participant: &Object<'_>) -> ParsedList<MessageDetails> {
    let mut details = ParsedList::default();
    let elements = participant.elements("messages").unwrap_or_else(|value| {
        if !participant.is_ambiguous("messages") && is_list_of_messages(value) {
            return vec![value];
        }
        // It may be one message of several: it is requested, if it has an id, and the transcript is partial.
        let element = UnreadableElement::of(value);
        let is_message = element.id.is_some();
        details.unreadable.push(element);
        is_message.then_some(value).into_iter().collect()
    });
    for element in elements {
        let Ok(object) = Object::read(element) else {
            details.unreadable.push(UnreadableElement::of(element));
            continue;
        };
        let is_communication = ["messages", "state"]
            .iter()
            .any(|name| object.member(name).is_some());
        let message_id = match object.id("messageId") {
            // The id of a communication is not the id of a message.
            None if !is_communication => object.id("id"),
            message_id => message_id,
        };
        match message_id {
            Some(message_id) => details.read.push(MessageDetails { message_id }),
            None if is_communication => {}
            None => details.unreadable.push(UnreadableElement::of(element)),
        }
        let nested = object.parse_list("messages", |it| {
            let message_id = it.message_id().ok_or(NotReadable)?;
            Ok(MessageDetails { message_id })
        });
        details.read.extend(nested.read);
        details.unreadable.extend(nested.unreadable);
    }
    details
}

/// Whether the value is `{"messages": […]}` in place of the list itself.
fn is_list_of_messages(value: &RawValue) -> bool {
    Object::read(value).is_ok_and(|object| object.required_list("messages").is_ok())
}

impl TextMessageListing {
    pub fn read(document: &RawValue) -> Result<Self, DecodeError> {
        let entities = required_object(document)?.required_list("entities")?;
        Ok(Self {
            entities: entities.into_iter().map(ToOwned::to_owned).collect(),
        })
    }
}

impl MessageData {
    /// A message without any known content is not readable: its content may be in another form.
    pub fn read(element: &RawValue) -> Result<Self, NotReadable> {
        let data = Self::of(&Object::read(element)?)?;
        let has_content = data
            .normalized_message
            .as_ref()
            .is_some_and(ConversationNormalizedMessage::is_any);
        (has_content || data.text_body.is_some())
            .then_some(data)
            .ok_or(NotReadable)
    }

    fn of(data: &Object<'_>) -> Result<Self, NotReadable> {
        let normalized = data.content_object("normalizedMessage")?;
        Ok(Self {
            id: data
                .id("id")
                .or_else(|| data.id("messageId"))
                .ok_or(NotReadable)?,
            timestamp: data.timestamp("timestamp"),
            direction: data.text("direction"),
            normalized_message: normalized
                .map(|it| ConversationNormalizedMessage::read(&it))
                .transpose()?,
            normalized_receipts: data.parse_list("normalizedReceipts", |it| {
                ConversationNormalizedMessage::read(&it)
            }),
            text_body: data.content_text("textBody")?,
        })
    }
}

impl ConversationNormalizedMessage {
    fn read(message: &Object<'_>) -> Result<Self, NotReadable> {
        let content = match message.elements("content") {
            Err(_) if message.is_ambiguous("content") => return Err(NotReadable),
            // Kept as it is, whatever stands there.
            content => content.unwrap_or_else(|it| vec![it]),
        };
        Ok(Self {
            kind: message.text("type"),
            text: message.content_text("text")?,
            content: content.into_iter().map(ToOwned::to_owned).collect(),
            events: message.parse_list("events", |it| Ok(ConversationMessageEvent::read(&it))),
            status: message.text("status"),
            originating_entity: message.text("originatingEntity"),
            direction: message.text("direction"),
            time: message
                .object("channel")
                .and_then(|channel| channel.timestamp("time")),
        })
    }

    fn is_any(&self) -> bool {
        let events = &self.events;
        let is_event = matches!(self.kind.as_deref(), Some("Event" | "Receipt"))
            || !events.read.is_empty()
            || !events.unreadable.is_empty();
        is_event || self.text.is_some() || !self.content.is_empty()
    }
}

impl ConversationMessageEvent {
    pub(super) fn read(event: &Object<'_>) -> Self {
        Self {
            event_type: event.text("eventType"),
        }
    }
}

impl ConversationContentAttachment {
    /// `None` when the element is not an attachment.
    pub(crate) fn of_content(element: &RawValue) -> Result<Option<Self>, NotReadable> {
        let Ok(element) = Object::read(element) else {
            return Ok(None);
        };
        let attachment = element.content_object("attachment")?;
        attachment.map(|it| Self::read(&it)).transpose()
    }

    fn read(attachment: &Object<'_>) -> Result<Self, NotReadable> {
        Ok(Self {
            id: attachment.id("id"),
            media_type: attachment.text("mediaType"),
            mime: attachment.text("mime"),
            url: attachment.text("url"),
            filename: attachment.text("filename"),
            text: attachment.content_text("text")?,
            content_size_bytes: attachment.integer("contentSizeBytes"),
        })
    }
}
