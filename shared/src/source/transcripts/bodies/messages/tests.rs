//! Conversations and listings, both as documented and malformed.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ALL: Limits = Limits {
    max_transcript_bytes: 1 << 20,
    context_window: None,
};

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

fn listing(value: &Value) -> TextMessageListing {
    TextMessageListing::read(&raw(value)).unwrap()
}

fn of(conversation: &Value) -> Messages {
    Messages::of(&raw(conversation), "c").unwrap()
}

fn conversation() -> Messages {
    of(&json!({"id": "c", "participants": [
        {"id": "p-1", "name": "Guest", "purpose": "customer", "startTime": "2026-03-02T14:03:10.112Z",
         "messages": [{"messageId": "a"}, {"messageId": "b"}]},
        {"id": "p-2", "purpose": "agent", "user": {"id": "u"}, "messages": [{"messageId": "b"}, {"messageId": "c"}]},
        {"id": "p-3", "purpose": "acd", "messages": null},
    ]}))
}

fn data(id: &str, text: &str) -> Value {
    json!({"id": id, "timestamp": "2026-03-02T14:03:11.000Z", "direction": "inbound",
           "normalizedMessage": {"type": "Text", "text": text, "originatingEntity": "Human"}})
}

/// The texts of the messages, and the raw unreadable elements, each after the name of its list.
fn texts_and_unreadable(transcript: &Transcript) -> (Vec<&str>, Vec<String>) {
    let texts = transcript.messages.iter().map(|it| &*it.text);
    let unreadable = transcript.unreadable.iter();
    let unreadable = unreadable.map(|it| format!("{} {}", it.list, it.content.get()));
    (texts.collect(), unreadable.collect())
}

#[test]
fn a_message_is_requested_once_and_keeps_its_first_participant() {
    let mut messages = conversation();
    assert_eq!(messages.ids, ["a", "b", "c"]);

    let came = messages.add(listing(&json!({"entities": [data("b", "two"), data("a", "one"), data("a", "one"), data("x", "?")]})), ALL);
    let transcript = messages.finish();

    assert_eq!(came, 2);
    let texts: Vec<_> = transcript
        .messages
        .iter()
        .map(|it| (&*it.id, &*it.text))
        .collect();
    assert_eq!(texts, [("b", "two"), ("a", "one")]);
    assert_eq!(
        transcript.messages[0].participant_id.as_deref(),
        Some("p-1")
    );
    assert_eq!(
        transcript.messages[0].originating_entity.as_deref(),
        Some("human")
    );
    assert_eq!(transcript.missing, 1);
    assert_eq!(
        transcript.start,
        Some("2026-03-02T14:03:10.112Z".parse().unwrap())
    );
}

#[test]
fn receipts_and_typing_are_events_and_cards_are_messages() {
    let mut messages = conversation();
    let listing = listing(&json!({"entities": [
        {"id": "a", "normalizedMessage": {"type": "Event", "events": [{"eventType": "Typing"}]}},
        {"id": "b", "normalizedMessage": {"type": "Structured", "content": [
            {"contentType": "Attachment", "attachment": {"id": "f", "mime": "image/png", "contentSizeBytes": 7}},
            {"contentType": "QuickReply", "quickReply": {"text": "Yes"}}]},
         "normalizedReceipts": [{"type": "Receipt", "status": "Read", "channel": {"time": "2026-03-02T14:03:12.000Z"}}]},
    ]}));

    messages.add(listing, ALL);
    let transcript = messages.finish();

    let kinds: Vec<_> = transcript.events.iter().map(|it| &*it.kind).collect();
    assert_eq!(kinds, ["Receipt", "Typing"]);
    assert_eq!(transcript.events[0].message_id.as_deref(), Some("b"));
    assert_eq!(transcript.messages.len(), 1);
    assert_eq!(transcript.messages[0].attachments[0].size_bytes, Some(7));
    assert!(
        transcript.messages[0].content[0]
            .get()
            .contains("QuickReply")
    );
}

#[test]
fn the_error_for_a_wrong_conversation_names_the_field() {
    let participants = json!([{"id": "p-1", "messages": []}]);
    let documents = [
        (json!({}), "`id`"),
        (json!(null), "not an object"),
        (json!([]), "not an object"),
        (json!("PENDING"), "not an object"),
        (json!({"state": "PENDING"}), "`id`"),
        (
            json!({"message": "boom", "code": "internal", "status": 500, "contextId": "x"}),
            "id",
        ),
        (json!({"participants": participants}), "`id`"),
        (json!({"id": null, "participants": participants}), "`id`"),
        (json!({"id": "other", "participants": participants}), "`id`"),
        (json!({"id": "c"}), "`participants`"),
        (json!({"id": "c", "participants": null}), "`participants`"),
        (json!({"id": "c", "participants": {}}), "`participants`"),
        (json!({"id": "c", "participants": "none"}), "`participants`"),
    ];
    for (document, field) in documents {
        let shape = Messages::of(&raw(&document), "c").unwrap_err();
        assert!(shape.to_string().contains(field), "{document}: {shape}");
    }
    assert!(Messages::of(&raw(&json!({"id": "C", "participants": []})), "c").is_ok());
}

#[test]
fn the_error_for_a_malformed_listing_names_the_field() {
    let documents = [
        (json!(null), "not an object"),
        (json!([data("a", "one")]), "not an object"),
        (json!({}), "`entities`"),
        (json!({"entities": null}), "`entities`"),
        (json!({"entities": {"a": 1}}), "`entities`"),
        (json!({"entities": "a"}), "`entities`"),
        (json!({"message": "boom", "status": 404}), "`entities`"),
    ];
    for (document, field) in documents {
        let shape = TextMessageListing::read(&raw(&document)).unwrap_err();
        assert!(shape.to_string().contains(field), "{document}: {shape}");
    }
}

#[test]
fn message_ids_are_found_at_both_nesting_levels() {
    let communication =
        |messages: Value| json!({"id": "x", "state": "connected", "messages": messages});
    let lists = [
        json!([{"messageId": "a"}, {"messageId": "b"}]),
        json!([{"id": "a"}, {"id": "b"}]),
        json!([{"id": "y", "messageId": "a"}, {"messageId": "b", "state": "sent"}]),
        json!([communication(
            json!([{"messageId": "a"}, {"messageId": "b"}])
        )]),
        json!([
            communication(json!([{"messageId": "a"}])),
            communication(json!([{"id": "b"}]))
        ]),
        json!([{"messageId": "a", "messages": [{"messageId": "b"}]}]),
        json!([communication(json!(null)), {"messageId": "a"}, {"messageId": "b"}, communication(json!([]))]),
        json!({"messages": [{"messageId": "a"}, {"messageId": "b"}, {"messageId": "a"}]}),
    ];
    for list in lists {
        let messages = of(&json!({"id": "c", "participants": [{"id": "p", "messages": list}]}));
        assert_eq!(messages.ids, ["a", "b"], "{list}");
        assert_eq!(
            texts_and_unreadable(&messages.finish()).1,
            [""; 0],
            "{list}"
        );
    }
    let numbers = of(&json!({"id": "c", "participants": [{"messages": [{"messageId": 17}]}]}));
    assert_eq!(numbers.ids, ["17"]);
}

#[test]
fn an_unreadable_element_of_a_conversation_loses_only_itself() {
    let participant = json!({"id": "p", "messages": [{"messageId": "a"}]});
    let cases = [
        (json!([null, participant]), "participants null"),
        (json!([participant, "p-2"]), "participants \"p-2\""),
        (json!([participant, 17]), "participants 17"),
        (json!([participant, []]), "participants []"),
        (
            json!([participant, {"messages": [null]}]),
            "participants.messages null",
        ),
        (
            json!([participant, {"messages": [{"messageStatus": "failed"}]}]),
            r#"participants.messages {"messageStatus":"failed"}"#,
        ),
        (
            json!([participant, {"messages": [{"messageId": ""}]}]),
            r#"participants.messages {"messageId":""}"#,
        ),
        (
            json!([participant, {"messages": [{"messageId": {}}]}]),
            r#"participants.messages {"messageId":{}}"#,
        ),
        (
            json!([participant, {"messages": "b"}]),
            "participants.messages \"b\"",
        ),
        (
            json!([participant, {"messages": [{"state": "x", "messages": [null]}]}]),
            "participants.messages null",
        ),
    ];
    for (participants, unreadable) in cases {
        let messages = of(&json!({"id": "c", "participants": participants}));

        assert_eq!(messages.ids, ["a"], "{participants}");
        assert_eq!(
            texts_and_unreadable(&messages.finish()).1,
            [unreadable],
            "{participants}"
        );
    }
}

#[test]
fn a_participant_without_an_id_is_numbered_and_keeps_its_messages() {
    for id in [json!(null), json!(""), json!({}), json!(true)] {
        let mut messages = of(&json!({"id": "c", "participants": [
            {"id": id, "purpose": "customer", "startTime": "", "name": 5, "user": "u", "messages": [{"messageId": "a"}]},
        ]}));
        messages.add(listing(&json!({"entities": [data("a", "one")]})), ALL);
        let transcript = messages.finish();

        assert_eq!(transcript.participants[0].participant_id, "p1");
        assert_eq!(transcript.messages[0].participant_id.as_deref(), Some("p1"));
        assert_eq!(texts_and_unreadable(&transcript), (vec!["one"], vec![]));
    }
}

#[test]
fn a_message_is_kept_with_any_value_in_its_optional_fields() {
    let values = [
        json!(null),
        json!(7),
        json!(-1.5),
        json!(true),
        json!(""),
        json!("odd"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"x": 1}),
    ];
    for value in values {
        for field in [
            "timestamp",
            "direction",
            "status",
            "messengerType",
            "createdBy",
        ] {
            let mut odd = data("a", "one");
            odd[field] = value.clone();
            let mut messages = conversation();
            messages.add(
                listing(&json!({"entities": [odd, data("b", "two"), data("c", "three")]})),
                ALL,
            );

            let transcript = messages.finish();

            // A message without a time comes last.
            let (mut texts, unreadable) = texts_and_unreadable(&transcript);
            texts.sort_unstable();
            assert_eq!(
                (texts, unreadable),
                (vec!["one", "three", "two"], vec![]),
                "{field}: {value}"
            );
        }
        for field in [
            "type",
            "originatingEntity",
            "direction",
            "status",
            "channel",
            "id",
            "metadata",
        ] {
            let mut odd = data("a", "one");
            odd["normalizedMessage"][field] = value.clone();
            let mut messages = conversation();
            messages.add(listing(&json!({"entities": [odd]})), ALL);

            assert_eq!(
                texts_and_unreadable(&messages.finish()).0,
                ["one"],
                "{field}: {value}"
            );
        }
    }
}

#[test]
fn a_message_with_unreadable_content_is_kept_raw_and_not_missing() {
    let mut by_text = data("a", "one");
    by_text["normalizedMessage"]["text"] = json!({"de": "eins"});
    let mut by_body = data("a", "one");
    by_body["textBody"] = json!(["one"]);
    let by_message = json!({"id": "a", "normalizedMessage": "one"});
    let mut number = data("a", "one");
    number["normalizedMessage"]["text"] = json!(1);
    let mut without = data("a", "one");
    without["normalizedMessage"]["text"] = json!(null);
    let media_alone = json!({"id": "a", "media": [{"url": "x"}]});
    let message_id = json!({"messageId": "a"});
    for odd in [
        by_text,
        by_body,
        by_message,
        number,
        without,
        media_alone,
        message_id,
    ] {
        let mut messages = conversation();

        messages.add(
            listing(&json!({"entities": [odd, data("b", "two"), data("c", "three")]})),
            ALL,
        );
        let transcript = messages.finish();

        assert_eq!(transcript.missing, 0);
        assert_eq!(transcript.unreadable[0].message_id.as_deref(), Some("a"));
        assert_eq!(
            texts_and_unreadable(&transcript),
            (vec!["two", "three"], vec![format!("entities {odd}")])
        );
    }
}

#[test]
fn unreadable_fields_beside_a_text_lose_only_themselves() {
    let with = |field: &str, value: Value| {
        let mut odd = data("a", "one");
        odd[field] = value;
        odd
    };
    let mut events = data("a", "one");
    events["normalizedMessage"]["events"] = json!([null, {"eventType": 5}]);
    let cases = [
        (
            with("normalizedReceipts", json!("read")),
            "entities.normalizedReceipts \"read\"",
        ),
        (
            with("normalizedReceipts", json!([null, {"status": "Read"}])),
            "entities.normalizedReceipts null",
        ),
        (
            with("normalizedReceipts", json!([{"text": {}}])),
            r#"entities.normalizedReceipts {"text":{}}"#,
        ),
        (events, "entities.normalizedMessage.events null"),
    ];
    for (odd, unreadable) in cases {
        let mut messages = conversation();
        messages.add(listing(&json!({"entities": [odd]})), ALL);

        let transcript = messages.finish();

        assert_eq!(
            texts_and_unreadable(&transcript),
            (vec!["one"], vec![unreadable.to_owned()])
        );
        assert_eq!(transcript.unreadable[0].message_id.as_deref(), Some("a"));
    }
}

#[test]
fn content_other_than_attachments_is_kept_verbatim() {
    let mut odd = data("a", "one");
    odd["normalizedMessage"]["content"] = json!([
        null,
        {"attachment": null},
        {"quickReply": {"text": "x"}},
        {"attachment": {"mime": 5, "contentSizeBytes": "7", "text": "two"}},
    ]);
    let mut messages = conversation();
    messages.add(listing(&json!({"entities": [odd]})), ALL);

    let transcript = messages.finish();

    let message = &transcript.messages[0];
    let content: Vec<_> = message.content.iter().map(|it| it.get()).collect();
    assert_eq!(
        content,
        [
            "null",
            r#"{"attachment":null}"#,
            r#"{"quickReply":{"text":"x"}}"#
        ]
    );
    assert_eq!(
        (message.attachments[0].size_bytes, &*message.text),
        (Some(7), "one\ntwo")
    );
}

#[test]
fn an_element_without_an_id_is_kept_once_across_responses() {
    let mut messages = conversation();
    let entities =
        json!({"entities": [null, null, {"text": "lost"}, data("a", "one"), data("B", "two")]});

    messages.add(listing(&entities), ALL);
    assert_eq!(messages.again(), ["c"]);
    messages.add(listing(&entities), ALL);
    messages.add(listing(&json!({"entities": [{"text": "other"}]})), ALL);
    let transcript = messages.finish();

    let kept = ["null", "null", r#"{"text":"lost"}"#, r#"{"text":"other"}"#];
    assert_eq!(
        texts_and_unreadable(&transcript),
        (
            vec!["one", "two"],
            kept.map(|it| format!("entities {it}")).to_vec()
        )
    );
    assert_eq!(transcript.missing, 1);
}

#[test]
fn an_unrequested_message_is_kept_raw_if_one_is_missing() {
    for (entities, kept) in [
        (vec![data("x", "?"), data("a", "one"), data("b", "two")], 1),
        (
            vec![
                data("x", "?"),
                json!({"id": "y"}),
                data("a", "one"),
                data("a", "one"),
            ],
            2,
        ),
        (
            vec![
                data("x", "?"),
                data("a", "one"),
                data("b", "two"),
                data("c", "three"),
            ],
            0,
        ),
    ] {
        let mut messages = conversation();
        let entities = json!({ "entities": entities });
        messages.add(listing(&entities), ALL);
        messages.again();
        messages.add(listing(&entities), ALL);

        let transcript = messages.finish();

        assert_eq!(transcript.unreadable.len(), kept, "{entities}");
    }
}

/// The ways in which any one member or element of a document may be malformed.
#[derive(Clone, Copy, Debug)]
enum Odd {
    Dropped,
    Null,
    Number,
    Word,
    List,
    Object,
    Wrapped,
}

/// The JSON pointers of all values in a document, in document order.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(elements) => {
            for (number, element) in elements.iter().enumerate() {
                places(element, &format!("{at}/{number}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

fn change(document: &mut Value, at: &str, odd: Odd) {
    let Some(value) = document.pointer_mut(at) else {
        return;
    };
    *value = match odd {
        Odd::Dropped => {
            let (around, name) = at.rsplit_once('/').unwrap();
            match document.pointer_mut(around).unwrap() {
                Value::Object(members) => drop(members.remove(name)),
                Value::Array(elements) => drop(elements.remove(name.parse().unwrap())),
                _ => {}
            }
            return;
        }
        Odd::Null => Value::Null,
        Odd::Number => json!(17),
        Odd::Word => json!(true),
        Odd::List => json!([]),
        Odd::Object => json!({}),
        Odd::Wrapped => json!([value.take()]),
    };
}

proptest! {
    #[test]
    fn a_malformed_listing_loses_nothing_silently(
        place in any::<prop::sample::Index>(),
        odd in prop::sample::select(vec![
            Odd::Dropped, Odd::Null, Odd::Number, Odd::Word, Odd::List, Odd::Object, Odd::Wrapped,
        ]),
    ) {
        let mut structured = data("c", "three");
        structured["normalizedMessage"]["type"] = json!("Structured");
        structured["normalizedMessage"]["content"] = json!([{"attachment": {"id": "f", "mime": "image/png"}}]);
        let mut document = json!({"entities": [data("a", "one"), data("b", "two"), structured]});
        let mut found = Vec::new();
        places(&document, "", &mut found);
        // The document itself is not changed here.
        let place = place.get(&found[1..]);
        // A file may be sent without a text.
        prop_assume!(place != "/entities/2/normalizedMessage/text" || !matches!(odd, Odd::Dropped | Odd::Null));
        change(&mut document, place, odd);
        let mut messages = conversation();

        let Ok(listing) = TextMessageListing::read(&raw(&document)) else {
            return Ok(());
        };
        messages.add(listing, ALL);
        let transcript = messages.finish();

        let (mut texts, unreadable) = texts_and_unreadable(&transcript);
        texts.sort_unstable();
        let is_whole = transcript.missing == 0 && unreadable.is_empty();
        prop_assert!(!is_whole || texts == ["one", "three", "two"], "{place} {odd:?}");
        prop_assert!(texts.len() >= 2 || place == "/entities", "{place} {odd:?}: {texts:?}");
    }
}

#[test]
fn a_text_body_is_kept_with_any_normalized_message() {
    for normalized in [
        json!({"type": "Receipt"}),
        json!({"type": "Event", "events": [{"eventType": "Typing"}]}),
        json!({"type": "Text", "text": ""}),
        json!({"type": "Text", "text": null}),
    ] {
        let mut messages = conversation();
        let message = json!({"id": "a", "textBody": "Hello", "normalizedMessage": normalized});

        messages.add(listing(&json!({ "entities": [message] })), ALL);

        let transcript = messages.finish();
        assert_eq!(
            texts_and_unreadable(&transcript).0,
            ["Hello"],
            "{normalized}"
        );
    }
}
