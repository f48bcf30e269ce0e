//! Tests of the reconstruction.

use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_452_700 + second).unwrap()
}

/// An event of the conversation with this id, that happened and arrived at `second`.
fn event(id: &str, kind: &str, data: &str, second: i64) -> String {
    let timestamp = at(second);
    format!(
        r#"{{"conversationId":"{id}","type":"{kind}","data":{data},"timestamp":"{timestamp}"}}"#
    )
}

fn small() -> ReconstructionLimits {
    ReconstructionLimits {
        conversations: NonZeroUsize::new(2).unwrap(),
        bytes: 4_000,
        conversation_bytes: 1_500,
    }
}

/// Receives the events in this order, one a second.
fn receive(
    reconstruction: &mut Reconstruction,
    events: &[String],
) -> Vec<ReconstructedConversation> {
    let received = (0..).zip(events);
    received
        .flat_map(|(second, event)| reconstruction.receive(event, at(second)).unwrap())
        .collect()
}

fn forget_all(reconstruction: &mut Reconstruction) -> Vec<ReconstructedConversation> {
    std::iter::from_fn(|| reconstruction.forget_idlest())
        .flatten()
        .collect()
}

fn versions(emitted: &[ReconstructedConversation]) -> Vec<(&str, u32, ConversationState)> {
    let version = |it: &'_ ReconstructedConversation| (it.version, it.state);
    emitted
        .iter()
        .map(|it| (&*it.conversation_id, version(it).0, version(it).1))
        .collect()
}

#[test]
fn an_ended_conversation_holds_all_that_its_events_say() {
    let mut reconstruction = Reconstruction::default();
    let events = [
        event("c", "statusChange", r#"{"status":"active"}"#, 0),
        event(
            "c",
            "participants",
            r#"[{"id":"p2"},{"id":"p1","name":"a"}]"#,
            1,
        ),
        event("c", "transcript", r#"{"id":"u2","text":"fine"}"#, 3),
        event("c", "transcript", r#"{"id":"u1","text":"hello"}"#, 2),
        event("c", "metadata", r#"{"queue":"q1","vip":true}"#, 4),
        event("c", "metadata", r#"{"queue":"q2"}"#, 5),
        event("c", "participants", r#"{"id":"p1","name":"b"}"#, 6),
        event("c", "statusChange", r#""ended""#, 7),
    ];

    let emitted = receive(&mut reconstruction, &events);

    assert_eq!(versions(&emitted), [("c", 1, ConversationState::Ended)]);
    insta::assert_snapshot!(emitted[0].body, @r#"{"conversationId":"c","version":1,"state":"ended","status":"ended","participants":[{"id":"p1","name":"b"},{"id":"p2"}],"transcripts":[{"id":"u1","text":"hello"},{"id":"u2","text":"fine"}],"metadata":{"queue":"q2","vip":true},"lastUpdate":"2026-03-02T11:58:27.000Z"}"#);
}

#[test]
fn a_repeated_end_emits_a_conversation_once() {
    let mut reconstruction = Reconstruction::default();
    let end = event("c", "statusChange", r#""completed""#, 5);
    let older = event("c", "statusChange", r#""active""#, 1);

    let emitted = receive(&mut reconstruction, &[end.clone(), end.clone(), older, end]);

    assert_eq!(versions(&emitted), [("c", 1, ConversationState::Ended)]);
    assert_eq!(reconstruction.settle(at(1_000)), []);
    assert_eq!(forget_all(&mut reconstruction), []);
}

#[test]
fn a_conversation_that_goes_on_after_its_end_has_a_new_version() {
    let mut reconstruction = Reconstruction::default();
    let events = [
        event("c", "transcript", r#"{"id":"u1"}"#, 0),
        event("c", "statusChange", r#""ended""#, 1),
        event("c", "statusChange", r#""active""#, 2),
        event("c", "transcript", r#"{"id":"u2"}"#, 3),
        event("c", "statusChange", r#""ended""#, 4),
    ];

    let emitted = receive(&mut reconstruction, &events);

    let ended = ConversationState::Ended;
    assert_eq!(versions(&emitted), [("c", 1, ended), ("c", 2, ended)]);
    assert!(
        emitted[1]
            .body
            .contains(r#""transcripts":[{"id":"u1"},{"id":"u2"}]"#)
    );
}

#[test]
fn events_after_the_end_are_emitted_together_once_they_cease() {
    let mut reconstruction = Reconstruction::default();
    let events = [
        event("c", "statusChange", r#""ended""#, 9),
        event("c", "transcript", r#"{"id":"u1"}"#, 3),
        event("c", "transcript", r#"{"id":"u2"}"#, 4),
    ];

    let emitted = receive(&mut reconstruction, &events);

    assert_eq!(emitted.len(), 1);
    // The last event arrived in second 2.
    assert_eq!(reconstruction.settle(at(61)), []);
    let settled = reconstruction.settle(at(62));
    assert_eq!(versions(&settled), [("c", 2, ConversationState::Ended)]);
    assert_eq!(reconstruction.settle(at(1_000)), []);
}

#[test]
fn a_late_conversation_that_goes_on_is_not_settled() {
    let mut reconstruction = Reconstruction::default();
    let events = [
        event("c", "statusChange", r#""ended""#, 9),
        event("c", "transcript", r#"{"id":"u1"}"#, 3),
        event("c", "statusChange", r#""active""#, 10),
    ];

    receive(&mut reconstruction, &events);

    assert_eq!(reconstruction.settle(at(1_000)), []);
    let partial = forget_all(&mut reconstruction);
    assert_eq!(versions(&partial), [("c", 2, ConversationState::Partial)]);
}

#[test]
fn the_idlest_conversation_is_emitted_as_partial_beyond_the_limit() {
    let mut reconstruction = Reconstruction::new(small());
    let events = ["a", "b", "a", "c", "b"]
        .map(|id| event(id, "transcript", &format!(r#"{{"id":"{id}"}}"#), 0));

    let emitted = receive(&mut reconstruction, &events);

    let partial = ConversationState::Partial;
    assert_eq!(versions(&emitted), [("b", 1, partial), ("a", 1, partial)]);
    assert_eq!(reconstruction.len(), 2);
    let rest = forget_all(&mut reconstruction);
    assert_eq!(versions(&rest), [("c", 1, partial), ("b", 2, partial)]);
}

#[test]
fn an_emitted_conversation_is_forgotten_without_another_version() {
    let mut reconstruction = Reconstruction::new(small());
    let events = ["a", "b", "c"].map(|id| event(id, "statusChange", r#""ended""#, 0));

    let emitted = receive(&mut reconstruction, &events);

    assert_eq!(emitted.len(), 3);
    assert_eq!(
        (reconstruction.len(), forget_all(&mut reconstruction)),
        (2, vec![])
    );
}

#[test]
fn a_conversation_over_its_own_limit_is_emitted_and_begins_again() {
    let mut reconstruction = Reconstruction::new(small());
    let part = |number: usize| {
        let data = format!(r#"{{"id":"{number}","text":"{}"}}"#, "x".repeat(600));
        event("a", "transcript", &data, 0)
    };

    let emitted = receive(&mut reconstruction, &[part(1), part(2), part(3)]);

    assert_eq!(versions(&emitted), [("a", 1, ConversationState::Partial)]);
    assert!(emitted[0].body.contains(r#""id":"1""#) && emitted[0].body.contains(r#""id":"2""#));
    let rest = forget_all(&mut reconstruction);
    assert_eq!(versions(&rest), [("a", 2, ConversationState::Partial)]);
    assert_eq!(reconstruction.bytes(), 0);
}

#[test]
fn debug_output_of_a_conversation_hides_its_body() {
    let mut reconstruction = Reconstruction::default();
    receive(
        &mut reconstruction,
        &[event("c", "metadata", r#"{"a":"Mary"}"#, 0)],
    );

    let partial = forget_all(&mut reconstruction);

    assert!(partial[0].body.contains("Mary") && !format!("{partial:?}").contains("Mary"));
}

/// Events of a few conversations that contradict each other.
fn events() -> impl Strategy<Value = Vec<String>> {
    let data = prop_oneof![
        prop::sample::select(vec!["active", "ended", "completed", "zombie"])
            .prop_map(|status| ("statusChange", format!("\"{status}\""))),
        (0..3, 0..3)
            .prop_map(|(id, name)| ("participants", format!(r#"[{{"id":{id},"n":{name}}}]"#))),
        (0..3, 0..3)
            .prop_map(|(id, text)| ("transcript", format!(r#"{{"id":"{id}","t":{text}}}"#))),
        (0..3, 0..9_i64).prop_map(|(id, second)| {
            (
                "transcript",
                format!(r#"{{"id":"{id}","timestamp":"{}"}}"#, at(second)),
            )
        }),
        (0..3).prop_map(|text| ("transcript", format!(r#"{{"t":"{text}"}}"#))),
        ("[ab]", 0..3).prop_map(|(name, value)| ("metadata", format!(r#"{{"{name}":{value}}}"#))),
        Just(("typing", "{}".to_owned())),
    ];
    let events = ("[abc]", data, 0..9_i64)
        .prop_map(|(id, (kind, data), second)| event(&id, kind, &data, second));
    prop::collection::vec(events, 1..30)
}

/// The latest version of each conversation, without its number.
fn latest_bodies(
    emitted: Vec<ReconstructedConversation>,
) -> std::collections::BTreeMap<String, String> {
    emitted
        .into_iter()
        .map(|it| {
            let version = format!(r#""version":{},"#, it.version);
            (it.conversation_id, it.body.replacen(&version, "", 1))
        })
        .collect()
}

fn reconstruct(events: &[String]) -> std::collections::BTreeMap<String, String> {
    let mut reconstruction = Reconstruction::default();
    let mut emitted = receive(&mut reconstruction, events);
    emitted.extend(forget_all(&mut reconstruction));
    latest_bodies(emitted)
}

proptest! {
    #[test]
    fn the_result_does_not_depend_on_order_and_repetition(
        (sent, received) in events().prop_flat_map(|sent| {
            let repeated = [sent.clone(), sent.clone()].concat();
            (Just(sent), Just(repeated).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(reconstruct(&received), reconstruct(&sent));
    }

    #[test]
    fn repeated_events_emit_nothing_and_versions_are_counted(sent in events()) {
        let mut reconstruction = Reconstruction::default();

        let mut emitted = receive(&mut reconstruction, &sent);
        let again = receive(&mut reconstruction, &sent);
        emitted.extend(reconstruction.settle(at(1_000)));
        emitted.extend(forget_all(&mut reconstruction));

        prop_assert_eq!(again, []);
        let mut last = std::collections::HashMap::new();
        for conversation in emitted {
            let number = last.entry(conversation.conversation_id).or_insert(0);
            *number += 1;
            prop_assert_eq!(conversation.version, *number);
        }
    }

    #[test]
    fn memory_stays_within_the_limits_and_is_counted(sent in events(), size in 0..900_usize) {
        let mut reconstruction = Reconstruction::new(small());
        let large = event("d", "metadata", &format!(r#"{{"a":"{}"}}"#, "x".repeat(size)), 0);

        for (second, event) in (0..).zip(sent.iter().chain([&large])) {
            reconstruction.receive(event, at(second)).unwrap();

            let limits = small();
            let counted = reconstruction.conversations.iter();
            let counted: usize = counted.map(|(id, entry)| fixed_bytes(id) + entry.merged.counted_bytes()).sum();
            prop_assert_eq!(reconstruction.bytes(), counted);
            prop_assert!(counted <= limits.bytes && reconstruction.len() <= limits.conversations.get());
        }
        forget_all(&mut reconstruction);
        prop_assert_eq!(reconstruction.bytes(), 0);
    }
}
