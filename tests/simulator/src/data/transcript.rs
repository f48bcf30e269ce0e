//! Messages of a conversation: by the customer, a bot and an agent, with receipts, typing events and attachments.
//!
//! Generated again for each request, from a generator of the conversation's own, unless texts were set for it.

mod live;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Conversation;
use super::directory::Directory;
use super::files::{FILE_BYTES, download_url};
use super::ids::uuid;
use super::moment::{MINUTE, Moment, SECOND};
use super::random::{long_tailed, one_in, pick, record_rng};

/// Separates these generators from those of records.
const KIND: u64 = 3;
/// Some conversations have more messages than one bulk request may name.
const MANY: usize = 1_100;

/// A conversation's messages, in chronological order.
#[derive(Clone)]
pub(crate) struct Transcript {
    pub(crate) conversation_id: String,
    participants: Vec<Writer>,
    pub(crate) messages: Vec<Message>,
}

#[derive(Clone)]
struct Writer {
    id: String,
    name: String,
    purpose: &'static str,
    user: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Attachment,
    Typing,
}

#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) time: Moment,
    pub(crate) text: String,
    writer: usize,
    form: Form,
    is_read: bool,
}

const CUSTOMER: usize = 0;
const BOT: usize = 1;
const AGENT: usize = 2;

impl Transcript {
    /// `custom_texts` replaces the generated texts, one message per text.
    pub(crate) fn of(
        conversation: &Conversation,
        index: usize,
        seed: u64,
        directory: &Directory,
        custom_texts: Option<&[String]>,
    ) -> Self {
        let mut rng = record_rng(seed, KIND, index);
        let rng = &mut rng;
        let agent = pick(rng, &directory.agents).clone();
        let language = pick(rng, &directory.queues).language;
        let writer = |rng: &mut Rng, name: String, purpose, user| Writer {
            id: uuid(rng),
            name,
            purpose,
            user,
        };
        let customer = directory.customer(rng).to_owned();
        let participants = vec![
            writer(rng, customer, "customer", None),
            writer(rng, language.flow.to_owned(), "workflow", None),
            writer(rng, agent.name, "agent", Some(agent.id)),
        ];
        let count = match custom_texts {
            Some(texts) => texts.len(),
            None if one_in(rng, 60) => MANY,
            None => usize::try_from(long_tailed(rng, 12, 0.8).max(1)).unwrap_or(MANY),
        };
        let mut time = Moment::from_timestamp(conversation.start);
        let messages = (0..count).map(|number| {
            time = time + long_tailed(rng, 20 * SECOND, 0.7).min(10 * MINUTE);
            let writer = match number {
                0 => CUSTOMER,
                1 => BOT,
                _ => *pick(rng, &[CUSTOMER, AGENT]),
            };
            let form = match rng.u8(..12) {
                0 if custom_texts.is_none() => Form::Typing,
                1 => Form::Attachment,
                _ => Form::Text,
            };
            Message {
                id: uuid(rng).replace('-', ""),
                time,
                text: match (form, custom_texts) {
                    (Form::Typing, _) => String::new(),
                    (_, Some(texts)) => texts[number].clone(),
                    (_, None) => directory.text(rng, language),
                },
                writer,
                form,
                is_read: one_in(rng, 3),
            }
        });
        Self {
            conversation_id: conversation.id.clone(),
            messages: messages.collect(),
            participants,
        }
    }

    /// `MessageConversation`: participants and message ids, but not the texts.
    pub(crate) fn conversation(&self) -> Value {
        let participants = self.participants.iter().enumerate();
        let participants = participants.map(|(index, it)| {
            let messages = self.messages.iter().filter(|message| message.writer == index);
            let messages: Vec<Value> = messages.map(|message| message.details(&self.conversation_id)).collect();
            let mut participant = json!({
                "id": it.id, "name": it.name, "purpose": it.purpose, "state": "disconnected",
                "startTime": self.messages[0].time, "provider": "PureCloud Messaging", "type": "webmessaging",
                "messages": messages, "attributes": {},
            });
            if let Some(user) = &it.user {
                participant["user"] = json!({"id": user});
            }
            participant
        });
        json!({
            "id": self.conversation_id,
            "participants": participants.collect::<Vec<_>>(),
            "otherMediaUris": [],
            "selfUri": format!("/api/v2/conversations/messages/{}", self.conversation_id),
        })
    }

    /// `TextMessageListing` of these messages; unknown ids are silently omitted.
    pub(crate) fn bulk(&self, ids: &[String], host: &str) -> Value {
        let wanted = ids
            .iter()
            .filter_map(|id| self.messages.iter().find(|it| it.id == *id));
        let entities: Vec<Value> = wanted.map(|message| self.data(message, host)).collect();
        json!({ "entities": entities })
    }

    /// The same listing with the message text in place of the list `normalizedReceipts`: a parser that expects a list
    /// might quote the text in its error.
    pub(crate) fn malformed_bulk(&self, ids: &[String], host: &str) -> Value {
        let mut listing = self.bulk(ids, host);
        for entity in listing["entities"].as_array_mut().into_iter().flatten() {
            let text = entity["normalizedMessage"]["text"].as_str();
            entity["normalizedReceipts"] = json!(text.unwrap_or_default());
        }
        listing
    }

    fn data(&self, message: &Message, host: &str) -> Value {
        let writer = &self.participants[message.writer];
        let (direction, normalized, status) = match message.writer {
            CUSTOMER => ("inbound", "Inbound", "received"),
            _ => ("outbound", "Outbound", "sent"),
        };
        let originating_entity = if message.writer == BOT {
            "Bot"
        } else {
            "Human"
        };
        let mut normalized_message = json!({
            "id": message.id,
            "channel": {"platform": "WebMessaging", "type": "Private", "time": message.time, "from": {"nickname": writer.name}},
            "type": match message.form { Form::Text => "Text", Form::Attachment => "Structured", Form::Typing => "Event" },
            "originatingEntity": originating_entity,
            "direction": normalized,
        });
        match message.form {
            Form::Text => normalized_message["text"] = json!(message.text),
            Form::Attachment => {
                normalized_message["text"] = json!(message.text);
                normalized_message["content"] = json!([{"contentType": "Attachment", "attachment": {
                    "id": message.id, "mediaType": "Image", "mime": "image/png", "filename": "photo.png", "contentSizeBytes": FILE_BYTES,
                    "url": download_url(host, &message.id),
                }}]);
            }
            Form::Typing => {
                normalized_message["events"] =
                    json!([{"eventType": "Typing", "typing": {"type": "On"}}]);
            }
        }
        let mut data = json!({
            "id": message.id, "timestamp": message.time, "direction": direction, "messengerType": "webmessaging",
            "status": status, "conversationId": self.conversation_id, "normalizedMessage": normalized_message,
        });
        if message.is_read {
            let read_at = message.time + SECOND;
            data["normalizedReceipts"] = json!([{
                "id": message.id, "type": "Receipt", "status": "Read", "channel": {"time": read_at}, "isFinalReceipt": true,
            }]);
        }
        if let Some(user) = &writer.user {
            data["createdBy"] = json!({"id": user});
        }
        data
    }

    /// `Recording` with a messaging transcript.
    pub(crate) fn recording(&self, host: &str) -> Value {
        let messages = self.messages.iter().map(|message| {
            let writer = &self.participants[message.writer];
            let mut it = json!({
                "from": writer.name, "timestamp": message.time, "id": message.id, "purpose": writer.purpose,
                "participantId": writer.id,
            });
            match message.form {
                Form::Typing => it["events"] = json!([{"eventType": "Typing"}]),
                Form::Text => it["messageText"] = json!(message.text),
                Form::Attachment => {
                    it["messageText"] = json!(message.text);
                    it["messageMediaAttachments"] = json!([{
                        "id": message.id, "mediaType": "image/png", "name": "photo.png", "contentLength": FILE_BYTES,
                        "url": download_url(host, &message.id),
                    }]);
                }
            }
            it
        });
        json!({
            "id": self.conversation_id, "conversationId": self.conversation_id, "media": "message", "fileState": "AVAILABLE",
            "startTime": self.messages[0].time, "messagingTranscript": messages.collect::<Vec<_>>(),
        })
    }

    /// The details as a customer's own gateway serves them.
    pub(crate) fn web_details(&self) -> Value {
        let texts = self
            .messages
            .iter()
            .filter(|message| message.form != Form::Typing);
        let messages = (1..).zip(texts).map(|(sequence, message)| {
            let from = &self.participants[message.writer];
            let to = if message.writer == CUSTOMER { AGENT } else { CUSTOMER };
            json!({
                "sequenceId": sequence, "from": from.name, "to": self.participants[to].name, "text": message.text,
                "timestamp": message.time, "metadata": {},
            })
        });
        json!({
            "id": self.conversation_id, "type": "webchat", "startTimestamp": self.messages[0].time,
            "endTimestamp": self.messages[self.messages.len() - 1].time, "messages": messages.collect::<Vec<_>>(),
        })
    }
}

impl Message {
    fn details(&self, conversation_id: &str) -> Value {
        json!({
            "messageId": self.id,
            "messageURI": format!("/api/v2/conversations/messages/{conversation_id}/messages/{}", self.id),
            "messageTime": self.time,
        })
    }

    pub(crate) fn timestamp(&self) -> Timestamp {
        self.time.timestamp()
    }
}
