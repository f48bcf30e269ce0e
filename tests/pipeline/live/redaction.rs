//! Live events are redacted as the owner requires, and at least with the profile standard.

use conversation_archive::export::plan::RequiredRedaction;
use end_to_end::logs;
use serde_json::{Value, json};

use super::events::{event, frame};
use super::world::{LiveWorld, Messages};

const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
const NAME: &str = "Quillan Thornbury";
const VALUES: [&str; 3] = [
    "q.thornbury@example.com",
    "4111 1111 1111 1111",
    "+4915123456789",
];

/// A wrap-up note, what a caller said, attributes, and a snapshot with names.
fn frames() -> [Value; 4] {
    let [mail, card, phone] = VALUES;
    let detail = |event: &str| format!("v2.detail.events.conversation.{ID}.{event}");
    let alternative = json!({
        "transcript": format!("my card is {card}"),
        "decoratedTranscript": format!("my card is {card}"),
        "words": [{"word": "4111"}],
        "decoratedWords": [{"word": "4111"}],
    });
    [
        frame(
            &detail("wrapup"),
            &json!({"conversationId": ID, "wrapupNotes": format!("call {phone}")}),
        ),
        frame(
            &detail("attributes"),
            &json!({"conversationId": ID, "attributes": {"customer.mail": mail}}),
        ),
        frame(
            &format!("v2.conversations.{ID}.transcription"),
            &json!({"conversationId": ID, "transcripts": [{"alternatives": [alternative]}]}),
        ),
        frame(
            "v2.users.u.conversations",
            &json!({"id": ID, "participants": [{"name": NAME, "address": phone, "wrapup": {"notes": mail}}]}),
        ),
    ]
}

async fn stored_text(required: RequiredRedaction) -> String {
    let world = LiveWorld::with_required(required);
    let messages = Messages::of(frames().iter().map(event).chain([VALUES.join(" and ")]));
    let handled = world.process(1).handle(&messages.0).await;
    assert!(handled.failed.is_empty());
    let objects = world.objects();
    assert_eq!(objects.lines().len(), 4);
    objects.texts().map(|(_, text)| text).collect()
}

#[tokio::test]
async fn live_events_are_redacted_even_if_the_owner_requires_nothing() {
    for required in [RequiredRedaction::None, RequiredRedaction::Standard] {
        let text = stored_text(required).await;

        for value in &VALUES[..2] {
            assert!(!text.contains(value), "{value}");
        }
        assert!(!text.contains("4111"), "a single word");
        assert!(text.contains(NAME));
        // The profile standard keeps the fields for numbers, such as the participant's address.
        assert_eq!(text.matches(VALUES[2]).count(), 1);
    }
}

#[tokio::test]
async fn the_required_profile_strict_redacts_people_too() {
    let text = stored_text(RequiredRedaction::Strict).await;

    for value in VALUES.iter().chain([&NAME]) {
        assert!(!text.contains(value), "{value}");
    }
    assert!(text.contains("[REDACTED:NAME]") && text.contains(ID));
}

#[tokio::test]
async fn no_log_line_of_live_capture_quotes_an_event() {
    let from = logs::capture();

    stored_text(RequiredRedaction::None).await;

    let lines = logs::since(from);
    let lines = String::from_utf8_lossy(&lines);
    assert!(lines.contains("frames archived"));
    for value in VALUES.iter().chain([&NAME, &"my card", &"4111"]) {
        assert!(!lines.contains(value), "{value}");
    }
}
