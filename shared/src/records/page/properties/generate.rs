//! JSON texts that a server could send: whitespace, escapes, repeated keys, numbers of any size.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Names with a meaning at some level of a record.
const NAMES: [&str; 34] = [
    "id",
    "type",
    "startTime",
    "endTime",
    "mediaType",
    "interactions",
    "participants",
    "name",
    "conversationId",
    "conversationStart",
    "conversationEnd",
    "participantId",
    "purpose",
    "participantName",
    "sessions",
    "messageType",
    "segments",
    "edgeId",
    "peerId",
    "mediaEndpointStats",
    "proposedAgents",
    "routingRing",
    "errorCode",
    "sipResponseCodes",
    "scoredAgents",
    "attributes",
    "queueId",
    "queueName",
    "wrapUpCode",
    "wrapUpName",
    "channelType",
    "interactionId",
    "idx",
    "",
];

/// Records of both shapes. Most are valid; some lack required fields or are not records.
pub(super) fn page() -> impl Strategy<Value = Vec<String>> {
    vec(prop_oneof![8 => record(), 1 => json()], 0..4)
}

/// Any JSON value.
pub(super) fn json() -> BoxedStrategy<String> {
    leaf()
        .prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                array(inner.clone()),
                object(vec(member(inner), 0..6).boxed())
            ]
        })
        .boxed()
}

fn record() -> BoxedStrategy<String> {
    let segment = object(vec(member(json()), 0..4).boxed());
    let media = || vec(field("mediaType", string()), 0..2);
    let session = object_with((vec(list("segments", segment), 0..2), media()));
    let participant = object_with((
        vec(list("sessions", session), 0..2),
        vec(field("name", string()), 0..2),
    ));
    let value = prop_oneof![json(), moment()];
    (
        vec(member(value.boxed()), 0..8),
        vec(list("participants", participant), 0..3),
        identity(),
    )
        .prop_map(|(mut members, participants, identity)| {
            members.extend(participants);
            members.extend(identity);
            members
        })
        .prop_shuffle()
        .prop_flat_map(|members| object(Just(members).boxed()))
        .boxed()
}

/// An object with the given members and others.
fn object_with(
    own: impl Strategy<Value = (Vec<String>, Vec<String>)> + 'static,
) -> BoxedStrategy<String> {
    let others = vec(member(prop_oneof![leaf(), json()].boxed()), 0..4);
    let members =
        (own, others).prop_map(|((first, second), others)| [first, second, others].concat());
    prop_oneof![9 => object(members.prop_shuffle().boxed()), 1 => json()].boxed()
}

fn field(name: &'static str, value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (key(name), value)
        .prop_map(|(key, value)| format!("{key}:{value}"))
        .boxed()
}

fn list(name: &'static str, inner: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (key(name), ws(), array(inner))
        .prop_map(|(key, ws, array)| format!("{key}{ws}:{array}"))
        .boxed()
}

/// The identifying fields of both shapes.
fn identity() -> BoxedStrategy<Vec<String>> {
    let id =
        || prop_oneof![4 => string(), 2 => Just("12345678901234567890123".to_owned()), 1 => leaf()];
    let start = || prop_oneof![8 => moment(), 1 => leaf()];
    (
        field("id", id().boxed()),
        field("startTime", start().boxed()),
        field("conversationId", id().boxed()),
        field("conversationStart", start().boxed()),
    )
        .prop_map(|(id, start, other_id, other_start)| vec![id, start, other_id, other_start])
        .boxed()
}

fn moment() -> BoxedStrategy<String> {
    select(vec![
        r#""2026-03-02T14:03:10.112Z""#,
        r#""2026-03-02T14:03:10Z""#,
        r#""2026-03-02T14:03:10.1120001+01:00""#,
        r#""2026-03-02\u005414:03:10Z""#,
    ])
    .prop_map(str::to_owned)
    .boxed()
}

fn array(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (vec(inner, 0..5), ws())
        .prop_map(|(elements, ws)| format!("[{ws}{}{ws}]", elements.join(&format!("{ws},{ws}"))))
}

fn object(members: BoxedStrategy<Vec<String>>) -> BoxedStrategy<String> {
    (members, ws())
        .prop_map(|(members, ws)| format!("{{{ws}{}{ws}}}", members.join(&format!(",{ws}"))))
        .boxed()
}

fn member(value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let known = select(NAMES.to_vec()).prop_flat_map(key);
    (prop_oneof![4 => known, 1 => string()], ws(), value)
        .prop_map(|(key, ws, value)| format!("{key}{ws}:{ws}{value}"))
        .boxed()
}

/// A key that decodes to `name`, with some of its letters escaped.
fn key(name: &'static str) -> impl Strategy<Value = String> {
    vec(prop::bool::weighted(0.03), name.len()).prop_map(move |escaped| {
        let letter = |(letter, escaped): (char, bool)| {
            if escaped {
                format!("\\u{:04X}", u32::from(letter))
            } else {
                letter.to_string()
            }
        };
        format!(
            "\"{}\"",
            name.chars().zip(escaped).map(letter).collect::<String>()
        )
    })
}

fn leaf() -> BoxedStrategy<String> {
    let word = select(vec![
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1.0",
        "1E+2",
        "1e400",
        "-1e-400",
        "0.1e1",
        "12345678901234567890.123",
        "123456789012345678901234567890",
        "[]",
        "{}",
        "\"\"",
    ]);
    prop_oneof![2 => word.prop_map(str::to_owned), 1 => string()].boxed()
}

fn string() -> BoxedStrategy<String> {
    let piece = select(vec![
        "a",
        "Z",
        " ",
        "/",
        "é",
        "日本",
        "😀",
        "\u{2028}",
        "\u{7f}",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        r"\n",
        r"\r",
        r"\t",
        r"\\",
        r#"\""#,
        r"\/",
        r"\b",
        r"\f",
        r"\u0041",
        r"\u000a",
        r"\ud83d\ude00",
        r"\ud800",
        r"\uDFFF",
        "id",
        "acd",
        "sms",
        "voice",
    ]);
    vec(piece, 0..6)
        .prop_map(|pieces| format!("\"{}\"", pieces.concat()))
        .boxed()
}

fn ws() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\n"), 1 => Just("\r\n\t")]
        .prop_map(str::to_owned)
}
