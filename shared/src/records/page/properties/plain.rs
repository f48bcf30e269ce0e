//! A second implementation of the projections, simple and slow, as the reference.

use super::RecordShape;

/// A value with its source text.
#[derive(Clone)]
pub(super) struct Json<'a> {
    pub(super) text: &'a str,
    kind: Kind<'a>,
}

#[derive(Clone)]
enum Kind<'a> {
    /// Members with each key as written, including its quotes.
    Object(Vec<(&'a str, Json<'a>)>),
    Array(Vec<Json<'a>>),
    Scalar,
}

impl<'a> Json<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let (value, rest) = read_value(text);
        assert_eq!(rest.trim_ascii(), "");
        value
    }

    /// The value of the last member with this name.
    fn get(&self, name: &str) -> Option<&Self> {
        let Kind::Object(members) = &self.kind else {
            return None;
        };
        let encoded_name: Vec<u16> = name.encode_utf16().collect();
        members
            .iter()
            .rev()
            .find(|(key, _)| unescape(key) == encoded_name)
            .map(|(_, value)| value)
    }

    fn elements(&self) -> &[Self] {
        if let Kind::Array(elements) = &self.kind {
            elements
        } else {
            &[]
        }
    }

    fn non_null(&self) -> Option<&Self> {
        (self.text != "null").then_some(self)
    }

    /// The value without whitespace between tokens and without the members at these paths.
    pub(super) fn without(&self, paths: &[String]) -> String {
        self.without_at(paths, "")
    }

    fn without_at(&self, paths: &[String], path: &str) -> String {
        match &self.kind {
            Kind::Scalar => self.text.to_owned(),
            Kind::Array(elements) => {
                let elements: Vec<_> = elements
                    .iter()
                    .map(|e| e.without_at(paths, &format!("{path}[]")))
                    .collect();
                format!("[{}]", elements.join(","))
            }
            Kind::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| {
                        let name = String::from_utf16_lossy(&unescape(key));
                        (
                            key,
                            value,
                            format!("{path}.{name}").trim_start_matches('.').to_owned(),
                        )
                    })
                    .filter(|(_, _, path)| !paths.contains(path))
                    .map(|(key, value, path)| format!("{key}:{}", value.without_at(paths, &path)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

pub(super) fn minimal(record: &Json<'_>) -> String {
    let names = [
        "id",
        "type",
        "startTime",
        "endTime",
        "mediaType",
        "interactions",
    ];
    let fields = names.map(|name| (name, record.get(name)));
    with_participants(&fields, record, ["id", "type", "name"])
}

pub(super) fn minimal_of_analytics(record: &Json<'_>) -> String {
    let participants = record
        .get("participants")
        .map(Json::elements)
        .unwrap_or_default();
    let sessions = participants
        .iter()
        .filter_map(|p| p.get("sessions"))
        .flat_map(Json::elements);
    let leading = sessions
        .into_iter()
        .find(|s| s.get("mediaType").and_then(Json::non_null).is_some());
    let media_type = leading.and_then(|session| session.get("mediaType"));
    let message_type = leading.and_then(|session| session.get("messageType")?.non_null());
    let fields = [
        ("id", record.get("conversationId")),
        ("type", message_type.or(media_type)),
        ("startTime", record.get("conversationStart")),
        ("endTime", record.get("conversationEnd")),
        ("mediaType", media_type),
    ];
    with_participants(
        &fields,
        record,
        ["participantId", "purpose", "participantName"],
    )
}

/// The normalized row of a record, with `normalizedAt` 0.
pub(super) fn normalized(record: &Json<'_>, shape: RecordShape) -> String {
    let analytics = shape == RecordShape::Analytics;
    let [id, start, end] = if analytics {
        ["conversationId", "conversationStart", "conversationEnd"]
    } else {
        ["id", "startTime", "endTime"]
    };
    let id = id_text(record.get(id)).unwrap();
    let start = parse_millis(record.get(start)).unwrap();
    let end = parse_millis(record.get(end));
    let rest = if analytics {
        [
            vec![("interactionId", id.clone())],
            conversation_fields(record),
        ]
        .concat()
    } else {
        gateway_fields(record, &id)
    };
    let value = |name: &str| {
        let found = rest.iter().find(|(key, _)| *key == name);
        found.map_or("null".to_owned(), |(_, value)| value.clone())
    };
    let number = |number: Option<i128>| number.map_or("null".to_owned(), |it| it.to_string());
    let count = record.get("participants").and_then(|it| match &it.kind {
        Kind::Array(elements) => Some(elements.len() as i128),
        _ => None,
    });
    let fields = [
        ("recordId", id),
        ("interactionId", value("interactionId")),
        ("channelType", value("channelType")),
        ("startTime", start.to_string()),
        ("endTime", number(end)),
        ("durationMs", number(end.map(|end| end - start))),
        ("participantCount", number(count)),
        ("queueId", value("queueId")),
        ("queueName", value("queueName")),
        ("wrapUpCode", value("wrapUpCode")),
        ("wrapUpName", value("wrapUpName")),
        ("attributes", value("attributes")),
        ("normalizedAt", "0".to_owned()),
    ];
    let fields = fields.map(|(key, value)| format!("\"{key}\":{value}"));
    one_line(&format!("{{{}}}", fields.join(",")))
}

type Fields = Vec<(&'static str, String)>;

fn gateway_fields(record: &Json<'_>, id: &str) -> Fields {
    let words = ["channelType", "type", "messageType", "mediaType"].map(|name| record.get(name));
    let strings = ["queueId", "queueName", "wrapUpCode", "wrapUpName"];
    let mut fields: Fields = vec![("channelType", channel(&words))];
    fields.extend(
        strings
            .into_iter()
            .filter_map(|name| Some((name, string(record.get(name))?))),
    );
    let ids = ["interactionId", "conversationId"].map(|name| id_text(record.get(name)));
    let interaction = ids.into_iter().flatten().next();
    fields.push(("interactionId", interaction.unwrap_or(id.to_owned())));
    let attributes = record
        .get("attributes")
        .filter(|it| matches!(it.kind, Kind::Object(_)));
    fields.extend(attributes.map(|it| ("attributes", it.text.to_owned())));
    fields
}

fn conversation_fields(record: &Json<'_>) -> Fields {
    let participants = list(record, "participants");
    let sessions: Vec<_> = participants
        .iter()
        .flat_map(|it| list(it, "sessions"))
        .collect();
    let segments: Vec<_> = sessions
        .iter()
        .flat_map(|it| list(it, "segments"))
        .collect();
    let words: Vec<_> = sessions
        .iter()
        .flat_map(|it| [it.get("messageType"), it.get("mediaType")])
        .collect();
    let is_acd = |it: &&Json<'_>| {
        it.get("purpose")
            .is_some_and(|it| decoded_text(it) == "acd")
    };
    let acd = participants.iter().find(is_acd);
    let queue_of = |participant: &Json<'_>| {
        let mut segments = list(participant, "sessions")
            .into_iter()
            .flat_map(|it| list(&it, "segments"));
        segments.find_map(|it| string(it.get("queueId")))
    };
    let queue_id = acd
        .and_then(queue_of)
        .or_else(|| participants.iter().find_map(queue_of));
    let queue_name = acd.and_then(|it| string(it.get("participantName")));
    let wrap_up = segments
        .iter()
        .filter_map(|it| string(it.get("wrapUpCode")))
        .next_back();
    let mut fields: Fields = vec![("channelType", channel(&words))];
    fields.extend(queue_id.map(|it| ("queueId", it)));
    fields.extend(queue_name.map(|it| ("queueName", it)));
    fields.extend(wrap_up.map(|it| ("wrapUpCode", it)));
    fields.extend(attributes(&participants).map(|it| ("attributes", it)));
    fields
}

fn list<'a>(value: &Json<'a>, name: &str) -> Vec<Json<'a>> {
    value
        .get(name)
        .map(|it| it.elements().to_vec())
        .unwrap_or_default()
}

fn attributes(participants: &[Json<'_>]) -> Option<String> {
    let mut merged: Option<Vec<(String, String)>> = None;
    for participant in participants {
        let Some(Json {
            kind: Kind::Object(members),
            ..
        }) = participant.get("attributes")
        else {
            continue;
        };
        let merged = merged.get_or_insert_default();
        for (key, value) in members {
            let name = |key: &str| String::from_utf16(&unescape(key)).ok();
            let is_new = |name: Option<String>, key: &str| name.is_none_or(|it| it != key);
            let decoded_key = name(key);
            if decoded_key.is_none_or(|it| merged.iter().all(|(known, _)| is_new(name(known), &it)))
            {
                merged.push(((*key).to_owned(), value.text.to_owned()));
            }
        }
    }
    let members = merged?
        .into_iter()
        .map(|(key, value)| format!("{key}:{value}"));
    Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
}

fn channel(words: &[Option<&Json<'_>>]) -> String {
    let mut known =
        words
            .iter()
            .flatten()
            .map(|word| match decoded_text(word).to_lowercase().as_str() {
                "voice" => "VOICE",
                "sms" => "SMS",
                _ => "UNKNOWN",
            });
    format!(
        "\"{}\"",
        known.find(|it| *it != "UNKNOWN").unwrap_or("UNKNOWN")
    )
}

/// The decoded string, or an empty one for any other value.
fn decoded_text(value: &Json<'_>) -> String {
    match value.text.strip_prefix('"') {
        Some(_) => String::from_utf16(&unescape(value.text)).unwrap_or_default(),
        None => String::new(),
    }
}

fn string(value: Option<&Json<'_>>) -> Option<String> {
    value
        .filter(|it| it.text.starts_with('"'))
        .map(|it| it.text.to_owned())
}

fn id_text(value: Option<&Json<'_>>) -> Option<String> {
    let number = |it: &&Json<'_>| it.text.parse::<f64>().is_ok();
    string(value).or_else(|| Some(format!("\"{}\"", value.filter(number)?.text)))
}

/// Milliseconds since 1970.
fn parse_millis(value: Option<&Json<'_>>) -> Option<i128> {
    let moment: jiff::Timestamp = decoded_text(value?).parse().ok()?;
    Some(moment.as_nanosecond().div_euclid(1_000_000))
}

fn with_participants(
    fields: &[(&str, Option<&Json<'_>>)],
    record: &Json<'_>,
    names: [&str; 3],
) -> String {
    let participant = |value: &Json<'_>| {
        let [id, kind, name] = names.map(|name| value.get(name));
        match value.kind {
            Kind::Object(_) => {
                format!(
                    "{{{}}}",
                    member_texts(&[("id", id), ("type", kind), ("name", name)]).join(",")
                )
            }
            _ => value.text.to_owned(),
        }
    };
    let participants = match record.get("participants") {
        None => "[]".to_owned(),
        Some(Json {
            kind: Kind::Array(elements),
            ..
        }) => {
            format!(
                "[{}]",
                elements
                    .iter()
                    .map(participant)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        Some(other) => other.text.to_owned(),
    };
    let mut members = member_texts(fields);
    members.push(format!("\"participants\":{participants}"));
    one_line(&format!("{{{}}}", members.join(",")))
}

fn member_texts(fields: &[(&str, Option<&Json<'_>>)]) -> Vec<String> {
    let present = fields
        .iter()
        .filter_map(|(key, value)| Some((key, (*value)?)));
    present
        .map(|(key, value)| format!("\"{key}\":{}", value.text))
        .collect()
}

pub(super) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], "")
}

/// Whether the record has an id and a start.
pub(super) fn is_identified(record: &str, shape: RecordShape) -> bool {
    let record = Json::read(record);
    let (id, start) = match shape {
        RecordShape::Gateway | RecordShape::EntityByInteraction | RecordShape::EntityById => {
            ("id", "startTime")
        }
        RecordShape::Analytics | RecordShape::Transcript => ("conversationId", "conversationStart"),
        RecordShape::Normalized => ("recordId", "startTime"),
    };
    let number = |text: &str| text.parse::<i128>().is_ok();
    let is_id = |text: &str| match text.strip_prefix('"') {
        Some(_) => text != "\"\"" && String::from_utf16(&unescape(text)).is_ok(),
        None => shape == RecordShape::Gateway && number(text),
    };
    record.get(id).is_some_and(|id| is_id(id.text))
        && record
            .get(start)
            .is_some_and(|start| start.text.starts_with("\"2026-"))
}

fn read_value(text: &str) -> (Json<'_>, &str) {
    let text = text.trim_ascii_start();
    let (kind, rest) = match text.as_bytes()[0] {
        b'{' => {
            let (members, rest) = read_list(&text[1..], '}', read_member);
            (Kind::Object(members), rest)
        }
        b'[' => {
            let (elements, rest) = read_list(&text[1..], ']', read_value);
            (Kind::Array(elements), rest)
        }
        b'"' => (Kind::Scalar, &text[string_length(text)..]),
        _ => {
            let end = text.find(|c: char| ",]}".contains(c) || c.is_ascii_whitespace());
            (Kind::Scalar, &text[end.unwrap_or(text.len())..])
        }
    };
    (
        Json {
            text: &text[..text.len() - rest.len()],
            kind,
        },
        rest,
    )
}

fn read_member(text: &str) -> ((&str, Json<'_>), &str) {
    let text = text.trim_ascii_start();
    let (key, rest) = text.split_at(string_length(text));
    let (value, rest) = read_value(rest.trim_ascii_start().strip_prefix(':').unwrap());
    ((key, value), rest)
}

fn read_list<'a, T>(
    mut text: &'a str,
    close: char,
    read: impl Fn(&'a str) -> (T, &'a str),
) -> (Vec<T>, &'a str) {
    let mut items = Vec::new();
    loop {
        text = text.trim_ascii_start();
        if let Some(rest) = text.strip_prefix(close) {
            return (items, rest);
        }
        let (item, rest) = read(text.strip_prefix(',').unwrap_or(text));
        items.push(item);
        text = rest;
    }
}

/// Length in bytes of the string that `text` begins with, including both quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    panic!("a string without end")
}

/// The decoded string in UTF-16, including half surrogate pairs.
fn unescape(quoted: &str) -> Vec<u16> {
    let mut units = Vec::new();
    let mut letters = quoted[1..quoted.len() - 1].chars();
    while let Some(letter) = letters.next() {
        let decoded = match letter {
            '\\' => match letters.next().unwrap() {
                'u' => {
                    let digits: String = letters.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                    continue;
                }
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                other => other,
            },
            plain => plain,
        };
        units.extend_from_slice(decoded.encode_utf16(&mut [0; 2]));
    }
    units
}
