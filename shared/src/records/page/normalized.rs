//! The normalized record: one flat row per conversation, whatever its source and shape.
//!
//! Every record becomes a row: an absent value, or one of an unknown form, becomes null, never an error. Times are
//! milliseconds since 1970. docs/format.md lists the fields and their sources.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::PageRules;
use super::channel::Channel;
use super::entity::{Entity, is_conversation};
use super::identity::IdentityFields;
use super::walk::{
    decode_string, for_each_element, for_each_member, is_array, is_object, member_values,
    push_comma, unquoted,
};
use crate::base::decode::lenient::parse_count;
use crate::base::time::truncate_to_millis;

/// The fields of a row that are optional in a record. Values are JSON texts.
#[derive(Default)]
struct Row<'a> {
    interaction_id: Option<&'a str>,
    channel: Channel,
    end: Option<&'a str>,
    participant_count: Option<i64>,
    queue_id: Option<&'a str>,
    queue_name: Option<&'a str>,
    wrap_up_code: Option<&'a str>,
    wrap_up_name: Option<&'a str>,
    attributes: Option<Cow<'a, str>>,
}

pub(super) fn write_gateway<'a>(
    record: &'a str,
    rules: &PageRules<'_>,
    out: &mut String,
) -> [Option<&'a str>; 2] {
    let [id, start, end, participants] =
        member_values(record, ["id", "startTime", "endTime", "participants"]);
    let channel_words = member_values(record, ["channelType", "type", "messageType", "mediaType"]);
    let row = Row {
        channel: first_channel(channel_words),
        end,
        participant_count: participants.and_then(count_elements),
        ..Row::of_gateway(record)
    };
    row.write(id, start, rules, out);
    [id, start]
}

/// Writes the row of a history gateway's entity.
pub(super) fn write_entity(
    record: &str,
    fields: IdentityFields<'_>,
    rules: &PageRules<'_>,
    out: &mut String,
) {
    if is_conversation(record) {
        write_analytics(record, rules, out);
        return;
    }
    let entity = Entity::read(record);
    let count = |value| parse_count(value).and_then(|count| i64::try_from(count).ok());
    let row = Row {
        channel: first_channel(entity.channels),
        end: entity.end,
        participant_count: entity.participant_count.and_then(count).or_else(|| {
            let participants = entity.participants?;
            count_elements(participants).or_else(|| count(participants))
        }),
        ..Row::of_gateway(record)
    };
    row.write(fields.id.value, fields.start.value, rules, out);
}

pub(super) fn write_analytics<'a>(
    record: &'a str,
    rules: &PageRules<'_>,
    out: &mut String,
) -> [Option<&'a str>; 2] {
    let names = [
        "conversationId",
        "conversationStart",
        "conversationEnd",
        "participants",
    ];
    let [id, start, end, participants] = member_values(record, names);
    let mut row = Row {
        end,
        participant_count: participants.and_then(count_elements),
        ..Row::default()
    };
    let mut queues = Queues::default();
    let mut all_attributes = Attributes::default();
    for_each_element(participants.unwrap_or_default(), |participant| {
        let [purpose, name, sessions, attributes] = member_values(
            participant,
            ["purpose", "participantName", "sessions", "attributes"],
        );
        let mut queue_id = None;
        for_each_element(sessions.unwrap_or_default(), |session| {
            let [message_type, media_type, segments] =
                member_values(session, ["messageType", "mediaType", "segments"]);
            row.channel = row.channel.or(first_channel([message_type, media_type]));
            for_each_element(segments.unwrap_or_default(), |segment| {
                let [queue, wrap_up_code] =
                    member_values(segment, ["queueId", "wrapUpCode"]).map(only_text);
                queue_id = queue_id.or(queue);
                row.wrap_up_code = wrap_up_code.or(row.wrap_up_code);
            });
        });
        queues.add(purpose, name, queue_id);
        all_attributes.add(attributes);
    });
    row.attributes = all_attributes.merged();
    [row.queue_id, row.queue_name] = queues.first_queue();
    row.write(id, start, rules, out);
    [id, start]
}

/// The queues of a conversation, as named by its participants.
#[derive(Default)]
struct Queues<'a> {
    /// Id and name from the first participant that is a queue (`acd`).
    queue: Option<[Option<&'a str>; 2]>,
    /// Queue id from the first participant that has one.
    any_queue_id: Option<&'a str>,
}

impl<'a> Queues<'a> {
    fn add(&mut self, purpose: Option<&'a str>, name: Option<&'a str>, queue_id: Option<&'a str>) {
        self.any_queue_id = self.any_queue_id.or(queue_id);
        let is_queue =
            purpose.is_some_and(|purpose| is_text(purpose) && unquoted(purpose) == "acd");
        if is_queue && self.queue.is_none() {
            self.queue = Some([queue_id, name]);
        }
    }

    fn first_queue(self) -> [Option<&'a str>; 2] {
        let [id, name] = self.queue.unwrap_or_default();
        [id.or(self.any_queue_id), name]
    }
}

/// All participants' attributes in one object; the first value of a repeated key wins. A key that is not a valid string
/// (half a surrogate pair) is kept every time.
#[derive(Default)]
struct Attributes<'a> {
    /// The members; `None` until a participant has an attributes object.
    members: Option<String>,
    seen: HashSet<Cow<'a, str>>,
}

impl<'a> Attributes<'a> {
    fn add(&mut self, attributes: Option<&'a str>) {
        let Some(attributes) = attributes.filter(|attributes| is_object(attributes)) else {
            return;
        };
        let all = self.members.get_or_insert_default();
        for_each_member(attributes, |key, value| {
            if decode_string(key).is_none_or(|key| self.seen.insert(key)) {
                let comma = if all.is_empty() { "" } else { "," };
                all.extend([comma, key, ":", value]);
            }
        });
    }

    fn merged(self) -> Option<Cow<'a, str>> {
        self.members.map(|members| format!("{{{members}}}").into())
    }
}

impl<'a> Row<'a> {
    /// The fields that every gateway names alike.
    fn of_gateway(record: &'a str) -> Self {
        let [interaction_id, conversation_id] =
            member_values(record, ["interactionId", "conversationId"]);
        let [queue_id, queue_name, attributes] =
            member_values(record, ["queueId", "queueName", "attributes"]);
        let [wrap_up_code, wrap_up_name] = member_values(record, ["wrapUpCode", "wrapUpName"]);
        Self {
            interaction_id: interaction_id
                .filter(|id| is_id(id))
                .or(conversation_id.filter(|id| is_id(id))),
            queue_id,
            queue_name,
            wrap_up_code,
            wrap_up_name,
            attributes: attributes
                .filter(|attributes| is_object(attributes))
                .map(Cow::Borrowed),
            ..Self::default()
        }
    }

    /// Writes the row. Writes nothing for a record without a start, which is rejected.
    fn write(
        &self,
        id: Option<&str>,
        start: Option<&str>,
        rules: &PageRules<'_>,
        out: &mut String,
    ) {
        let Some(start) = start.and_then(parse_millis) else {
            return;
        };
        let end = self.end.and_then(parse_millis);
        let id = id_json(id);
        let interaction_id = self
            .interaction_id
            .map_or_else(|| id.clone(), |id| id_json(Some(id)));
        out.push('{');
        write_field(out, "recordId", &id);
        write_field(out, "interactionId", &interaction_id);
        write_field(out, "channelType", &format!("\"{}\"", self.channel));
        write_field(out, "startTime", &start.to_string());
        write_field(out, "endTime", &number_json(end));
        write_field(out, "durationMs", &number_json(end.map(|end| end - start)));
        write_field(
            out,
            "participantCount",
            &number_json(self.participant_count),
        );
        let (queue_id, wrap_up_code) = (only_text(self.queue_id), only_text(self.wrap_up_code));
        let names = rules.names;
        // Names in the record take precedence: they are the names at the time.
        let queue_name = only_text(self.queue_name).or_else(|| names?.queue(queue_id?));
        let wrap_up_name =
            only_text(self.wrap_up_name).or_else(|| names?.wrap_up_code(wrap_up_code?));
        write_field(out, "queueId", queue_id.unwrap_or(NULL));
        write_field(out, "queueName", queue_name.unwrap_or(NULL));
        write_field(out, "wrapUpCode", wrap_up_code.unwrap_or(NULL));
        write_field(out, "wrapUpName", wrap_up_name.unwrap_or(NULL));
        write_field(
            out,
            "attributes",
            self.attributes.as_deref().unwrap_or(NULL),
        );
        let at = rules.planned_at.as_millisecond();
        write_field(out, "normalizedAt", &at.to_string());
        out.push('}');
    }
}

const NULL: &str = "null";

fn write_field(out: &mut String, key: &str, value: &str) {
    push_comma(out);
    let _ = write!(out, "\"{key}\":{value}");
}

/// The id as a JSON string, even if it is a number in the record.
fn id_json(id: Option<&str>) -> String {
    match id {
        Some(id) if is_text(id) => id.to_owned(),
        Some(id) if is_id(id) => format!("\"{id}\""),
        _ => NULL.to_owned(),
    }
}

fn is_id(value: &str) -> bool {
    is_text(value) || value.parse::<f64>().is_ok()
}

fn number_json(value: Option<i64>) -> String {
    value.map_or_else(|| NULL.to_owned(), |value| value.to_string())
}

fn only_text(value: Option<&str>) -> Option<&str> {
    value.filter(|value| is_text(value))
}

fn is_text(value: &str) -> bool {
    value.starts_with('"')
}

/// Whole milliseconds since 1970.
fn parse_millis(value: &str) -> Option<i64> {
    let moment: Timestamp = is_text(value).then(|| unquoted(value))?.parse().ok()?;
    Some(truncate_to_millis(moment).as_millisecond())
}

fn count_elements(participants: &str) -> Option<i64> {
    let mut count = 0;
    for_each_element(participants, |_| count += 1);
    is_array(participants).then_some(count)
}

/// The channel of the first word that names one.
fn first_channel<const N: usize>(words: [Option<&str>; N]) -> Channel {
    words
        .into_iter()
        .flatten()
        .fold(Channel::Unknown, |known, word| {
            let named = if is_text(word) {
                Channel::of(&unquoted(word))
            } else {
                Channel::Unknown
            };
            known.or(named)
        })
}

#[cfg(test)]
mod tests {
    use genesys_simulator::{Settings, Truth};
    use serde_json::Value;

    use super::super::{Names, Projection, RecordShape};
    use super::*;

    const RULES: PageRules<'_> = PageRules {
        shape: RecordShape::Analytics,
        projection: Projection::Normalized,
        membership: None,
        planned_at: Timestamp::UNIX_EPOCH,
        known: None,
        names: None,
        redactor: None,
    };

    fn row(project: impl Fn(&str, &mut String), record: &str) -> String {
        let mut line = String::new();
        project(record, &mut line);
        line
    }

    fn conversation_row(record: &str) -> String {
        row(
            |record, line| _ = write_analytics(record, &RULES, line),
            record,
        )
    }

    fn entity_row(record: &str) -> String {
        row(
            |record, line| _ = write_gateway(record, &RULES, line),
            record,
        )
    }

    #[test]
    fn a_web_messaging_conversation_becomes_this_row() {
        insta::assert_snapshot!(conversation_row(include_str!("examples/webmessaging.json")), @r#"{"recordId":"00001001-0000-4000-8000-000000001001","interactionId":"00001001-0000-4000-8000-000000001001","channelType":"WEBCHAT","startTime":1772460190112,"endTime":1772461304907,"durationMs":1114795,"participantCount":4,"queueId":"00000051-0000-4000-8000-000000000051","queueName":"Web Support","wrapUpCode":"000000c1-0000-4000-8000-0000000000c1","wrapUpName":null,"attributes":{"context.customField1Label":"Order number","context.customField1":"A-10442","context.genesys.legacyRoutingTargetQueueAddress":"Web Support"},"normalizedAt":0}"#);
    }

    #[test]
    fn a_call_becomes_this_row() {
        insta::assert_snapshot!(conversation_row(include_str!("examples/voice.json")), @r#"{"recordId":"00002001-0000-4000-8000-000000002001","interactionId":"00002001-0000-4000-8000-000000002001","channelType":"VOICE","startTime":1772463600017,"endTime":1772463992641,"durationMs":392624,"participantCount":4,"queueId":"00000051-0000-4000-8000-000000000051","queueName":"Billing","wrapUpCode":"000000c1-0000-4000-8000-0000000000c1","wrapUpName":null,"attributes":{"ivr.Skills":"billing","AccountTier":"gold"},"normalizedAt":0}"#);
    }

    #[test]
    fn an_entity_of_a_gateway_becomes_this_row() {
        let record = r#"{"id":17,"interactionId":"i-4","channelType":"WEBCHAT","startTime":"2026-03-02T14:00:00Z",
            "endTime":"2026-03-02T14:10:00.5Z","participants":[{"id":1},{"id":2}],"queueName":"Support","wrapUpCode":"done",
            "attributes":{"order":"A-1"}}"#;

        insta::assert_snapshot!(entity_row(record), @r#"{"recordId":"17","interactionId":"i-4","channelType":"WEBCHAT","startTime":1772460000000,"endTime":1772460600500,"durationMs":600500,"participantCount":2,"queueId":null,"queueName":"Support","wrapUpCode":"done","wrapUpName":null,"attributes":{"order":"A-1"},"normalizedAt":0}"#);
    }

    #[test]
    fn an_entity_of_a_history_gateway_becomes_this_row() {
        let row = |shape, record: &str| {
            let fields = IdentityFields::read(record, shape);
            row(
                |record, line| write_entity(record, fields, &RULES, line),
                record,
            )
        };
        let contract = r#"{"id":"e-1","interactionId":"i-4","channelType":"social","startTimestamp":"2026-03-02T14:00:00Z",
            "endTimestamp":"2026-03-02T14:10:00.5Z","participantCount":3,"queueName":"Support","wrapUpCode":"done",
            "attributes":{"order":"A-1"}}"#;
        let others = r#"{"id":17,"channelType":"voice","startTime":"2026-03-02T14:00:00Z","endTime":null,"participants":[{},{}]}"#;

        insta::assert_snapshot!(row(RecordShape::EntityByInteraction, contract), @r#"{"recordId":"i-4","interactionId":"i-4","channelType":"SOCIAL_MEDIA","startTime":1772460000000,"endTime":1772460600500,"durationMs":600500,"participantCount":3,"queueId":null,"queueName":"Support","wrapUpCode":"done","wrapUpName":null,"attributes":{"order":"A-1"},"normalizedAt":0}"#);
        insta::assert_snapshot!(row(RecordShape::EntityById, contract), @r#"{"recordId":"e-1","interactionId":"i-4","channelType":"SOCIAL_MEDIA","startTime":1772460000000,"endTime":1772460600500,"durationMs":600500,"participantCount":3,"queueId":null,"queueName":"Support","wrapUpCode":"done","wrapUpName":null,"attributes":{"order":"A-1"},"normalizedAt":0}"#);
        insta::assert_snapshot!(row(RecordShape::EntityById, others), @r#"{"recordId":"17","interactionId":"17","channelType":"VOICE","startTime":1772460000000,"endTime":null,"durationMs":null,"participantCount":2,"queueId":null,"queueName":null,"wrapUpCode":null,"wrapUpName":null,"attributes":null,"normalizedAt":0}"#);
        let conversation = include_str!("examples/voice.json");
        assert_eq!(
            row(RecordShape::EntityById, conversation),
            conversation_row(conversation)
        );
    }

    #[test]
    fn absent_or_malformed_fields_are_null() {
        let bare = r#"{"conversationId":"c","conversationStart":"2026-03-02T14:00:00Z"}"#;
        let odd = r#"{"conversationId":"c","conversationStart":"2026-03-02T14:00:00Z","conversationEnd":7,"participants":"none"}"#;
        let odd_entity = r#"{"id":"e","startTime":"2026-03-02T14:00:00Z","endTime":"soon","queueName":{},"wrapUpCode":9,"attributes":[1],"type":4}"#;

        let rows = [
            conversation_row(bare),
            conversation_row(odd),
            entity_row(odd_entity),
        ];

        insta::assert_snapshot!(rows.join("\n"), @r#"
        {"recordId":"c","interactionId":"c","channelType":"UNKNOWN","startTime":1772460000000,"endTime":null,"durationMs":null,"participantCount":null,"queueId":null,"queueName":null,"wrapUpCode":null,"wrapUpName":null,"attributes":null,"normalizedAt":0}
        {"recordId":"c","interactionId":"c","channelType":"UNKNOWN","startTime":1772460000000,"endTime":null,"durationMs":null,"participantCount":null,"queueId":null,"queueName":null,"wrapUpCode":null,"wrapUpName":null,"attributes":null,"normalizedAt":0}
        {"recordId":"e","interactionId":"e","channelType":"UNKNOWN","startTime":1772460000000,"endTime":null,"durationMs":null,"participantCount":null,"queueId":null,"queueName":null,"wrapUpCode":null,"wrapUpName":null,"attributes":null,"normalizedAt":0}
        "#);
    }

    #[test]
    fn the_first_queue_and_the_last_wrap_up_code_are_used() {
        let record = r#"{"conversationId":"c","conversationStart":"2026-03-02T14:00:00Z","participants":[
            {"purpose":"customer","sessions":[{"mediaType":"voice","segments":[{"queueId":"q2"}]}],"attributes":{"a":"1"}},
            {"purpose":"acd","participantName":"First","sessions":[{"segments":[{},{"queueId":"q1"}]}]},
            {"purpose":"acd","participantName":"Second","sessions":[{"segments":[{"queueId":"q2"}]}]},
            {"purpose":"agent","sessions":[{"segments":[{"wrapUpCode":"w1"},{"wrapUpCode":"w2"},{"wrapUpCode":null}]}],"attributes":{"a":"2","b":"3"}}]}"#;

        let row: Value = serde_json::from_str(&conversation_row(record)).unwrap();

        assert_eq!(
            (&row["queueId"], &row["queueName"]),
            (&"q1".into(), &"First".into())
        );
        assert_eq!(row["wrapUpCode"], "w2");
        assert_eq!(row["attributes"], serde_json::json!({"a": "1", "b": "3"}));
    }

    #[test]
    fn attributes_with_lone_surrogates_in_their_keys_are_all_kept() {
        let record = r#"{"conversationId":"c","conversationStart":"2026-03-02T14:00:00Z","participants":[
            {"attributes":{"\ud800":1,"\udc00":2,"":3,"a":4}},{"attributes":{"\ud800":5,"":6,"a":7}}]}"#;

        let row = conversation_row(record);

        assert!(
            row.contains(r#""attributes":{"\ud800":1,"\udc00":2,"":3,"a":4,"\ud800":5},"#),
            "{row}"
        );
    }

    #[test]
    fn names_are_looked_up_where_the_record_has_only_an_id() {
        let pair = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        let names = Names::new(
            [pair("q1", "Billing \"new\""), pair("q2", "Sales")],
            [pair("w1", "Solved")],
        );
        let rules = PageRules {
            names: Some(&names),
            ..RULES
        };
        let record = |acd: &str| {
            format!(
                r#"{{"conversationId":"c","conversationStart":"2026-03-02T14:00:00Z","participants":[
                {acd}{{"purpose":"agent","sessions":[{{"segments":[{{"queueId":"q1","wrapUpCode":"w1"}}]}}]}}]}}"#
            )
        };
        let read = |record: &str| -> Value {
            serde_json::from_str(&row(
                |record, line| _ = write_analytics(record, &rules, line),
                record,
            ))
            .unwrap()
        };

        let looked_up = read(&record(""));
        let given = read(&record(
            r#"{"purpose":"acd","participantName":"Billing, then"},"#,
        ));

        assert_eq!(looked_up["queueName"], "Billing \"new\"");
        assert_eq!(looked_up["wrapUpName"], "Solved");
        assert_eq!(given["queueName"], "Billing, then");
    }

    #[test]
    fn ten_thousand_records_become_rows_with_the_same_fields() {
        let truth = Truth::of(&Settings {
            conversations: 8_000,
            gateway_records: 2_000,
            spill: 0.0,
            ..Settings::default()
        });
        let conversations = truth
            .conversations
            .iter()
            .map(|it| conversation_row(&it.json));
        let entities = truth.gateway.iter().map(|it| entity_row(&it.json));

        let mut channels = std::collections::BTreeSet::new();
        let mut rows = 0;
        for line in conversations.chain(entities) {
            let mut row: std::collections::BTreeMap<String, Value> =
                serde_json::from_str(&line).unwrap();
            assert_eq!(row.len(), 13);
            let number = |name| row[name].as_i64();
            assert_eq!(
                number("durationMs"),
                number("endTime").map(|end| end - number("startTime").unwrap())
            );
            channels.insert(
                row.remove("channelType")
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
            rows += 1;
        }

        assert_eq!(rows, 10_000);
        insta::assert_snapshot!(channels.into_iter().collect::<Vec<_>>().join(" "), @"CHAT SMS SOCIAL_MEDIA UNKNOWN VOICE WEBCHAT");
    }
}
