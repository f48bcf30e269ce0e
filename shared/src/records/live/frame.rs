//! A frame: one event as received, before its redaction.

use std::fmt;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::canonical::Value;
use super::ending::suggests_end;
use super::time::EventTime;
use super::{Problem, TopicTemplate};
use crate::base::ids::ConversationId;
use crate::base::json::JsonText;

/// The member of an EventBridge event that holds the frame.
const DETAIL: &str = "detail";

/// One event. Its texts are not redacted, so only [`Frame::redacted`] leads to the store.
pub struct Frame {
    pub(super) topic_name: String,
    pub(super) version: Option<String>,
    pub(super) time: EventTime,
    pub(super) conversation: Option<HeardConversation>,
    /// Canonical.
    pub(super) body: Box<RawValue>,
    suggests_end: bool,
}

/// The conversation of a frame.
#[derive(Debug)]
pub(super) struct HeardConversation {
    pub(super) id: ConversationId,
    /// The name of the body's member with the id.
    pub(super) member: &'static str,
}

impl Frame {
    /// The frame in an event of EventBridge, as its queue delivers it.
    pub fn of_event(message: &str, arrived_at: Timestamp) -> Result<Self, Problem> {
        let event = object(message)?;
        let members = event.members().into_iter();
        let mut details = members.filter(|(name, _)| name == DETAIL);
        match (details.next(), details.next()) {
            (Some(_), Some(_)) => Err(Problem::RepeatedMember),
            (Some((_, detail)), None) if detail.as_str() != "null" => {
                Self::of_json(detail, arrived_at)
            }
            _ => Err(Problem::NoDetail),
        }
    }

    /// A frame as a notification socket sends it.
    pub fn of_socket(text: &str, arrived_at: Timestamp) -> Result<Self, Problem> {
        Self::of_json(object(text)?, arrived_at)
    }

    /// An event of a gateway's direct stream: the whole event becomes the body.
    pub fn of_direct_event(text: &str, arrived_at: Timestamp) -> Result<Self, Problem> {
        let event = Value::read(object(text)?)?;
        let kind = non_empty(event.get("type")).ok_or(Problem::NoTopicName)?;
        let topic_name = format!("direct.{kind}");
        Ok(Self::of_direct(topic_name, &event, arrived_at))
    }

    /// A conversation that was put together from the events of a direct stream.
    pub fn of_reconstructed(conversation: &str, arrived_at: Timestamp) -> Result<Self, Problem> {
        let conversation = Value::read(object(conversation)?)?;
        let topic_name = "direct.conversation".to_owned();
        Ok(Self::of_direct(topic_name, &conversation, arrived_at))
    }

    fn of_json(frame: JsonText<'_>, arrived_at: Timestamp) -> Result<Self, Problem> {
        let frame = Value::read(frame)?;
        if !frame.is_object() {
            return Err(Problem::NotAnObject);
        }
        let topic_name = non_empty(frame.get("topicName")).ok_or(Problem::NoTopicName)?;
        let body = frame.get("eventBody").filter(|body| body.is_object());
        let body = body.ok_or(Problem::NoEventBody)?;
        let time = EventTime::of(body.get("eventTime"), arrived_at);
        let version = frame.get("version").and_then(Value::text_or_digits);
        Ok(Self {
            version: version.map(ToOwned::to_owned),
            ..Self::new(topic_name.to_owned(), body, time)
        })
    }

    fn of_direct(topic_name: String, event: &Value<'_>, arrived_at: Timestamp) -> Self {
        let time = EventTime::of(event.get("timestamp"), arrived_at);
        Self::new(topic_name, event, time)
    }

    fn new(topic_name: String, body: &Value<'_>, time: EventTime) -> Self {
        let template = TopicTemplate::of(&topic_name);
        Self {
            suggests_end: suggests_end(&topic_name, template, body),
            conversation: HeardConversation::of(body, template),
            body: body.canonical(),
            topic_name,
            version: None,
            time,
        }
    }

    pub fn topic_name(&self) -> &str {
        &self.topic_name
    }

    /// The body in canonical form, not redacted.
    pub fn event_body(&self) -> &RawValue {
        &self.body
    }

    pub fn time(&self) -> EventTime {
        self.time
    }

    /// The conversation's id, if the body has one that is valid.
    pub fn conversation_id(&self) -> Option<&ConversationId> {
        self.conversation
            .as_ref()
            .map(|conversation| &conversation.id)
    }

    /// The conversation that may have ended, as far as this frame shows.
    pub fn ended_conversation(&self) -> Option<&ConversationId> {
        self.conversation_id().filter(|_| self.suggests_end)
    }
}

impl HeardConversation {
    fn of(body: &Value<'_>, template: TopicTemplate) -> Option<Self> {
        let member = if template.is_snapshot() {
            "id"
        } else {
            "conversationId"
        };
        let id = body.get(member)?.text()?.parse().ok()?;
        Some(Self { id, member })
    }
}

fn object(text: &str) -> Result<JsonText<'_>, Problem> {
    let json = JsonText::parse(text).map_err(|_| Problem::NotJson)?;
    if json.as_str().starts_with('{') {
        Ok(json)
    } else {
        Err(Problem::NotAnObject)
    }
}

fn non_empty<'v>(value: Option<&'v Value<'_>>) -> Option<&'v str> {
    value.and_then(Value::text).filter(|text| !text.is_empty())
}

impl fmt::Debug for Frame {
    /// Omits the body: it is what people wrote and said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("topic", &TopicTemplate::of(&self.topic_name).as_str())
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn arrival() -> Timestamp {
        "2026-11-30T10:00:00Z".parse().unwrap()
    }

    fn socket(text: &str) -> Result<Frame, Problem> {
        Frame::of_socket(text, arrival())
    }

    fn event(text: &str) -> Result<Frame, Problem> {
        Frame::of_event(text, arrival())
    }

    #[test]
    fn an_event_of_eventbridge_and_a_socket_give_the_same_frame() {
        let text = format!(
            r#"{{"topicName":"v2.detail.events.conversation.{ID}.acw","version":"2","eventBody":{{"eventTime":1796032800000,"conversationId":"{ID}"}},"metadata":{{"CorrelationId":"c"}}}}"#
        );

        let from_socket = socket(&text).unwrap();
        let from_event = event(&format!(
            r#"{{"version":"0","detail-type":"v2.detail.events.conversation.{{id}}.acw","detail":{text}}}"#
        ))
        .unwrap();

        for frame in [from_socket, from_event] {
            assert_eq!(
                frame.topic_name(),
                format!("v2.detail.events.conversation.{ID}.acw")
            );
            assert_eq!(frame.version.as_deref(), Some("2"));
            assert_eq!(frame.conversation_id().unwrap().as_str(), ID);
            assert_eq!(frame.time().at, arrival());
            assert_eq!(
                frame.event_body().get(),
                format!(r#"{{"conversationId":"{ID}","eventTime":1796032800000}}"#)
            );
        }
    }

    #[test]
    fn a_text_that_is_not_a_frame_is_refused_with_its_problem() {
        use Problem::{NoEventBody, NoTopicName, NotAnObject, NotJson, RepeatedMember, TooDeep};
        let deep = format!(
            r#"{{"topicName":"t","eventBody":{{"a":{}{}}}}}"#,
            "[".repeat(1000),
            "]".repeat(1000)
        );
        for (text, problem) in [
            ("", NotJson),
            ("{", NotJson),
            (r#"{"topicName":"t","eventBody":{}"#, NotJson),
            ("{} {}", NotJson),
            ("[]", NotAnObject),
            (r#""{}""#, NotAnObject),
            ("null", NotAnObject),
            ("{}", NoTopicName),
            (r#"{"topicName":null,"eventBody":{}}"#, NoTopicName),
            (r#"{"topicName":"","eventBody":{}}"#, NoTopicName),
            (r#"{"topicName":["t"],"eventBody":{}}"#, NoTopicName),
            (r#"{"topicName":"t"}"#, NoEventBody),
            (r#"{"topicName":"t","eventBody":null}"#, NoEventBody),
            (r#"{"topicName":"t","eventBody":[{}]}"#, NoEventBody),
            (r#"{"topicName":"t","eventBody":"{}"}"#, NoEventBody),
            (
                r#"{"topicName":"t","topicName":"t","eventBody":{}}"#,
                RepeatedMember,
            ),
            (
                r#"{"topicName":"t","eventBody":{"a":1,"a":1}}"#,
                RepeatedMember,
            ),
            (&deep, TooDeep),
        ] {
            assert_eq!(socket(text).unwrap_err(), problem, "{text}");
        }
    }

    #[test]
    fn an_event_without_a_usable_detail_is_refused_with_its_problem() {
        for (text, problem) in [
            ("{", Problem::NotJson),
            ("[]", Problem::NotAnObject),
            ("{}", Problem::NoDetail),
            (r#"{"detail":null}"#, Problem::NoDetail),
            (
                r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#,
                Problem::NoDetail,
            ),
            (r#"{"detail":"text"}"#, Problem::NotAnObject),
            (r#"{"detail":{},"detail":{}}"#, Problem::RepeatedMember),
            (r#"{"detail":{}}"#, Problem::NoTopicName),
        ] {
            assert_eq!(event(text).unwrap_err(), problem, "{text}");
        }
    }

    #[test]
    fn a_direct_event_becomes_the_body_of_its_frame() {
        let text = format!(
            r#"{{"type":"transcript","timestamp":"2026-11-30T09:00:00Z","conversationId":"{ID}","data":{{"text":"Hi"}}}}"#
        );

        let frame = Frame::of_direct_event(&text, arrival()).unwrap();

        assert_eq!(frame.topic_name(), "direct.transcript");
        assert_eq!(frame.version, None);
        assert_eq!(frame.conversation_id().unwrap().as_str(), ID);
        assert_eq!(frame.time().at, "2026-11-30T09:00:00Z".parse().unwrap());
        assert_eq!(
            frame.event_body().get(),
            format!(
                r#"{{"conversationId":"{ID}","data":{{"text":"Hi"}},"timestamp":"2026-11-30T09:00:00Z","type":"transcript"}}"#
            )
        );
        let untyped = Frame::of_direct_event(r#"{"data":{}}"#, arrival());
        assert_eq!(untyped.unwrap_err(), Problem::NoTopicName);
    }

    #[test]
    fn a_snapshot_has_its_conversation_in_its_own_id() {
        let of_event = ID.replace('0', "1");
        let id_in = |topic: &str| {
            let text = format!(
                r#"{{"topicName":"{topic}","eventBody":{{"id":"{ID}","conversationId":"{of_event}"}}}}"#
            );
            let frame = socket(&text).unwrap();
            frame.conversation_id().unwrap().to_string()
        };

        assert_eq!(id_in("v2.routing.queues.q.conversations"), ID);
        assert_eq!(id_in("v2.users.u.conversations.calls"), ID);
        assert_eq!(id_in("v2.conversations.c.transcription"), of_event);
        assert_eq!(id_in("v2.unknown"), of_event);
    }

    #[test]
    fn a_conversation_id_that_is_no_uuid_is_not_one() {
        for id in [
            r#""../manifest""#,
            r#""a/b""#,
            r#""""#,
            "null",
            "7",
            "{}",
            r#""4111111111111111""#,
            r#""mary.roe@example.com""#,
        ] {
            let text =
                format!(r#"{{"topicName":"v2.x.acw","eventBody":{{"conversationId":{id}}}}}"#);

            let frame = socket(&text).unwrap();
            assert_eq!(frame.conversation_id(), None, "{id}");
            assert_eq!(frame.ended_conversation(), None, "{id}");
        }
    }

    #[test]
    fn the_debug_form_of_a_frame_holds_no_text() {
        let text = r#"{"topicName":"v2.mary","version":"mary","eventBody":{"text":"mary"}}"#;

        let debug = format!("{:?}", socket(text).unwrap());

        assert!(!debug.contains("mary"), "{debug}");
    }
}
