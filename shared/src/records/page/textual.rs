//! Decides whether a stored record is of a conversation with texts of given media, which can be fetched.

use super::channel::Channel;
use super::check::stored_shape;
use super::entity::is_conversation;
use super::walk::{for_each_element, member_values, unquoted};
use super::{Projection, RecordIdentity, RecordShape};
use crate::records::medium::Medium;

/// Returns the id of a stored line's conversation if it may have texts of one of these media. A line without a channel
/// counts as one that has, because a needless request costs less than a missed conversation.
///
/// Minimal and normalized lines name only one channel, the one with which the conversation began. They cannot rule out
/// that a call continued as messages. Requesting messages for every call would cost more than everything else, so their
/// channel is trusted.
pub(crate) fn textual_conversation_id(
    line: &str,
    shape: RecordShape,
    projection: Projection,
    media: &[Medium],
) -> Option<String> {
    let shape = stored_shape(shape, projection);
    let has_texts = match shape {
        RecordShape::Analytics => any_session_has(line, media),
        RecordShape::EntityByInteraction | RecordShape::EntityById if is_conversation(line) => {
            any_session_has(line, media)
        }
        RecordShape::Gateway | RecordShape::EntityByInteraction | RecordShape::EntityById => {
            gateway_record_has(line, media)
        }
        RecordShape::Normalized => {
            let [channel] = member_values(line, ["channelType"]);
            let channel = channel.map(unquoted);
            channel.is_none_or(|it| !is_channel(&it) || is_one_of(&it, media))
        }
        RecordShape::Transcript => true,
    };
    let identity = RecordIdentity::of(line, shape).ok()?;
    has_texts.then(|| identity.id.into_owned())
}

/// The medium of a session's texts by its media type, or of a channel by its name; `None` for a session that
/// accompanies another one. A word that is not known may mean messages.
pub(crate) fn medium_of(word: &str) -> Option<Medium> {
    let is_secondary = ["video", "cobrowse", "screenshare", "screenmonitoring"];
    if is_secondary.contains(&&*word.to_ascii_lowercase()) {
        return None;
    }
    Some(match Channel::of(word) {
        Channel::Voice | Channel::Callback => Medium::Voice,
        Channel::Email => Medium::Email,
        Channel::Chat
        | Channel::Sms
        | Channel::SocialMedia
        | Channel::Webchat
        | Channel::Unknown => Medium::Message,
    })
}

fn is_one_of(word: &str, media: &[Medium]) -> bool {
    medium_of(word).is_some_and(|medium| media.contains(&medium))
}

fn any_session_has(record: &str, media: &[Medium]) -> bool {
    let (mut has_texts, mut has_sessions) = (false, false);
    let [participants] = member_values(record, ["participants"]);
    for_each_element(participants.unwrap_or_default(), |participant| {
        let [sessions] = member_values(participant, ["sessions"]);
        for_each_element(sessions.unwrap_or_default(), |session| {
            has_sessions = true;
            let [media_type] = member_values(session, ["mediaType"]);
            has_texts |= media_type.is_none_or(|it| is_one_of(&unquoted(it), media));
        });
    });
    has_texts || !has_sessions
}

/// A record with texts has messages. Otherwise `channelType`, `type` and `mediaType` decide, and the one that may mean a
/// requested medium takes precedence. A word that is not known decides nothing.
fn gateway_record_has(record: &str, media: &[Medium]) -> bool {
    let [interactions] = member_values(record, ["interactions"]);
    let mut has_messages = false;
    for_each_element(interactions.unwrap_or_default(), |_| has_messages = true);
    if has_messages && media.contains(&Medium::Message) {
        return true;
    }
    let words = member_values(record, ["channelType", "type", "mediaType"]);
    let words = words.into_iter().flatten();
    let words = words.map(|word| unquoted(word).into_owned());
    let known: Vec<_> = words.filter(|word| is_channel(word)).collect();
    known.is_empty() || known.iter().any(|word| is_one_of(word, media))
}

/// Whether the word names a channel.
fn is_channel(word: &str) -> bool {
    word.eq_ignore_ascii_case("message") || Channel::of(word) != Channel::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_messages(line: &str, shape: RecordShape, projection: Projection) -> bool {
        textual_conversation_id(line, shape, projection, Medium::DEFAULT).is_some()
    }

    /// The line of a conversation whose sessions are of these media types.
    fn sessions(media_types: &[&str]) -> String {
        let sessions = media_types.iter();
        let sessions: Vec<_> = sessions
            .map(|it| format!(r#"{{"mediaType":"{it}"}}"#))
            .collect();
        format!(
            r#"{{"conversationId":"a","conversationStart":"2026-03-01T00:00:00Z","participants":[{{"sessions":[{}]}}]}}"#,
            sessions.join(",")
        )
    }

    #[test]
    fn written_conversations_are_recognised_by_their_sessions() {
        let line = |media: &str| sessions(&["voice", media]);
        let (shape, full) = (RecordShape::Analytics, Projection::Full);

        assert!(has_messages(&line("message"), shape, full));
        assert!(has_messages(&line("chat"), shape, full));
        assert!(!has_messages(&line("callback"), shape, full));
        assert_eq!(
            textual_conversation_id(&line("message"), shape, full, Medium::DEFAULT).unwrap(),
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
        let leading = r#"{"id":"a","startTime":"2026-03-01T00:00:00Z","type":"cobrowse","mediaType":"cobrowse"}"#;
        let (shape, full) = (RecordShape::Analytics, Projection::Full);

        assert!(!has_messages(
            &sessions(&["cobrowse", "voice"]),
            shape,
            full
        ));
        assert!(has_messages(
            &sessions(&["cobrowse", "message"]),
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

    #[test]
    fn conversations_are_chosen_by_the_media_that_are_requested() {
        let has = |line: &str, media: &[Medium]| {
            let shape = RecordShape::Analytics;
            textual_conversation_id(line, shape, Projection::Full, media).is_some()
        };
        assert!(has(&sessions(&["voice"]), &[Medium::Voice]));
        assert!(has(&sessions(&["callback"]), &[Medium::Voice]));
        assert!(has(&sessions(&["message", "voice"]), &[Medium::Voice]));
        assert!(has(
            &sessions(&["email"]),
            &[Medium::Message, Medium::Email]
        ));
        assert!(!has(
            &sessions(&["message"]),
            &[Medium::Voice, Medium::Email]
        ));
        assert!(!has(
            &sessions(&["video"]),
            &[Medium::Message, Medium::Voice, Medium::Email]
        ));
        assert!(has(&sessions(&[]), &[Medium::Voice]));
    }

    #[test]
    fn one_channel_of_a_record_chooses_it_for_its_medium() {
        let row = |channel: &str| {
            format!(r#"{{"recordId":"a","startTime":1,"channelType":"{channel}"}}"#)
        };
        let gateway = |kind: &str| {
            format!(r#"{{"id":"a","startTime":"2026-03-01T00:00:00Z","type":"{kind}"}}"#)
        };
        let has = |line: &str, projection, media| {
            let shape = RecordShape::Gateway;
            textual_conversation_id(line, shape, projection, media).is_some()
        };
        let (normalized, full) = (Projection::Normalized, Projection::Full);

        assert!(has(&row("VOICE"), normalized, &[Medium::Voice]));
        assert!(!has(&row("WEBCHAT"), normalized, &[Medium::Voice]));
        assert!(has(&gateway("email"), full, &[Medium::Email]));
        assert!(!has(&gateway("email"), full, &[Medium::Voice]));
        assert!(has(&gateway("inbound"), full, &[Medium::Voice]));
    }
}
