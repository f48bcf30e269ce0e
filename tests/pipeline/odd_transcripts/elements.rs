//! Documents with one unusual element or field.

use conversation_archive::records::transcript::TranscriptRoute;
use serde_json::{Value, json};

use super::api::{Api, ODD, conversation, listing, message, message_ids, text_of, texts};
use super::{is_bulk, is_conversation};

/// Returns the record of a conversation with three messages after one value in its responses was replaced. A `-` index
/// appends the value to a list.
async fn record_with_change(pointer: &str, value: Value) -> Value {
    let mut responses = json!({
        "conversation": conversation(ODD, 3),
        "listing": listing(&message_ids(ODD, 3)),
    });
    let (parent, name) = pointer.rsplit_once('/').expect("a place");
    match (responses.pointer_mut(parent).expect("a place"), name) {
        (Value::Object(members), name) => drop(members.insert(name.to_owned(), value)),
        (Value::Array(elements), "-") => elements.push(value),
        (Value::Array(elements), number) => {
            elements[number.parse::<usize>().expect("a number")] = value;
        }
        _ => panic!("{parent} is neither a list nor an object"),
    }
    export_record(&responses["conversation"], &responses["listing"]).await
}

async fn export_record(conversation: &Value, listing: &Value) -> Value {
    let listing = listing.to_string().into_bytes();
    export_record_from_bytes(conversation.to_string().into_bytes(), listing).await
}

async fn export_record_from_bytes(conversation: Vec<u8>, listing: Vec<u8>) -> Value {
    let api = Api::start(3, move |request| {
        if is_conversation(request) {
            return Some((200, conversation.clone()));
        }
        is_bulk(request).then(|| (200, listing.clone()))
    })
    .await;
    api.export(TranscriptRoute::Messages).await
}

#[tokio::test]
async fn an_unneeded_field_may_have_any_value() {
    let changes = [
        ("/conversation/participants/0/startTime", json!("")),
        (
            "/conversation/participants/0/startTime",
            json!(1_772_460_190_112_i64),
        ),
        ("/conversation/participants/1/user", json!("u-2")),
        ("/conversation/participants/0/name", json!(["Guest"])),
        ("/conversation/participants/0/id", Value::Null),
        ("/conversation/participants/1/purpose", json!(true)),
        ("/listing/entities/1/timestamp", json!("yesterday")),
        (
            "/listing/entities/1/timestamp",
            json!(1_772_460_123_000_i64),
        ),
        ("/listing/entities/1/direction", json!({"in": true})),
        (
            "/listing/entities/1/normalizedMessage/originatingEntity",
            json!(7),
        ),
        (
            "/listing/entities/1/normalizedMessage/channel",
            json!("web"),
        ),
    ];
    let expected_texts: Vec<_> = message_ids(ODD, 3).iter().map(|id| text_of(id)).collect();
    for (pointer, value) in changes {
        let record = record_with_change(pointer, value).await;

        assert_eq!(record["status"], "complete", "{pointer}: {record}");
        let mut texts = texts(&record);
        texts.sort_unstable();
        assert_eq!(texts, expected_texts, "{pointer}");
    }
}

#[tokio::test]
async fn an_unreadable_element_loses_only_itself_and_is_kept() {
    let changes = [
        ("/conversation/participants/-", Value::Null, 3),
        ("/conversation/participants/-", json!("p-3"), 3),
        ("/conversation/participants/0/messages/-", Value::Null, 3),
        (
            "/conversation/participants/0/messages/-",
            json!({"messageStatus": "failed"}),
            3,
        ),
        ("/listing/entities/-", Value::Null, 3),
        ("/listing/entities/-", json!({"status": "failed"}), 3),
        ("/listing/entities/1/normalizedMessage", json!("broken"), 2),
        (
            "/listing/entities/1/normalizedMessage",
            json!({"type": "Text"}),
            2,
        ),
        (
            "/listing/entities/1/normalizedMessage/text",
            json!({"de": "broken"}),
            2,
        ),
        ("/listing/entities/1/normalizedReceipts", json!("broken"), 3),
    ];
    for (pointer, value, readable_count) in changes {
        let content = value.clone();

        let record = record_with_change(pointer, value).await;

        assert_eq!(record["status"], "partial", "{pointer}: {record}");
        assert_eq!(texts(&record).len(), readable_count, "{pointer}: {record}");
        let unreadable = record["unreadable"].as_array().expect("elements");
        assert_eq!(unreadable.len(), 1, "{pointer}: {record}");
        assert!(
            unreadable[0]["content"]
                .to_string()
                .contains(&content.to_string()),
            "{pointer}"
        );
    }
}

#[tokio::test]
async fn invalid_text_bytes_lose_no_other_message() {
    let (conversation, listing) = (conversation(ODD, 3), listing(&message_ids(ODD, 3)));
    let listing_with = |replacement: &[u8]| {
        let text = listing.to_string();
        let (before, after) = text.split_once("text of 0a-m2").expect("a text");
        [before.as_bytes(), replacement, after.as_bytes()].concat()
    };
    let bodies = [
        (listing_with(br"half \ud83d"), "half \u{fffd}"),
        (listing_with(br"half \ude00!"), "half \u{fffd}!"),
        (listing_with(br"whole \ud83d\ude00"), "whole \u{1f600}"),
        (listing_with(b"caf\xe9"), "caf\u{e9}"),
        (listing_with(b"two\nlines"), "two\nlines"),
        (
            [b"\xef\xbb\xbf".as_slice(), &listing_with(b"marked")].concat(),
            "marked",
        ),
    ];
    for (body, text) in bodies {
        let record = export_record_from_bytes(conversation.to_string().into_bytes(), body).await;

        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(texts(&record), ["text of 0a-m1", text, "text of 0a-m3"]);
    }
}

#[tokio::test]
async fn message_ids_nested_one_level_deeper_are_found() {
    let nested = |details: Value| {
        json!({"id": ODD.to_uppercase(), "participants": [
            {"id": "p-1", "purpose": "customer", "messages": [{"id": "communication", "state": "disconnected", "messages": details}]},
            {"id": "p-2", "purpose": "agent", "messages": [{"id": "another", "state": "disconnected", "messages": [{"messageId": "0a-m3"}]}]},
        ]})
    };
    for details in [
        json!([{"messageId": "0a-m1"}, {"messageId": "0a-m2"}]),
        json!([{"id": "0a-m1"}, {"id": "0a-m2"}]),
    ] {
        let listing = listing(&message_ids(ODD, 3));

        let record = export_record(&nested(details), &listing).await;

        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(texts(&record).len(), 3);
    }
}

#[tokio::test]
async fn repeated_and_unrequested_messages_are_not_added() {
    let mut listing = listing(&message_ids(ODD, 3));
    let more = [listing["entities"][0].clone(), message("ff-m9")];
    listing["entities"]
        .as_array_mut()
        .expect("a list")
        .extend(more);

    let record = export_record(&conversation(ODD, 3), &listing).await;

    assert_eq!(
        (&record["status"], texts(&record).len()),
        (&json!("complete"), 3)
    );
}
