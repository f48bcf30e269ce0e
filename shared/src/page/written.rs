//! Whether a stored record is of a conversation that was written, so that there are messages to be fetched.

use super::check::stored_shape;
use super::walk::{elements, is_null, pick, unquoted};
use super::{Projection, RecordIdentity, RecordShape};

/// The id of the conversation that a stored line is of, if it may have been written. A line that does not say what it is
/// counts as written: to ask once too often costs less than to miss one.
pub fn written_id(line: &str, shape: RecordShape, projection: Projection) -> Option<String> {
    let shape = stored_shape(shape, projection);
    let is_written = match shape {
        RecordShape::Analytics => any_session_is_written(line),
        RecordShape::Gateway => {
            let words = pick(line, ["type", "mediaType"]);
            !words.into_iter().flatten().any(is_spoken)
        }
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
            is_written |= media_type.is_none_or(|media_type| !is_spoken(media_type));
        });
    });
    is_written || !sessions_met
}

/// Whether the word is of a channel that has no messages. E-mails are none: their texts are no chat's.
fn is_spoken(word: &str) -> bool {
    let word = unquoted(word).to_ascii_lowercase();
    let others = [
        "voice",
        "call",
        "phone",
        "callback",
        "email",
        "video",
        "cobrowse",
        "screenshare",
        "screenmonitoring",
    ];
    !is_null(&word) && others.contains(&&*word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_written(line: &str, shape: RecordShape, projection: Projection) -> bool {
        written_id(line, shape, projection).is_some()
    }

    #[test]
    fn what_was_written_is_told_by_its_sessions() {
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
    fn other_projections_are_told_by_their_words() {
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
}
