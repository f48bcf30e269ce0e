//! The line of a frame in a frame object, after redaction, and the frame's identity.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::canonical::push_string;
use super::frame::HeardConversation;
use super::{EventTimeSource, Frame, TopicTemplate};
use crate::base::hash::Sha256;
use crate::base::ids::ConversationId;
use crate::base::time::format_timestamp;
use crate::records::page::{infallible, redact_live_event};
use crate::records::redaction::{Redactor, Tally};

/// The version of frames that Genesys Cloud documents.
const KNOWN_VERSION: &str = "2";

/// One line of a frame object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameLine<'a> {
    pub identity: Sha256,
    #[serde(borrow)]
    pub topic_name: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Cow<'a, str>>,
    #[serde(serialize_with = "in_millis")]
    pub event_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time_source: Option<EventTimeSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// Canonical and redacted.
    #[serde(borrow)]
    pub event_body: &'a RawValue,
}

pub(super) fn in_millis<S: Serializer>(
    moment: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_timestamp(*moment))
}

impl FrameLine<'_> {
    /// The identity that the line must have: the digest of the canonical form of body and topic name.
    pub fn expected_identity(&self) -> Sha256 {
        identity(&self.topic_name, self.event_body)
    }

    pub fn topic(&self) -> TopicTemplate {
        TopicTemplate::of(&self.topic_name)
    }

    /// Whether the version is stated, and not the documented one.
    pub(super) fn has_other_version(&self) -> bool {
        let version = self.version.as_deref();
        version.is_some_and(|version| version != KNOWN_VERSION)
    }
}

fn identity(topic_name: &str, body: &RawValue) -> Sha256 {
    let mut name = String::new();
    push_string(topic_name, &mut name);
    Sha256::of_parts([
        br#"{"eventBody":"#.as_slice(),
        body.get().as_bytes(),
        br#","topicName":"#,
        name.as_bytes(),
        b"}",
    ])
}

/// A redacted frame, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFrame {
    pub identity: Sha256,
    pub event_time: Timestamp,
    pub topic: TopicTemplate,
    pub conversation_id: Option<ConversationId>,
    /// The conversation that may have ended.
    pub(super) ended: Option<ConversationId>,
    /// The line without its line break.
    pub(super) line: String,
    pub(super) redactions: Tally,
    pub(super) has_other_version: bool,
    pub(super) has_time_of_arrival: bool,
    pub(super) has_implausible_time: bool,
}

impl Frame {
    /// Redacts the frame. Its topic name and its version come from outside like its body.
    pub fn redacted(self, redactor: &Redactor) -> StoredFrame {
        let mut redactions = Tally::default();
        let member = self.conversation.as_ref().map(|it| it.member);
        let body = redact_live_event(&self.body, member, redactor, &mut redactions);
        let topic_name = redactor.redact_proved(&self.topic_name, &mut redactions);
        let version = self.version.as_deref();
        let version = version.map(|version| redactor.redact_proved(version, &mut redactions));
        let ended = self.ended_conversation().cloned();
        let conversation_id = self.conversation.map(|HeardConversation { id, .. }| id);
        let line = FrameLine {
            identity: identity(&topic_name, &body),
            topic_name,
            version,
            event_time: self.time.at,
            event_time_source: self.time.source,
            conversation_id: conversation_id.clone(),
            event_body: &body,
        };
        StoredFrame {
            identity: line.identity,
            event_time: line.event_time,
            // Of what is stored, so that a reader finds the same.
            topic: line.topic(),
            has_other_version: line.has_other_version(),
            line: infallible(serde_json::to_string(&line)),
            conversation_id,
            ended,
            redactions,
            has_time_of_arrival: self.time.source.is_some(),
            has_implausible_time: self.time.is_implausible,
        }
    }
}

impl StoredFrame {
    /// Size of the line with its line break.
    pub fn size_bytes(&self) -> u64 {
        self.line.len() as u64 + 1
    }

    /// Whether its event time is a plausible one of the event itself.
    pub(super) fn has_own_time(&self) -> bool {
        !(self.has_time_of_arrival || self.has_implausible_time)
    }
}

impl fmt::Debug for StoredFrame {
    /// Omits the line: it is what people wrote and said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredFrame")
            .field("identity", &self.identity)
            .field("topic", &self.topic.as_str())
            .field("event_time", &self.event_time)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::redaction::{Profile, Rules};

    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn stored(profile: Profile, text: &str) -> StoredFrame {
        let redactor = Redactor::new(Rules {
            profile,
            ..Rules::default()
        });
        let arrived_at = "2026-11-30T10:00:00Z".parse().unwrap();
        let frame = Frame::of_socket(text, arrived_at).unwrap();
        frame.redacted(&redactor)
    }

    fn wrapup() -> String {
        format!(
            r#"{{"topicName":"v2.detail.events.conversation.{ID}.wrapup","version":"2","eventBody":{{"wrapupNotes":"call 030 901820, card 4111 1111 1111 1111","ani":"tel:+4915123456789","conversationId":"{ID}","eventTime":1796032800000}},"metadata":{{"CorrelationId":"c"}}}}"#
        )
    }

    #[test]
    fn a_line_has_these_fields_in_this_order() {
        let line = stored(Profile::Standard, &wrapup()).line;

        insta::assert_snapshot!(line, @r#"{"identity":"9cca9f0a83e4eadc3c462fe75102275f41eb24256413b7b3b9663db7c60b4d7d","topicName":"v2.detail.events.conversation.0f8fad5b-d9cb-469f-a165-70867728950e.wrapup","version":"2","eventTime":"2026-11-30T10:00:00.000Z","conversationId":"0f8fad5b-d9cb-469f-a165-70867728950e","eventBody":{"ani":"tel:+4915123456789","conversationId":"0f8fad5b-d9cb-469f-a165-70867728950e","eventTime":1796032800000,"wrapupNotes":"call [REDACTED:PHONE], card [REDACTED:CARD]"}}"#);
    }

    #[test]
    fn the_identity_is_that_of_the_redacted_body_and_the_topic() {
        let frame = stored(Profile::Standard, &wrapup());

        let line: FrameLine<'_> = serde_json::from_str(&frame.line).unwrap();

        assert_eq!(line.identity, line.expected_identity());
        let canonical = format!(
            r#"{{"eventBody":{},"topicName":"{}"}}"#,
            line.event_body, line.topic_name
        );
        assert_eq!(line.identity, Sha256::of(canonical));
    }

    #[test]
    fn a_topic_whose_redaction_changes_its_template_has_that_of_the_stored_name() {
        let text = r#"{"topicName":"v2.users.mary@example.conversations","eventBody":{}}"#;
        let received = TopicTemplate::of("v2.users.mary@example.conversations");

        let frame = stored(Profile::Standard, text);

        let line: FrameLine<'_> = serde_json::from_str(&frame.line).unwrap();
        assert_ne!(line.topic(), received, "{}", line.topic_name);
        assert_eq!(frame.topic, line.topic());
    }

    #[test]
    fn metadata_and_version_do_not_change_the_identity() {
        let other = wrapup()
            .replace(r#""version":"2""#, r#""version":"3""#)
            .replace(r#""CorrelationId":"c""#, r#""CorrelationId":"d""#);

        let (one, other) = (
            stored(Profile::Standard, &wrapup()),
            stored(Profile::Standard, &other),
        );

        assert_eq!(one.identity, other.identity);
        assert_eq!(
            (one.has_other_version, other.has_other_version),
            (false, true)
        );
    }

    #[test]
    fn the_strict_profile_replaces_people_of_a_snapshot() {
        let text = r#"{"topicName":"v2.users.u.conversations","eventBody":{"id":"0f8fad5b-d9cb-469f-a165-70867728950e","address":"tel:+4915123456789","participants":[
            {"name":"Mary Roe","queue":{"name":"Billing"},"calls":[{"self":{"nameRaw":"Mary Roe","addressRaw":"mary@example.com"},"state":"connected"}],
             "callbacks":[{"callerId":"+4915123456789","callerIdName":"Mary Roe"}],"socialExpressions":[{"socialUserName":"mary"}]}]}}"#;

        insta::assert_snapshot!(stored(Profile::Strict, text).line, @r#"{"identity":"b4bb543d5fd16fdb39200fa45a42027e69f7ed49a9ae132adfc8b53b4c18de5e","topicName":"v2.users.u.conversations","eventTime":"2026-11-30T10:00:00.000Z","eventTimeSource":"arrival","conversationId":"0f8fad5b-d9cb-469f-a165-70867728950e","eventBody":{"address":"tel:[REDACTED:PHONE]","id":"0f8fad5b-d9cb-469f-a165-70867728950e","participants":[{"callbacks":[{"callerId":"[REDACTED:PHONE]","callerIdName":"[REDACTED:NAME]"}],"calls":[{"self":{"addressRaw":"[REDACTED:EMAIL]","nameRaw":"[REDACTED:NAME]"},"state":"connected"}],"name":"[REDACTED:NAME]","queue":{"name":"Billing"},"socialExpressions":[{"socialUserName":"[REDACTED:NAME]"}]}]}}"#);
        insta::assert_snapshot!(stored(Profile::Standard, text).line, @r#"{"identity":"11c586a7c9f4c09d8b4768c07966e0e01af2bc2d7fef377d34ad47fc0ed41435","topicName":"v2.users.u.conversations","eventTime":"2026-11-30T10:00:00.000Z","eventTimeSource":"arrival","conversationId":"0f8fad5b-d9cb-469f-a165-70867728950e","eventBody":{"address":"tel:+4915123456789","id":"0f8fad5b-d9cb-469f-a165-70867728950e","participants":[{"callbacks":[{"callerId":"+4915123456789","callerIdName":"Mary Roe"}],"calls":[{"self":{"addressRaw":"[REDACTED:EMAIL]","nameRaw":"Mary Roe"},"state":"connected"}],"name":"Mary Roe","queue":{"name":"Billing"},"socialExpressions":[{"socialUserName":"mary"}]}]}}"#);
    }

    #[test]
    fn a_value_in_topic_or_version_is_redacted_and_the_identity_fits() {
        let text = r#"{"topicName":"v2.users.mary.roe@example.com.conversations","version":"mary.roe@example.com","eventBody":{}}"#;

        let frame = stored(Profile::Standard, text);

        assert!(!frame.line.contains("mary"), "{}", frame.line);
        let line: FrameLine<'_> = serde_json::from_str(&frame.line).unwrap();
        assert_eq!(line.identity, line.expected_identity());
        assert_eq!(frame.redactions.of("EMAIL"), 2);
    }

    #[test]
    fn a_string_with_a_list_of_words_is_replaced() {
        let words = r#"{\"words\":[{\"word\":\"4111\"}]}"#;
        let text =
            format!(r#"{{"topicName":"t","eventBody":{{"data":"{words}","other":"words"}}}}"#);

        let frame = stored(Profile::Standard, &text);

        assert!(
            frame
                .line
                .ends_with(r#""eventBody":{"data":"[REDACTED:WORDS]","other":"words"}}"#)
        );
        assert_eq!(frame.redactions.of("WORDS"), 1);
    }

    #[test]
    fn the_conversation_id_is_kept_and_an_unusable_one_is_redacted() {
        let line = |id: &str| {
            let text = format!(r#"{{"topicName":"t","eventBody":{{"conversationId":"{id}"}}}}"#);
            stored(Profile::Standard, &text).line
        };

        assert_eq!(line(ID).matches(ID).count(), 2);
        for id in ["4111111111111111", "4111 1111 1111 1111"] {
            assert!(!line(id).contains("4111"), "{id}");
        }
    }
}
