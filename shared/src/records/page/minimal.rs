//! The minimal record: `id`, `type`, `startTime`, `endTime`, `mediaType`, `interactions` and `participants`, in this
//! order.
//!
//! Values are copied unchanged. A null value stays null, an absent field is omitted, absent `participants` become `[]`.
//! Participants keep `id`, `type` and `name` under the same rules. If `participants` is not an array, or an element of
//! it is not an object, it is copied unchanged, so that nothing of an unknown form is lost.
//!
//! An analytics record has other field names:
//!
//! | minimal | analytics record |
//! |---|---|
//! | `id` | `conversationId` |
//! | `type` | `messageType` of the leading session, or its `mediaType` when it has none |
//! | `startTime` | `conversationStart` |
//! | `endTime` | `conversationEnd` |
//! | `mediaType` | `mediaType` of the leading session |
//! | `interactions` | omitted |
//! | `participants[].id` | `participants[].participantId` |
//! | `participants[].type` | `participants[].purpose` |
//! | `participants[].name` | `participants[].participantName` |
//!
//! An entity of a history gateway has `channelType`, `startTimestamp` and `endTimestamp` for `type`, `startTime` and
//! `endTime`; `entity.rs` lists the fields that are accepted too. Its channel is also its `mediaType`, if it has none.
//!
//! The leading session is the first one, in the order of the record, that has a non-null `mediaType`. Without one,
//! `type` and `mediaType` are omitted.

use super::entity::{Entity, is_conversation};
use super::identity::IdentityFields;
use super::walk::{for_each_element, is_array, is_null, is_object, member_values, push_comma};

const RECORD: [&str; 6] = [
    "id",
    "type",
    "startTime",
    "endTime",
    "mediaType",
    "interactions",
];
const PARTICIPANT: [&str; 3] = ["id", "type", "name"];
const ANALYTICS_PARTICIPANT: [&str; 3] = ["participantId", "purpose", "participantName"];

/// The values of the keys above, in the same order.
type Values<'a, const N: usize> = [Option<&'a str>; N];

pub(super) fn write_gateway(record: &str, out: &mut String) {
    let values = member_values(record, RECORD);
    let [participants] = member_values(record, ["participants"]);
    write_record(values, participants, PARTICIPANT, out);
}

pub(super) fn write_analytics(record: &str, out: &mut String) {
    let names = [
        "conversationId",
        "conversationStart",
        "conversationEnd",
        "participants",
    ];
    let [id, start, end, participants] = member_values(record, names);
    let [kind, media_type] = participants.map(leading_session).unwrap_or_default();
    let values = [id, kind, start, end, media_type, None];
    write_record(values, participants, ANALYTICS_PARTICIPANT, out);
}

pub(super) fn write_entity(record: &str, fields: IdentityFields<'_>, out: &mut String) {
    if is_conversation(record) {
        return write_analytics(record, out);
    }
    let entity = Entity::read(record);
    let channel = entity
        .channels
        .into_iter()
        .flatten()
        .find(|it| !is_null(it));
    let [kind, interactions] = member_values(record, ["type", "interactions"]);
    let values = [
        fields.id.value,
        kind.or(channel),
        fields.start.value,
        entity.end,
        entity.media_type.or(channel),
        interactions,
    ];
    write_record(values, entity.participants, PARTICIPANT, out);
}

/// `type` and `mediaType` of the leading session.
fn leading_session(participants: &str) -> Values<'_, 2> {
    let mut found = [None, None];
    for_each_element(participants, |participant| {
        let [sessions] = member_values(participant, ["sessions"]);
        for_each_element(sessions.unwrap_or_default(), |session| {
            let [message_type, media_type] = member_values(session, ["messageType", "mediaType"])
                .map(|value| value.filter(|value| !is_null(value)));
            if found[1].is_none() && media_type.is_some() {
                found = [message_type.or(media_type), media_type];
            }
        });
    });
    found
}

fn write_record(
    values: Values<'_, 6>,
    participants: Option<&str>,
    participant_names: [&str; 3],
    out: &mut String,
) {
    out.push('{');
    write_fields(RECORD, values, out);
    push_comma(out);
    out.push_str(r#""participants":"#);
    match participants {
        None => out.push_str("[]"),
        Some(participants) => write_participants(participants, participant_names, out),
    }
    out.push('}');
}

fn write_participants(participants: &str, names: [&str; 3], out: &mut String) {
    if !is_array(participants) {
        out.push_str(participants);
        return;
    }
    out.push('[');
    for_each_element(participants, |participant| {
        push_comma(out);
        write_participant(participant, names, out);
    });
    out.push(']');
}

fn write_participant(participant: &str, names: [&str; 3], out: &mut String) {
    if !is_object(participant) {
        out.push_str(participant);
        return;
    }
    out.push('{');
    write_fields(PARTICIPANT, member_values(participant, names), out);
    out.push('}');
}

fn write_fields<const N: usize>(keys: [&str; N], values: Values<'_, N>, out: &mut String) {
    for (key, value) in keys.into_iter().zip(values) {
        if let Some(value) = value {
            push_comma(out);
            out.push('"');
            out.push_str(key);
            out.push_str("\":");
            out.push_str(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::page::RecordShape;

    fn project(write: impl Fn(&str, &mut String), text: &str) -> String {
        let mut out = String::new();
        write(text, &mut out);
        out
    }

    #[test]
    fn a_gateway_record_keeps_seven_fields_in_their_order() {
        let record = r#"{"participants":[{"name":"Ann","x":1,"id":2,"type":"agent"}],"interactions":[{"k":1.50}],
            "mediaType":"chat","endTime":"e","startTime":"s","extra":true,"type":"webchat","id":"a"}"#;

        insta::assert_snapshot!(project(write_gateway, record), @r#"{"id":"a","type":"webchat","startTime":"s","endTime":"e","mediaType":"chat","interactions":[{"k":1.50}],"participants":[{"id":2,"type":"agent","name":"Ann"}]}"#);
    }

    #[test]
    fn an_entity_is_mapped_to_the_minimal_fields() {
        let project = |record: &str| {
            let fields = IdentityFields::read(record, RecordShape::EntityByInteraction);
            project(|record, out| write_entity(record, fields, out), record)
        };
        let contract = r#"{"id":"e","interactionId":"i","channelType":"voice","startTimestamp":"s","endTimestamp":null,"participantCount":3,"queueName":"q"}"#;
        let others = r#"{"id":"e","type":"call","startTime":"s","endTime":"t","participants":[{"id":1,"x":2}]}"#;
        let conversation = r#"{"conversationId":"c","conversationStart":"s","participants":[{"participantId":"p","sessions":[{"mediaType":"voice"}]}]}"#;

        insta::assert_snapshot!(project(contract), @r#"{"id":"i","type":"voice","startTime":"s","endTime":null,"mediaType":"voice","participants":[]}"#);
        insta::assert_snapshot!(project(others), @r#"{"id":"e","type":"call","startTime":"s","endTime":"t","mediaType":"call","participants":[{"id":1}]}"#);
        insta::assert_snapshot!(project(conversation), @r#"{"id":"c","type":"voice","startTime":"s","mediaType":"voice","participants":[{"id":"p"}]}"#);
    }

    #[test]
    fn nulls_are_kept_and_absent_fields_are_not_added() {
        let record = r#"{"id":"a","endTime":null,"participants":[{"name":null},{}]}"#;

        insta::assert_snapshot!(project(write_gateway, record), @r#"{"id":"a","endTime":null,"participants":[{"name":null},{}]}"#);
    }

    #[test]
    fn absent_participants_become_an_empty_array() {
        insta::assert_snapshot!(project(write_gateway, r#"{"id":"a"}"#), @r#"{"id":"a","participants":[]}"#);
    }

    #[test]
    fn malformed_participants_are_copied_unchanged() {
        insta::assert_snapshot!(project(write_gateway, r#"{"participants":null}"#), @r#"{"participants":null}"#);
        insta::assert_snapshot!(project(write_gateway, r#"{"participants":{"id":1, "x":2}}"#), @r#"{"participants":{"id":1, "x":2}}"#);
        insta::assert_snapshot!(project(write_gateway, r#"{"participants":["Ann",{"id":1,"x":2},null]}"#), @r#"{"participants":["Ann",{"id":1},null]}"#);
    }

    #[test]
    fn an_analytics_record_is_mapped_to_the_minimal_fields() {
        let record = r#"{"conversationId":"c","conversationStart":"s","conversationEnd":null,"participants":[
            {"participantId":"p1","purpose":"customer","participantName":"Guest","sessions":[
                {"mediaType":null},{"mediaType":"message","messageType":"webmessaging"}]},
            {"participantId":"p2","purpose":"agent","userId":"u","sessions":[{"mediaType":"voice"}]}]}"#;

        insta::assert_snapshot!(project(write_analytics, record), @r#"{"id":"c","type":"webmessaging","startTime":"s","endTime":null,"mediaType":"message","participants":[{"id":"p1","type":"customer","name":"Guest"},{"id":"p2","type":"agent"}]}"#);
    }

    #[test]
    fn the_type_of_a_call_is_its_media_type() {
        let record = r#"{"conversationId":"c","conversationStart":"s","participants":[
            {"sessions":[{"mediaType":"voice","messageType":null}]}]}"#;

        insta::assert_snapshot!(project(write_analytics, record), @r#"{"id":"c","type":"voice","startTime":"s","mediaType":"voice","participants":[{}]}"#);
    }

    #[test]
    fn an_analytics_record_without_sessions_has_no_type() {
        let record =
            r#"{"conversationId":"c","conversationStart":"s","interactions":[1],"type":"x"}"#;

        insta::assert_snapshot!(project(write_analytics, record), @r#"{"id":"c","startTime":"s","participants":[]}"#);
    }
}
