//! Whether a frame suggests that its conversation has ended. No event of Genesys Cloud says so; the API decides.

use super::TopicTemplate;
use super::canonical::Value;

/// The ends of topics whose events come at or after the end of a part of a conversation.
const ENDINGS: [&str; 4] = [".customer.end", ".user.end", ".acw", ".wrapup"];

/// The last states of a communication.
const ENDED_STATES: [&str; 2] = ["disconnected", "terminated"];

/// The last statuses of a conversation in a direct stream.
const ENDED_STATUSES: [&str; 2] = ["completed", "ended"];

pub(super) fn suggests_end(topic_name: &str, template: TopicTemplate, body: &Value<'_>) -> bool {
    let ends_like = |ending: &&str| topic_name.ends_with(*ending);
    if ENDINGS.iter().any(ends_like) {
        return true;
    }
    if template.is_snapshot() {
        return all_have_ended(body);
    }
    template == TopicTemplate::STATUS_CHANGE && is_final_status(body)
}

/// Whether a snapshot has participants, and all of them have left.
fn all_have_ended(snapshot: &Value<'_>) -> bool {
    let participants = snapshot.get("participants").map(Value::elements);
    let participants = participants.unwrap_or_default();
    !participants.is_empty() && participants.iter().all(has_ended)
}

/// A participant of one medium has a state. One of several media has lists of communications, each with a state.
fn has_ended(participant: &Value<'_>) -> bool {
    if participant.get("endTime").is_some() {
        return true;
    }
    let own_state = participant.get("state");
    let lists = participant.member_values().flat_map(Value::elements);
    let states = lists.filter_map(|communication| communication.get("state"));
    let mut states = own_state.into_iter().chain(states).peekable();
    states.peek().is_some() && states.all(|state| is_one_of(state, &ENDED_STATES))
}

/// The status is `data`, or `data.status`.
fn is_final_status(event: &Value<'_>) -> bool {
    let data = event.get("data");
    let status = data.map(|data| data.get("status").unwrap_or(data));
    status.is_some_and(|status| is_one_of(status, &ENDED_STATUSES))
}

fn is_one_of(value: &Value<'_>, words: &[&str]) -> bool {
    let is = |word: &&str| {
        value
            .text()
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    words.iter().any(is)
}

#[cfg(test)]
mod tests {
    use crate::records::live::Frame;

    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn ends(topic: &str, body: &str) -> bool {
        let text = format!(r#"{{"topicName":"{topic}","eventBody":{body}}}"#);
        let frame = Frame::of_socket(&text, jiff::Timestamp::UNIX_EPOCH).unwrap();
        frame.ended_conversation().is_some()
    }

    fn snapshot_ends(participants: &str) -> bool {
        let body = format!(r#"{{"id":"{ID}","participants":{participants}}}"#);
        let topics = [
            "v2.routing.queues.q.conversations",
            "v2.users.u.conversations.messages",
        ];
        let [queue, user] = topics.map(|topic| ends(topic, &body));
        assert_eq!(queue, user);
        queue
    }

    #[test]
    fn the_ends_of_legs_and_wrap_up_suggest_an_end() {
        for (event, suggests) in [
            ("customer.end", true),
            ("user.end", true),
            ("acw", true),
            ("wrapup", true),
            ("customer.start", false),
            ("acd.end", false),
            ("flow.end", false),
            ("voicemail.end", false),
            ("attributes", false),
        ] {
            let topic = format!("v2.detail.events.conversation.c.{event}");

            assert_eq!(
                ends(&topic, &format!(r#"{{"conversationId":"{ID}"}}"#)),
                suggests,
                "{event}"
            );
            assert!(!ends(&topic, "{}"), "{event} without a conversation");
        }
    }

    #[test]
    fn a_snapshot_suggests_an_end_if_every_participant_has_ended() {
        for (participants, suggests) in [
            (r#"[{"endTime":"2026-11-30T10:00:00Z"}]"#, true),
            (r#"[{"state":"disconnected"},{"state":"terminated"}]"#, true),
            (
                r#"[{"state":"connected","endTime":"2026-11-30T10:00:00Z"}]"#,
                true,
            ),
            (
                r#"[{"endTime":"2026-11-30T10:00:00Z"},{"state":"connected"}]"#,
                false,
            ),
            (r#"[{"endTime":null}]"#, false),
            (r#"[{"state":"alerting"}]"#, false),
            ("[{}]", false),
            ("[]", false),
            ("null", false),
            (r#""disconnected""#, false),
        ] {
            assert_eq!(snapshot_ends(participants), suggests, "{participants}");
        }
    }

    #[test]
    fn a_participant_of_several_media_ends_with_its_last_communication() {
        for (participants, suggests) in [
            (
                r#"[{"calls":[{"state":"disconnected"}],"emails":[{"state":"terminated"}]}]"#,
                true,
            ),
            (
                r#"[{"calls":[{"state":"disconnected"},{"state":"connected"}]}]"#,
                false,
            ),
            (
                r#"[{"calls":[{"state":"disconnected"}],"messages":[{"state":"alerting"}]}]"#,
                false,
            ),
            (r#"[{"calls":[],"mediaRoles":["full"]}]"#, false),
        ] {
            assert_eq!(snapshot_ends(participants), suggests, "{participants}");
        }
    }

    #[test]
    fn a_final_status_of_a_direct_stream_suggests_an_end() {
        for (kind, data, suggests) in [
            ("statusChange", r#"{"status":"completed"}"#, true),
            ("statusChange", r#"{"status":"ENDED"}"#, true),
            ("statusChange", r#""ended""#, true),
            ("statusChange", r#"{"status":"active"}"#, false),
            ("statusChange", "null", false),
            ("metadata", r#"{"status":"completed"}"#, false),
        ] {
            let text = format!(r#"{{"conversationId":"{ID}","type":"{kind}","data":{data}}}"#);
            let frame = Frame::of_direct_event(&text, jiff::Timestamp::UNIX_EPOCH).unwrap();

            assert_eq!(frame.ended_conversation().is_some(), suggests, "{text}");
        }
    }
}
