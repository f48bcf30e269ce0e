//! Decides whether a stored record is of a conversation with messages, which can be fetched.

use super::channel::Channel;
use super::check::stored_shape;
use super::entity::is_conversation;
use super::walk::{for_each_element, member_values, unquoted};
use super::{Projection, RecordIdentity, RecordShape};

/// Returns the id of a stored line's conversation if it may have messages. A line without a channel counts as one
/// that has, because a needless request costs less than a missed conversation.
///
/// Minimal and normalized lines name only one channel, the one with which the conversation began. They cannot rule out
/// that a call continued as messages. Requesting messages for every call would cost more than everything else, so their
/// channel is trusted.
pub(crate) fn messaging_conversation_id(
    line: &str,
    shape: RecordShape,
    projection: Projection,
) -> Option<String> {
    let shape = stored_shape(shape, projection);
    let has_messages = match shape {
        RecordShape::Analytics => any_session_has_messages(line),
        RecordShape::EntityByInteraction | RecordShape::EntityById if is_conversation(line) => {
            any_session_has_messages(line)
        }
        RecordShape::Gateway | RecordShape::EntityByInteraction | RecordShape::EntityById => {
            gateway_record_has_messages(line)
        }
        RecordShape::Normalized => {
            let [channel] = member_values(line, ["channelType"]);
            !channel.is_some_and(is_other_channel)
        }
        RecordShape::Transcript => true,
    };
    let identity = RecordIdentity::of(line, shape).ok()?;
    has_messages.then(|| identity.id.into_owned())
}

fn any_session_has_messages(record: &str) -> bool {
    let (mut has_messages, mut has_sessions) = (false, false);
    let [participants] = member_values(record, ["participants"]);
    for_each_element(participants.unwrap_or_default(), |participant| {
        let [sessions] = member_values(participant, ["sessions"]);
        for_each_element(sessions.unwrap_or_default(), |session| {
            has_sessions = true;
            let [media_type] = member_values(session, ["mediaType"]);
            has_messages |=
                !media_type.is_some_and(|it| is_other_channel(it) || is_secondary_media(it));
        });
    });
    has_messages || !has_sessions
}

/// A record with texts has messages. Otherwise `channelType`, `type` and `mediaType` decide, and the one that may mean
/// messages takes precedence.
fn gateway_record_has_messages(record: &str) -> bool {
    let [interactions] = member_values(record, ["interactions"]);
    let mut has_texts = false;
    for_each_element(interactions.unwrap_or_default(), |_| has_texts = true);
    let words = member_values(record, ["channelType", "type", "mediaType"]);
    let mut words = words.into_iter().flatten();
    has_texts || words.clone().any(is_message_channel) || !words.any(is_other_channel)
}

fn is_message_channel(word: &str) -> bool {
    let word = unquoted(word);
    let channel = Channel::of(&word);
    word.eq_ignore_ascii_case("message")
        || matches!(
            channel,
            Channel::Chat | Channel::Sms | Channel::SocialMedia | Channel::Webchat
        )
}

/// Whether the word names a channel without messages. E-mail is one of them, because its texts are not chat messages.
fn is_other_channel(word: &str) -> bool {
    let channel = Channel::of(&unquoted(word));
    matches!(channel, Channel::Voice | Channel::Callback | Channel::Email)
}

/// Whether a session of this media type accompanies another session that determines the conversation's channel.
fn is_secondary_media(media_type: &str) -> bool {
    let media_types = ["video", "cobrowse", "screenshare", "screenmonitoring"];
    media_types.contains(&&*unquoted(media_type).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_messages(line: &str, shape: RecordShape, projection: Projection) -> bool {
        messaging_conversation_id(line, shape, projection).is_some()
    }

    #[test]
    fn written_conversations_are_recognised_by_their_sessions() {
        let line = |media: &str| {
            format!(
                r#"{{"conversationId":"a","conversationStart":"2026-03-01T00:00:00Z","participants":[{{"sessions":[{{"mediaType":"voice"}},{{"mediaType":"{media}"}}]}}]}}"#
            )
        };
        let (shape, full) = (RecordShape::Analytics, Projection::Full);

        assert!(has_messages(&line("message"), shape, full));
        assert!(has_messages(&line("chat"), shape, full));
        assert!(!has_messages(&line("callback"), shape, full));
        assert_eq!(
            messaging_conversation_id(&line("message"), shape, full).unwrap(),
            "a"
        );
    }

    #[test]
    fn written_conversations_are_recognised_in_other_projections() {
        let minimal = r#"{"id":"a","startTime":"2026-03-01T00:00:00Z","type":"webmessaging","mediaType":"message"}"#;
        let voice =
            r#"{"id":"a","startTime":"2026-03-01T00:00:00Z","type":"voice","mediaType":"voice"}"#;
        let row = r#"{"recordId":"a","startTime":1,"channelType":"WEBCHAT"}"#;
        let call = r#"{"recordId":"a","startTime":1,"channelType":"VOICE"}"#;

        assert!(has_messages(
            minimal,
            RecordShape::Analytics,
            Projection::Minimal
        ));
        assert!(!has_messages(
            voice,
            RecordShape::Analytics,
            Projection::Minimal
        ));
        assert!(has_messages(
            row,
            RecordShape::Analytics,
            Projection::Normalized
        ));
        assert!(!has_messages(
            call,
            RecordShape::Gateway,
            Projection::Normalized
        ));
    }

    #[test]
    fn the_channel_of_an_entity_decides_whether_it_has_messages() {
        let (shape, full) = (RecordShape::EntityById, Projection::Full);
        let entity = |channel: &str| {
            format!(
                r#"{{"id":"a","channelType":"{channel}","startTimestamp":"2026-03-01T00:00:00Z"}}"#
            )
        };

        for channel in ["chat", "sms", "social", "webchat"] {
            assert!(has_messages(&entity(channel), shape, full), "{channel}");
        }
        for channel in ["voice", "email", "callback"] {
            assert!(!has_messages(&entity(channel), shape, full), "{channel}");
        }
    }

    #[test]
    fn a_cobrowse_session_alone_does_not_rule_out_a_written_one() {
        let session = |media_types: &[&str]| {
            let sessions = media_types.iter();
            let sessions: Vec<_> = sessions
                .map(|it| format!(r#"{{"mediaType":"{it}"}}"#))
                .collect();
            format!(
                r#"{{"conversationId":"a","conversationStart":"2026-03-01T00:00:00Z","participants":[{{"sessions":[{}]}}]}}"#,
                sessions.join(",")
            )
        };
        let leading = r#"{"id":"a","startTime":"2026-03-01T00:00:00Z","type":"cobrowse","mediaType":"cobrowse"}"#;
        let (shape, full) = (RecordShape::Analytics, Projection::Full);

        assert!(!has_messages(&session(&["cobrowse", "voice"]), shape, full));
        assert!(has_messages(
            &session(&["cobrowse", "message"]),
            shape,
            full
        ));
        assert!(has_messages(leading, shape, Projection::Minimal));
    }

    #[test]
    fn gateway_records_with_texts_or_a_written_type_are_written() {
        let line = |fields: &str| {
            let line = format!(r#"{{"id":"a","startTime":"2026-03-01T00:00:00Z",{fields}}}"#);
            has_messages(&line, RecordShape::Gateway, Projection::Full)
        };

        assert!(line(r#""type":"webchat","mediaType":"voice""#));
        assert!(line(r#""type":"voice","interactions":[{"text":"Hi"}]"#));
        assert!(line(r#""type":"inbound""#));
        assert!(!line(r#""type":"voice","interactions":[]"#));
        assert!(!line(r#""type":"inbound","mediaType":"voice""#));
    }
}
