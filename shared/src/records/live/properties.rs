//! Identity and encoding depend on the frames alone: not on how they are written, in which order they arrive, or how
//! often.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::canonical;
use super::*;
use crate::base::hash::Sha256;
use crate::base::json::JsonText;
use crate::records::page::page_text;
use crate::records::redaction::{Redactor, Rules};

const ARRIVAL: Timestamp = Timestamp::UNIX_EPOCH;

/// Any value, with texts that are and are not personal.
fn value() -> BoxedStrategy<Value> {
    let text = prop_oneof![
        "[a-z\"\\\\\u{e9}\n\u{0}]{0,6}",
        Just("mary.roe@example.com".to_owned()),
        Just("call +4915123456789".to_owned()),
    ];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let name = prop_oneof![
        "[a-c\"\u{e9}]{0,2}",
        Just("words".to_owned()),
        Just("transcript".to_owned())
    ];
    scalar
        .prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                vec((name.clone(), inner), 0..4).prop_map(|members| members.into_iter().collect()),
            ]
        })
        .boxed()
}

/// The bodies of frames.
fn body() -> BoxedStrategy<Value> {
    let times = prop_oneof![Just(Value::Null), (0..4_i64).prop_map(Value::from)];
    let ids = prop_oneof![
        Just("0f8fad5b-d9cb-469f-a165-70867728950e"),
        Just("1f8fad5b-d9cb-469f-a165-70867728950e"),
        Just("4111111111111111"),
    ];
    (times, ids, value())
        .prop_map(|(time, id, other)| {
            serde_json::json!({"eventTime": time, "conversationId": id, "other": other})
        })
        .boxed()
}

fn frame_text(body: &str) -> String {
    format!(
        r#"{{"topicName":"v2.detail.events.conversation.a.acw","version":"2","eventBody":{body}}}"#
    )
}

fn stored(text: &str) -> StoredFrame {
    let redactor = Redactor::new(Rules::default());
    Frame::of_socket(text, ARRIVAL).unwrap().redacted(&redactor)
}

/// Writes a value with its members in reverse order, white space between all tokens, and every letter escaped.
fn written_differently(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().rev().map(|(name, value)| {
                format!("\t{} :\r\n{}", escaped(name), written_differently(value))
            });
            format!("{{ {} }}", members.collect::<Vec<_>>().join(" , "))
        }
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(written_differently).collect();
            format!("[\n{}\n]", elements.join(" ,"))
        }
        Value::String(text) => escaped(text),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
    format!("\"{}\"", units.collect::<String>())
}

/// The text of an encoded batch: its lines, its index and its counts.
fn encoded(frames: impl IntoIterator<Item = StoredFrame>) -> (String, String, FrameCounts) {
    let mut batch = Batch::default();
    frames.into_iter().for_each(|frame| batch.add(frame));
    let batch = batch.encode();
    let frames = batch.frames.unwrap();
    let text = |object: &[u8]| page_text(object).unwrap();
    (text(&frames.object), text(&frames.index), batch.counts)
}

fn place(number: u64) -> usize {
    number.try_into().unwrap()
}

fn identities(lines: &str) -> BTreeSet<Sha256> {
    let identity = |line| {
        serde_json::from_str::<FrameLine<'_>>(line)
            .unwrap()
            .identity
    };
    lines.lines().map(identity).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn order_of_members_white_space_and_escapes_do_not_change_a_line(body in body()) {
        let one = stored(&frame_text(&body.to_string()));
        let other = stored(&frame_text(&written_differently(&body)));

        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_redacted_body_is_canonical_and_its_identity_fits(body in body()) {
        let frame = stored(&frame_text(&body.to_string()));

        let line: FrameLine<'_> = serde_json::from_str(&frame.line).unwrap();

        prop_assert_eq!(line.identity, line.expected_identity());
        let again = canonical::Value::read(JsonText::of(line.event_body)).unwrap().canonical();
        prop_assert_eq!(again.get(), line.event_body.get());
        prop_assert!(!frame.line.contains("mary.roe"));
    }

    #[test]
    fn order_and_repeats_do_not_change_the_stored_bytes(
        bodies in vec(body(), 1..8), order in any::<prop::sample::Index>(), repeats in 1..3_usize,
    ) {
        let frames: Vec<_> = bodies.iter().map(|body| stored(&frame_text(&body.to_string()))).collect();
        let mut moved = vec![frames.clone(); repeats].concat();
        moved.rotate_left(order.index(frames.len()));
        moved.reverse();

        let (lines, index, counts) = encoded(frames.clone());
        let (moved_lines, moved_index, moved_counts) = encoded(moved);

        prop_assert_eq!((&lines, index), (&moved_lines, moved_index));
        prop_assert_eq!(counts.stored, moved_counts.stored);
        prop_assert_eq!(moved_counts.received, (repeats * frames.len()) as u64);
        prop_assert_eq!(moved_counts.stored + moved_counts.repeated, moved_counts.received);
    }

    #[test]
    fn any_split_of_the_frames_holds_the_same_identities(
        bodies in vec(body(), 2..8), cut in any::<prop::sample::Index>(), overlap in 0..3_usize,
    ) {
        let frames: Vec<_> = bodies.iter().map(|body| stored(&frame_text(&body.to_string()))).collect();
        let cut = 1 + cut.index(frames.len() - 1);

        let (whole, ..) = encoded(frames.clone());
        let (first, ..) = encoded(frames[..cut].to_vec());
        let (second, ..) = encoded(frames[cut.saturating_sub(overlap)..].to_vec());

        prop_assert_eq!(identities(&whole), &identities(&first) | &identities(&second));
    }

    #[test]
    fn each_index_entry_locates_its_line(bodies in vec(body(), 1..8)) {
        let mut batch = Batch::default();
        for body in bodies {
            batch.add(stored(&frame_text(&body.to_string())));
        }
        let frames = batch.encode().frames.unwrap();
        let lines = page_text(&frames.object).unwrap();
        let mut count = 0;
        for entry in read_frame_index(&frames.index).map(Result::unwrap) {
            let (from, length) = (place(entry.offset), place(entry.length));
            let line: FrameLine<'_> = serde_json::from_str(&lines[from..from + length]).unwrap();
            prop_assert_eq!((line.identity, line.event_time), (entry.identity, entry.event_time));
            prop_assert_eq!(line.conversation_id, entry.conversation_id);
            prop_assert_eq!(&lines[from + length..=from + length], "\n");
            count += 1;
        }
        prop_assert_eq!(count, lines.lines().count());
    }

    #[test]
    fn any_text_is_a_frame_or_is_quarantined_without_a_panic(
        text in r#"([{}\[\]",:\\ a1]|"words"|"topicName":"t"|"eventBody":|"detail":|"type":"t"|\u{e9}){0,24}"#,
    ) {
        let redactor = Redactor::new(Rules::default());
        let received = [
            Frame::of_event(&text, ARRIVAL),
            Frame::of_socket(&text, ARRIVAL),
            Frame::of_direct_event(&text, ARRIVAL),
            Frame::of_reconstructed(&text, ARRIVAL),
        ];
        for received in received {
            match received {
                Ok(frame) => {
                    let line = frame.redacted(&redactor).line;
                    prop_assert!(serde_json::from_str::<&RawValue>(&line).is_ok());
                }
                Err(problem) => _ = Quarantined::new(problem, &text, &redactor),
            }
        }
    }
}
