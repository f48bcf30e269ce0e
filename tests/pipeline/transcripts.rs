//! Transcripts: the messages of conversations, once each and in order, from whichever endpoint has them.

use std::collections::BTreeMap;

use conversation_archive::base::hash::Sha256;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::records::transcript::TranscriptRoute;
use end_to_end::world::{World, organisation};
use genesys_simulator::TruthMessage;
use serde_json::Value;
use start_export::Command;

mod attachments;
mod dependent;
mod events;
mod unavailable;

const VERBATIM: &str = r#","redaction":{"enabled":false}"#;

/// Returns the records by conversation; asserts that each occurs once.
async fn transcripts(world: &World, manifest: &Manifest) -> BTreeMap<String, Value> {
    let mut transcripts = BTreeMap::new();
    for (line, count) in world.archived_lines(manifest).await {
        assert_eq!(count, 1);
        let record: Value = serde_json::from_str(&line).expect("a record");
        let id = record["conversationId"].as_str().expect("an id").to_owned();
        assert!(transcripts.insert(id, record).is_none(), "one record each");
    }
    transcripts
}

async fn export_transcripts(
    world: &mut World,
    ids: &[String],
    more_fields: &str,
) -> BTreeMap<String, Value> {
    let request = world.transcripts_request(ids, more_fields);
    let manifest = world.export(&request).await;
    assert!(manifest.outcome.status.is_complete());
    world.verify(&manifest.outcome.export_id).await;
    transcripts(world, &manifest).await
}

/// Message ids and texts in the order of the record.
fn archived_messages(record: &Value) -> Vec<(String, String)> {
    let messages = record["messages"].as_array().expect("messages").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    messages
        .map(|it| (text(&it["messageId"]), text(&it["text"])))
        .collect()
}

fn expected_messages(truth: Vec<TruthMessage>) -> Vec<(String, String)> {
    let with_text = truth.into_iter().filter(|it| !it.text.is_empty());
    with_text.map(|it| (it.id, it.text)).collect()
}

fn texts(messages: Vec<(String, String)>) -> Vec<String> {
    messages.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test]
async fn every_message_of_every_conversation_is_archived_in_its_order() {
    let mut world = World::new(organisation(111, 120)).await;
    let ids = world.message_conversations();
    assert!(ids.len() > 40);

    let records =
        export_transcripts(&mut world, &ids, &format!(r#","pageSize":17{VERBATIM}"#)).await;

    assert_eq!(records.len(), ids.len());
    let mut longest = 0;
    for id in &ids {
        let (record, truth) = (&records[id], world.simulator.messages(id).expect("written"));
        longest = longest.max(truth.len());
        let typing = truth.iter().filter(|it| it.text.is_empty()).count();
        assert_eq!(record["status"], "complete");
        assert_eq!(record["via"], "messages");
        assert_eq!(archived_messages(record), expected_messages(truth));
        let events = record["events"].as_array().expect("events").iter();
        assert_eq!(events.filter(|it| it["type"] == "Typing").count(), typing);
    }
    assert!(longest > 1_000, "one needs two bulk requests: {longest}");
}

#[tokio::test]
async fn texts_are_redacted_and_have_a_fingerprint() {
    let mut world = World::new(organisation(112, 100)).await;
    let ids = world.message_conversations();
    let request = world.transcripts_request(&ids, "");

    let manifest = world.export(&request).await;

    let records = transcripts(&world, &manifest).await;
    let mut redactions = 0;
    for (id, record) in &records {
        let line = record.to_string();
        assert!(!line.contains("@quillpost.example") && !line.contains("+1202555"));
        for message in record["messages"].as_array().expect("messages") {
            let (message_id, text) = (&message["messageId"], &message["text"]);
            let whole = [
                id,
                message_id.as_str().unwrap_or_default(),
                text.as_str().unwrap_or_default(),
            ];
            let fingerprint = Sha256::of(whole.join("\n")).to_string();
            assert_eq!(message["fingerprint"], fingerprint.as_str());
        }
        let counts = record["redactions"].as_object().expect("counts").values();
        redactions += counts.filter_map(Value::as_u64).sum::<u64>();
        let languages = record["languages"].as_object().expect("counts").values();
        assert_eq!(
            languages.filter_map(Value::as_u64).sum::<u64>(),
            archived_messages(record).len() as u64
        );
    }
    assert!(redactions > 100);
    assert_eq!(manifest.content.redactions.total(), redactions);
    // Logs, errors, outcomes and webhooks are searched when the world is dropped.
    let planted = world.simulator.truth().planted;
    let documents = world.store.snapshot().into_iter();
    let documents =
        documents.filter(|(key, _)| !key.contains("/page-") || key.ends_with("record.json"));
    for (key, document) in documents {
        let text = String::from_utf8_lossy(&document);
        for value in &planted {
            assert!(
                !text.contains(value),
                "{key} holds something that was written"
            );
        }
    }
}

#[tokio::test]
async fn the_strict_profile_redacts_participant_names() {
    let mut world = World::new(organisation(113, 60)).await;
    let ids = world.message_conversations();

    let records =
        export_transcripts(&mut world, &ids, r#","redaction":{"profile":"strict"}"#).await;

    for record in records.values() {
        for participant in record["participants"].as_array().expect("participants") {
            assert_eq!(participant["name"], "[REDACTED:NAME]");
        }
    }
}

#[tokio::test]
async fn web_details_of_a_gateway_are_archived_in_sequence() {
    let mut world = World::new(organisation(117, 60)).await;
    world.process.start.limits.transcripts.route = TranscriptRoute::WebDetails;
    let ids = world.message_conversations();

    let records = export_transcripts(&mut world, &ids, VERBATIM).await;

    for (id, record) in &records {
        let truth = world.simulator.messages(id).expect("written");
        assert_eq!(record["via"], "webDetails");
        assert_eq!(
            texts(archived_messages(record)),
            texts(expected_messages(truth))
        );
    }
}

#[tokio::test]
async fn long_transcripts_are_cut_from_their_beginning_and_record_it() {
    let mut world = World::new(organisation(119, 120)).await;
    world.process.start.limits.transcripts.limits.context_window = Some(5);
    world
        .process
        .start
        .limits
        .transcripts
        .limits
        .max_transcript_bytes = 150;
    let ids = world.message_conversations();

    let records = export_transcripts(&mut world, &ids, VERBATIM).await;

    let mut reasons = std::collections::BTreeSet::new();
    for (id, record) in &records {
        let truth = expected_messages(world.simulator.messages(id).expect("written"));
        let remaining = archived_messages(record);
        let bytes: usize = remaining.iter().map(|(_, text)| text.len()).sum();
        assert!(remaining.len() <= 5 && bytes <= 150);
        assert!(truth.ends_with(&remaining), "the newest stay");
        let cut = record["cut"]["messages"].as_u64().unwrap_or(0);
        assert_eq!(cut, (truth.len() - remaining.len()) as u64);
        reasons.insert(record["cut"]["by"].to_string());
    }
    assert!(reasons.len() >= 3, "{reasons:?}");
}

#[tokio::test]
async fn invalid_transcript_requests_are_refused() {
    let mut world = World::new(organisation(120, 1)).await;
    let mut refused = Vec::new();
    for request in [
        r#"{"source":"transcripts","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"}"#,
        r#"{"source":"transcripts","filters":{"conversationIds":["../x"]}}"#,
        r#"{"source":"transcripts","filters":{"conversationIds":["x"]},"records":"full"}"#,
        r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","records":"transcript"}"#,
        r#"{"source":"transcripts","fromExport":"nobodys"}"#,
        r#"{"source":"transcripts","fromExport":"x","filters":{"conversationIds":["x"]}}"#,
        r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","fromExport":"x"}"#,
        r#"{"source":"transcripts","filters":{"conversationIds":["x"]},"include":["transcripts"]}"#,
        r#"{"source":"transcripts","filters":{"conversationIds":["x"]},"membership":"activity"}"#,
        r#"{"source":"transcripts","filters":{"conversationIds":["x"]},"onBadRecord":"fail"}"#,
    ] {
        let command = Command::parse(request).expect("a request");
        refused.push(world.refusal(command).await);
    }

    assert_eq!(
        refused,
        [
            "`source` is transcripts: the source transcripts requires filters.conversationIds or fromExport, and accepts no interval",
            "`filters.conversationIds[0]` is ../x: expected an id of up to 100 letters, digits, `-`, `_` and `.`",
            "`records` is full: the source transcripts supports only the records `transcript`; omit the field",
            "`records` is transcript: only the source transcripts has these records",
            "`fromExport` is nobodys: there is no export with this id in this archive",
            "`fromExport` is x: omit the filters: all conversations of that export are used",
            "`fromExport` is x: only the source transcripts can use an earlier export",
            "`include` is transcripts: the source transcripts cannot include transcripts; omit the field",
            "`membership` is activity: transcripts are fetched for the listed conversations; omit the field",
            "`onBadRecord` is fail: transcripts that cannot be fetched are recorded with their status; omit the field",
        ]
    );
}
