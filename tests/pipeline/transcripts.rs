//! Transcripts: the messages of conversations, once each and in order, from whichever endpoint has them.

use std::collections::BTreeMap;

use conversation_archive::base::hash::Sha256;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::export::webhook_body::webhook_body;
use conversation_archive::records::transcript::TranscriptRoute;
use end_to_end::world::{World, organisation};
use genesys_simulator::TruthMessage;
use serde_json::Value;
use start_export::Command;

mod attachments;
mod dependent;
mod events;
mod sessions;
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
async fn a_request_may_limit_transcripts_and_the_cut_is_reported_everywhere() {
    let mut world = World::new(organisation(119, 120)).await;
    let ids = world.message_conversations();
    let limits = r#","contextWindow":5,"maxTranscriptBytes":150"#;
    let request = world.transcripts_request(&ids, &format!("{limits}{VERBATIM}"));

    let manifest = world.export(&request).await;

    let records = transcripts(&world, &manifest).await;
    let mut reasons = std::collections::BTreeSet::new();
    let mut truncated = 0;
    for (id, record) in &records {
        let truth = expected_messages(world.simulator.messages(id).expect("written"));
        let remaining = archived_messages(record);
        let bytes: usize = remaining.iter().map(|(_, text)| text.len()).sum();
        assert!(remaining.len() <= 5 && bytes <= 150);
        assert!(truth.ends_with(&remaining), "the newest stay");
        let cut = record["cut"]["messages"].as_u64().unwrap_or(0);
        assert_eq!(cut, (truth.len() - remaining.len()) as u64);
        let expected = match (cut, remaining.len()) {
            (0, _) => "complete",
            (_, 0) => "tooLarge",
            _ => "truncated",
        };
        assert_eq!(record["status"], expected);
        truncated += u64::from(expected == "truncated");
        reasons.insert(record["cut"]["by"].to_string());
    }
    assert!(reasons.len() >= 3, "{reasons:?}");
    assert!(truncated > 20);
    assert_eq!(manifest.content.statuses.of("truncated"), truncated);
    let metrics = manifest.outcome.metrics.expect("metrics");
    assert_eq!(metrics.truncated, truncated);
    let webhook = webhook_body(&manifest.outcome, "s3://b/manifest.json", Sha256::of("m"));
    assert_eq!(webhook["data"]["metrics"]["truncated"], truncated);
    let events = world.topic.events_by_id();
    let said = |(body, _): &&(Value, u32)| body["status"] == "truncated";
    assert_eq!(events.values().filter(said).count() as u64, truncated);
}

#[tokio::test]
async fn a_companion_of_an_export_has_the_limits_of_its_request() {
    let mut world = World::new(organisation(129, 40)).await;
    let request = world.request(
        "analytics-job",
        r#","exportId":"day","slices":1,"include":["transcripts"],"contextWindow":2"#,
    );

    world.export(&request).await;
    world.run().await;

    let manifest = world
        .manifest(&"day-transcripts".parse().expect("an id"))
        .await;
    let records = transcripts(&world, &manifest).await;
    assert!(records.values().any(|it| it["status"] == "truncated"));
    let messages = |it: &Value| archived_messages(it).len();
    assert!(records.values().all(|it| messages(it) <= 2));
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
        r#"{"source":"transcripts","filters":{"conversationIds":["x"]},"contextWindow":0}"#,
        r#"{"source":"transcripts","filters":{"conversationIds":["x"]},"maxTranscriptBytes":32000001}"#,
        r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","contextWindow":5}"#,
    ] {
        let command = Command::parse(request).expect("a request");
        refused.push(world.refusal(command).await);
    }

    assert_eq!(
        refused,
        [
            "`source` is transcripts: the source transcripts requires filters.conversationIds or fromExport, and accepts no interval; or, of a gateway, filters.sessionIds and an interval",
            "`filters.conversationIds[0]` is ../x: expected an id of up to 100 letters, digits, `-`, `_` and `.`",
            "`records` is full: the source transcripts supports only the records `transcript`; omit the field",
            "`records` is transcript: only the source transcripts has these records",
            "`fromExport` is nobodys: there is no export with this id in this archive",
            "`fromExport` is x: omit the filters: all conversations of that export are used",
            "`fromExport` is x: only the source transcripts can use an earlier export",
            "`include` is transcripts: the source transcripts cannot include transcripts; omit the field",
            "`membership` is activity: transcripts are fetched for the listed conversations; omit the field",
            "`onBadRecord` is fail: transcripts that cannot be fetched are recorded with their status; omit the field",
            "`contextWindow` is 0: expected 1 to 1000000",
            "`maxTranscriptBytes` is 32000001: expected 1 to 32000000",
            "`contextWindow` is 5: only transcripts are limited: the source transcripts, or an export that includes transcripts",
        ]
    );
}
