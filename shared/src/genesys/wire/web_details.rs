//! Web details of a gateway. Not endpoints of the public API. A member that cannot be read is kept as received.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::base::decode::object::{NotReadable, Object, ParsedList, required_object};

/// `GET …/conversations/web/details/{id}`: a conversation with its messages.
#[derive(Debug)]
pub struct WebDetails {
    pub kind: Option<String>,
    pub start_timestamp: Option<Timestamp>,
    pub end_timestamp: Option<Timestamp>,
    pub messages: ParsedList<WebMessage>,
    /// The members that are not in another field.
    pub others: Option<Box<RawValue>>,
}

#[derive(Debug)]
pub struct WebMessage {
    pub sequence_id: Option<i64>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub text: String,
    pub timestamp: Option<Timestamp>,
    pub metadata: Option<Box<RawValue>>,
    /// The members that are not in another field.
    pub others: Option<Box<RawValue>>,
}

impl WebDetails {
    /// Reads the details of the conversation with this id; any other document is an error.
    pub fn read(document: &RawValue, id: &str) -> Result<Self, DecodeError> {
        let details = required_object(document)?;
        details.require_id(id)?;
        let messages = details.required_list("messages")?;
        let mut read = vec!["id", "messages"];
        Ok(Self {
            kind: note(&mut read, "type", details.text("type")),
            start_timestamp: timestamp(&details, &mut read, "startTimestamp"),
            end_timestamp: timestamp(&details, &mut read, "endTimestamp"),
            messages: ParsedList::of(messages, |it| WebMessage::read(&it)),
            others: details.others(&read),
        })
    }
}

impl WebMessage {
    fn read(message: &Object<'_>) -> Result<Self, NotReadable> {
        let mut read = vec!["text"];
        let metadata = message.content("metadata")?.map(ToOwned::to_owned);
        Ok(Self {
            text: message.content_text("text")?.ok_or(NotReadable)?,
            sequence_id: note(&mut read, "sequenceId", message.integer("sequenceId")),
            from: note(&mut read, "from", message.text("from")),
            to: note(&mut read, "to", message.text("to")),
            timestamp: timestamp(message, &mut read, "timestamp"),
            metadata: note(&mut read, "metadata", metadata),
            others: message.others(&read),
        })
    }
}

fn timestamp(
    object: &Object<'_>,
    read: &mut Vec<&'static str>,
    name: &'static str,
) -> Option<Timestamp> {
    note(read, name, object.timestamp(name))
}

/// Returns the value, and adds its name to those that were read if there is one.
fn note<T>(read: &mut Vec<&'static str>, name: &'static str, value: Option<T>) -> Option<T> {
    if value.is_some() {
        read.push(name);
    }
    value
}
