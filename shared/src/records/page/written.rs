//! Decides whether a stored record is of a written conversation, whose messages can be fetched.

use super::channel::Channel;
use super::check::stored_shape;
use super::walk::{elements, pick, unquoted};
use super::{Projection, RecordIdentity, RecordShape};

/// Returns the id of a stored line's conversation if it may be a written one. A line without a channel counts as
/// written, because a needless request costs less than a missed conversation.
///
/// Minimal and normalized lines name only one channel, the one with which the conversation began. They cannot rule out
/// that a call continued as messages. Requesting messages for every call would cost more than everything else, so their
/// channel is trusted.
pub fn written_id(line: &str, shape: RecordShape, projection: Projection) -> Option<String> {
    let shape = stored_shape(shape, projection);
    let is_written = match shape {
        RecordShape::Analytics => any_session_is_written(line),
        RecordShape::Gateway => gateway_s_is_written(line),
        RecordShape::Normalized => {
            let [channel] = pick(line, ["channelType"]);
            !channel.is_some_and(is_spoken)
        }
        RecordShape::Transcript => true,
    };
    let identity = RecordIdentity::of(line, shape).ok()?;
    is_written.then(|| identity.id.into_owned())
}

fn any_session_is_written(record: &str) -> bool {
    let (mut is_written, mut sessions_met) = (false, false);
    let [participants] = pick(record, ["participants"]);
    elements(participants.unwrap_or_default(), |participant| {
        let [sessions] = pick(participant, ["sessions"]);
        elements(sessions.unwrap_or_default(), |session| {
            sessions_met = true;
            let [media_type] = pick(session, ["mediaType"]);
            is_written |= !media_type.is_some_and(|it| is_spoken(it) || is_beside(it));
        });
    });
    is_written || !sessions_met
}

/// A record with texts is written. Otherwise `type` and `mediaType` decide, and the one that may mean messages takes
/// precedence.
fn gateway_s_is_written(record: &str) -> bool {
    let [interactions, kind, media_type] = pick(record, ["interactions", "type", "mediaType"]);
    let mut has_texts = false;
    elements(interactions.unwrap_or_default(), |_| has_texts = true);
    let mut words = [kind, media_type].into_iter().flatten();
    has_texts || words.clone().any(is_of_messages) || !words.any(is_spoken)
}

fn is_of_messages(word: &str) -> bool {
    let word = unquoted(word);
    let channel = Channel::of(&word);
    word.eq_ignore_ascii_case("message")
        || matches!(
            channel,
            Channel::Chat | Channel::Sms | Channel::SocialMedia | Channel::Webchat
        )
}

/// Whether the word names a channel without messages. E-mail is one of them, because its texts are not chat messages.
fn is_spoken(word: &str) -> bool {
    let channel = Channel::of(&unquoted(word));
    matches!(channel, Channel::Voice | Channel::Callback | Channel::Email)
}

/// Whether a session of this media type accompanies another session that determines the conversation's channel.
fn is_beside(media_type: &str) -> bool {
    let media_types = ["video", "cobrowse", "screenshare", "screenmonitoring"];
    media_types.contains(&&*unquoted(media_type).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_written(line: &str, shape: RecordShape, projection: Projection) -> bool {
        written_id(line, shape, projection).is_some()
    }

    #[test]
    fn written_conversations_are_recognised_by_their_sessions() {
        let of = |media: &str| {
            format!(
                r#"{{"conversationId":"a","conversationStart":"2026-03-01T00:00:00Z","participants":[{{"sessions":[{{"mediaType":"voice"}},{{"mediaType":"{media}"}}]}}]}}"#
            )
        };
        let (shape, full) = (RecordShape::Analytics, Projection::Full);

        assert!(is_written(&of("message"), shape, full));
        assert!(is_written(&of("chat"), shape, full));
        assert!(!is_written(&of("callback"), shape, full));
        assert_eq!(written_id(&of("message"), shape, full).unwrap(), "a");
    }

    #[test]
    fn written_conversations_are_recognised_in_other_projections() {
        let minimal = r#"{"id":"a","startTime":"2026-03-01T00:00:00Z","type":"webmessaging","mediaType":"message"}"#;
        let voice =
            r#"{"id":"a","startTime":"2026-03-01T00:00:00Z","type":"voice","mediaType":"voice"}"#;
        let row = r#"{"recordId":"a","startTime":1,"channelType":"WEBCHAT"}"#;
        let call = r#"{"recordId":"a","startTime":1,"channelType":"VOICE"}"#;

        assert!(is_written(
            minimal,
            RecordShape::Analytics,
            Projection::Minimal
        ));
        assert!(!is_written(
            voice,
            RecordShape::Analytics,
            Projection::Minimal
        ));
        assert!(is_written(
            row,
            RecordShape::Analytics,
            Projection::Normalized
        ));
        assert!(!is_written(
            call,
            RecordShape::Gateway,
            Projection::Normalized
        ));
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

        assert!(!is_written(&session(&["cobrowse", "voice"]), shape, full));
        assert!(is_written(&session(&["cobrowse", "message"]), shape, full));
        assert!(is_written(leading, shape, Projection::Minimal));
    }

    #[test]
    fn gateway_records_with_texts_or_a_written_type_are_written() {
        let of = |fields: &str| {
            let line = format!(r#"{{"id":"a","startTime":"2026-03-01T00:00:00Z",{fields}}}"#);
            is_written(&line, RecordShape::Gateway, Projection::Full)
        };

        assert!(of(r#""type":"webchat","mediaType":"voice""#));
        assert!(of(r#""type":"voice","interactions":[{"text":"Hi"}]"#));
        assert!(of(r#""type":"inbound""#));
        assert!(!of(r#""type":"voice","interactions":[]"#));
        assert!(!of(r#""type":"inbound","mediaType":"voice""#));
    }
}
