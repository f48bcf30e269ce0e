//! Reads an event of the direct stream: `{conversationId, type, data, timestamp}`.
//!
//! The shapes of `data` are not documented; docs/live.md states the interpretation. What cannot be interpreted changes
//! nothing but the time of the last update: the event itself is stored as a frame.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::base::decode::object::{Object, list};
use crate::base::hash::Sha256;
use crate::base::json::JsonText;
use crate::base::time::format_timestamp;
use crate::records::transcript::is_id;

pub(super) struct Event<'a> {
    pub(super) conversation_id: String,
    /// Its own timestamp, or otherwise the time of arrival.
    pub(super) at: Timestamp,
    pub(super) change: Change<'a>,
}

pub(super) enum Change<'a> {
    Status(String),
    Participants(Vec<Element<'a>>),
    Transcripts(Vec<Element<'a>>),
    Metadata(Vec<(String, &'a RawValue)>),
    /// Nothing that is merged.
    Other,
}

/// A participant, or a part of the transcript.
pub(super) struct Element<'a> {
    pub(super) key: Key,
    /// Its own timestamp, if it has one.
    pub(super) at: Option<Timestamp>,
    pub(super) value: &'a RawValue,
}

/// Recognises another version of an element.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Id(String),
    /// The element names no id: only a repetition of the same event is recognised.
    Content(Sha256),
}

/// The value is not an event: it is not an object with a `conversationId`, or the id has more than 100 characters, or others
/// than letters, digits, `-`, `_` and `.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is not an event of a conversation")]
pub struct NotAnEvent;

/// Names that the id of an element may have.
const IDS: [&str; 4] = ["id", "participantId", "utteranceId", "messageId"];

impl<'a> Event<'a> {
    pub(super) fn read(text: &'a str, arrived_at: Timestamp) -> Result<Self, NotAnEvent> {
        let event: Object<'a> = serde_json::from_str(text).map_err(|_| NotAnEvent)?;
        let conversation_id = event.text("conversationId").filter(|id| is_id(id));
        let stamp = event.timestamp("timestamp");
        Ok(Self {
            conversation_id: conversation_id.ok_or(NotAnEvent)?,
            at: stamp.unwrap_or(arrived_at),
            change: Change::read(event.text("type").as_deref(), event.member("data"), stamp),
        })
    }
}

impl<'a> Change<'a> {
    fn read(kind: Option<&str>, data: Option<&'a RawValue>, stamp: Option<Timestamp>) -> Self {
        let Some(data) = data else {
            return Self::Other;
        };
        match kind {
            Some("statusChange") => status(data).map_or(Self::Other, Self::Status),
            Some("participants") => Self::Participants(elements(data, "participants", None)),
            Some("transcript") => Self::Transcripts(elements(data, "transcripts", stamp)),
            Some("metadata") => Self::Metadata(members(data)),
            _ => Self::Other,
        }
    }
}

/// A text, or the member `status` or `state` of an object.
fn status(data: &RawValue) -> Option<String> {
    let data = JsonText::of(data);
    let member = || data.get("status").or_else(|| data.get("state"));
    let status = data.text().or_else(|| member()?.text())?;
    Some(status.into_owned())
}

/// The elements of a list; of an object, those of its list with this name, or the object itself; or the value itself.
fn elements<'a>(data: &'a RawValue, name: &str, stamp: Option<Timestamp>) -> Vec<Element<'a>> {
    let inner = Object::read(data)
        .ok()
        .and_then(|object| object.member(name));
    let elements = list(data).or_else(|| list(inner?));
    let elements = elements.unwrap_or_else(|| vec![data]);
    elements
        .into_iter()
        .map(|value| Element::read(value, stamp))
        .collect()
}

fn members(data: &RawValue) -> Vec<(String, &RawValue)> {
    let members: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(data.get()).ok();
    members.into_iter().flatten().collect()
}

impl<'a> Element<'a> {
    /// `stamp` distinguishes equal texts of two events.
    fn read(value: &'a RawValue, stamp: Option<Timestamp>) -> Self {
        let object = Object::read(value).ok();
        let object = object.as_ref();
        let id = object.and_then(|object| IDS.into_iter().find_map(|name| object.id(name)));
        let at = object.and_then(|object| object.timestamp("timestamp"));
        let content = || {
            let stamp = stamp.map(|stamp| format_timestamp(stamp).to_string());
            let stamp = stamp.unwrap_or_default();
            Sha256::of_parts([stamp.as_bytes(), value.get().as_bytes()])
        };
        Self {
            key: id.map_or_else(|| Key::Content(content()), Key::Id),
            at,
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Event<'_>, NotAnEvent> {
        Event::read(text, Timestamp::UNIX_EPOCH)
    }

    fn keys(change: &Change<'_>) -> Vec<String> {
        let (Change::Participants(elements) | Change::Transcripts(elements)) = change else {
            return Vec::new();
        };
        let name = |element: &Element<'_>| match &element.key {
            Key::Id(id) => id.clone(),
            Key::Content(_) => "content".to_owned(),
        };
        elements.iter().map(name).collect()
    }

    #[test]
    fn a_value_without_a_usable_conversation_id_is_not_an_event() {
        for text in [
            "[]",
            "7",
            "{}",
            r#"{"conversationId":null}"#,
            r#"{"conversationId":"../x"}"#,
            r#"{"conversationId":"a","conversationId":[]}"#,
            r#"{"conversationId":"a""#,
            &format!(r#"{{"conversationId":"{}"}}"#, "a".repeat(101)),
        ] {
            assert_eq!(read(text).err(), Some(NotAnEvent), "{text}");
        }
    }

    #[test]
    fn a_status_is_a_text_or_a_member_of_an_object() {
        for (data, status) in [
            (r#""ended""#, Some("ended")),
            (r#"{"status":"active","state":"x"}"#, Some("active")),
            (r#"{"state":"completed"}"#, Some("completed")),
            ("{}", None),
            ("7", None),
            ("null", None),
        ] {
            let text = format!(r#"{{"conversationId":"a","type":"statusChange","data":{data}}}"#);

            let found = match read(&text).unwrap().change {
                Change::Status(status) => Some(status),
                _ => None,
            };
            assert_eq!(found.as_deref(), status, "{data}");
        }
    }

    #[test]
    fn elements_are_read_from_each_form_of_a_list() {
        for (data, expected) in [
            (
                r#"[{"id":"1"},{"utteranceId":"2"},3]"#,
                vec!["1", "2", "content"],
            ),
            (r#"{"transcripts":[{"messageId":7}]}"#, vec!["7"]),
            (r#"{"transcripts":7,"id":"1"}"#, vec!["1"]),
            (r#"{"text":"yes"}"#, vec!["content"]),
            ("[]", vec![]),
        ] {
            let text = format!(r#"{{"conversationId":"a","type":"transcript","data":{data}}}"#);

            assert_eq!(keys(&read(&text).unwrap().change), expected, "{data}");
        }
    }

    #[test]
    fn equal_texts_of_two_events_are_two_elements() {
        let key = |timestamp: &str| {
            let text = format!(
                r#"{{"conversationId":"a","type":"transcript","data":{{"text":"yes"}},"timestamp":{timestamp}}}"#
            );
            match read(&text).unwrap().change {
                Change::Transcripts(elements) => elements[0].key.clone(),
                _ => panic!("no transcript"),
            }
        };

        assert_eq!(key("1772452710000"), key(r#""2026-03-02T11:58:30Z""#));
        assert_ne!(key("1772452710000"), key("1772452711000"));
    }

    #[test]
    fn an_unknown_type_changes_nothing() {
        for event in [
            r#"{"conversationId":"a","type":"typing","data":{}}"#,
            r#"{"conversationId":"a","type":"transcript"}"#,
            r#"{"conversationId":"a","data":"ended"}"#,
        ] {
            assert!(
                matches!(read(event).unwrap().change, Change::Other),
                "{event}"
            );
        }
    }
}
