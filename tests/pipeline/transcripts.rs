//! Transcripts: the messages of conversations, once each and in order, from whichever endpoint has them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conversation_archive::archive::exports;
use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::hash::Sha256;
use conversation_archive::base::time::Interval;
use conversation_archive::export::outcome::{ExportStatus, Manifest};
use conversation_archive::records::transcript::TranscriptRoute;
use end_to_end::world::{DAYS, World, organisation};
use genesys_simulator::{
    Faults, Outage, OutageKind, Route, Settings, TruthMessage, UnavailableTexts,
};
use serde_json::Value;
use start_export::Command;

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
    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
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
async fn attachments_are_stored_as_objects_named_in_the_record() {
    let mut world = World::new(organisation(126, 80)).await;
    let ids = world.message_conversations();

    let records = export_transcripts(&mut world, &ids, r#","includeMedia":true"#).await;

    let id = exports::ids(&world.archive())
        .await
        .expect("listed")
        .remove(0);
    let listed = world.archive().list_all(&format!("exports/{id}/")).await;
    let keys: Vec<_> = listed
        .expect("listed")
        .into_iter()
        .map(|it| it.key)
        .collect();
    let (mut stored, mut gone) = (0, 0);
    let messages = records.values().filter_map(|it| it["messages"].as_array());
    let attachments = messages
        .flatten()
        .filter_map(|message| message["attachments"].as_array());
    for attachment in attachments.flatten() {
        assert!(attachment["url"].is_null(), "an address may hold a secret");
        let file = world
            .simulator
            .file(attachment["id"].as_str().expect("an id"));
        let Some(sha256) = attachment["sha256"].as_str() else {
            assert_eq!(
                (&attachment["notStored"], file),
                (&Value::from("gone"), None)
            );
            gone += 1;
            continue;
        };
        let key = keys
            .iter()
            .find(|key| key.ends_with(&format!("-file-{sha256}")));
        let bytes = world.archive().store().get(key.expect("an object")).await;
        assert_eq!(
            bytes.expect("read").expect("there").to_vec(),
            file.expect("a file")
        );
        stored += 1;
    }
    assert!(stored > 10 && gone > 0, "{stored} stored, {gone} gone");
}

#[tokio::test]
async fn attachments_of_other_types_and_sizes_are_not_downloaded() {
    let mut world = World::new(organisation(127, 40)).await;
    let ids = world.message_conversations();
    let mut reasons = BTreeSet::new();
    for (types, bytes) in [("audio/*", 10_000), ("image/png", 4_095)] {
        let limits = &mut world.process.start.limits.attachments;
        limits.content_types = vec![types.to_owned()];
        limits.max_attachment_bytes = bytes;

        let records = export_transcripts(
            &mut world,
            &ids,
            &format!(r#","includeMedia":true,"exportId":"e{bytes}""#),
        )
        .await;

        let messages = records.values().filter_map(|it| it["messages"].as_array());
        let attachments = messages
            .flatten()
            .filter_map(|message| message["attachments"].as_array());
        reasons.extend(attachments.flatten().map(|it| it["notStored"].to_string()));
    }
    let request_count = world.simulator.stats().requests_on(Route::Download);
    assert_eq!(request_count, 0);
    assert_eq!(
        reasons.into_iter().collect::<Vec<_>>(),
        [r#""contentType""#, r#""tooLarge""#]
    );
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
async fn an_unavailable_conversation_is_recorded_and_the_others_continue() {
    let unavailable_texts = UnavailableTexts {
        recorded_only: 6,
        gone: 6,
        forbidden: 6,
        too_large: 6,
        malformed: 7,
        broken: 9,
        preparing: 2,
    };
    let mut world = World::new(Settings {
        unavailable_texts,
        ..organisation(114, 200)
    })
    .await;
    let unknown = "00000000-0000-4000-8000-000000000000".to_owned();
    let ids = [world.message_conversations(), vec![unknown.clone()]].concat();

    let records = export_transcripts(&mut world, &ids, VERBATIM).await;

    assert_eq!(records.len(), ids.len());
    let mut seen: BTreeMap<(String, String), u32> = BTreeMap::new();
    for (id, record) in &records {
        let text = |name: &str| record[name].as_str().unwrap_or("none").to_owned();
        let (status, via) = (text("status"), text("via"));
        if status == "complete" {
            let truth = world.simulator.messages(id).expect("written");
            assert_eq!(archived_messages(record), expected_messages(truth), "{via}");
        } else {
            assert!(record["problem"].is_string(), "{record}");
            assert_eq!(archived_messages(record).is_empty(), status != "partial");
        }
        *seen.entry((status, via)).or_default() += 1;
    }
    let seen: Vec<_> = seen
        .keys()
        .map(|(status, via)| format!("{status} {via}"))
        .collect();
    assert_eq!(
        seen,
        [
            "complete messages",
            "complete recordings",
            "forbidden none",
            "gone none",
            "partial messages",
            "tooLarge none",
            "unavailable none",
        ]
    );
    assert_eq!(records[&unknown]["status"], "gone");
    let id = exports::ids(&world.archive())
        .await
        .expect("listed")
        .remove(0);
    let statuses = world.manifest(&id).await.content.statuses;
    for (status, number) in statuses.by_label() {
        let with_status = records.values().filter(|it| it["status"] == status);
        assert_eq!(with_status.count() as u64, number, "{status}");
    }
    assert_eq!(statuses.total(), ids.len() as u64);
    // Their texts are in place of their receipts.
    for (id, record) in records.iter().filter(|(_, it)| it["status"] == "partial") {
        let truth = world.simulator.messages(id).expect("written");
        let unreadable = record["unreadable"].as_array().expect("elements");
        assert_eq!(unreadable.len(), truth.len());
        assert_eq!(
            record["problem"],
            format!("{} elements of the responses cannot be read", truth.len())
        );
        assert_eq!(archived_messages(record), expected_messages(truth));
    }
}

#[tokio::test]
async fn a_recording_that_is_never_ready_is_recorded_as_preparing() {
    let unavailable_texts = UnavailableTexts {
        recorded_only: 1,
        preparing: 100,
        ..UnavailableTexts::default()
    };
    let mut world = World::new(Settings {
        unavailable_texts,
        ..organisation(115, 8)
    })
    .await;
    let ids = world.message_conversations();

    let records = export_transcripts(&mut world, &ids, VERBATIM).await;

    for record in records.values() {
        assert_eq!(record["status"], "preparing");
    }
    // Once on the conversation's turn, and then six times each time the page is read again.
    let request_count = world.simulator.stats().requests_on(Route::Recordings);
    assert_eq!(request_count, (1 + 7 * 6) * ids.len() as u64);
}

#[tokio::test]
async fn an_outage_is_waited_out_and_records_nothing_as_unavailable() {
    let mut world = World::new(organisation(125, 40)).await;
    let ids = world.message_conversations();
    let request = world.transcripts_request(&ids, VERBATIM);
    let id = world.start(&request).await;
    let from = world.now();
    world.simulator.set_faults(Faults {
        outage: Some(Outage {
            from,
            to: from + Duration::from_hours(5),
            kind: OutageKind::Unavailable,
        }),
        ..Faults::default()
    });

    world.run().await;

    assert!(world.now().duration_since(from).as_hours() >= 5);
    let records = transcripts(&world, &world.manifest(&id).await).await;
    assert_eq!(records.len(), ids.len());
    assert!(records.values().all(|it| it["status"] == "complete"));
}

#[tokio::test]
async fn an_export_ends_even_if_the_api_fails_for_every_conversation() {
    let unavailable_texts = UnavailableTexts {
        broken: 1,
        ..UnavailableTexts::default()
    };
    let mut world = World::new(Settings {
        unavailable_texts,
        ..organisation(128, 12)
    })
    .await;
    let ids = world.message_conversations();
    let from = world.now();

    let records = export_transcripts(&mut world, &ids, VERBATIM).await;

    assert_eq!(records.len(), ids.len());
    assert!(records.values().all(|it| it["status"] == "unavailable"));
    let hours = world.now().duration_since(from).as_hours();
    assert!((10..13).contains(&hours), "{hours} hours");
}

#[tokio::test]
async fn a_rate_limit_and_transient_faults_lose_no_message() {
    let mut world = World::new(Settings {
        rate_per_minute: 40,
        faults: Faults {
            throttle: 0.1,
            server_error: 0.1,
            cut_off: 0.05,
            ..Faults::default()
        },
        ..organisation(116, 150)
    })
    .await;
    let ids = world.message_conversations();

    let records = export_transcripts(&mut world, &ids, VERBATIM).await;

    assert_eq!(records.len(), ids.len());
    for (id, record) in &records {
        let truth = world.simulator.messages(id).expect("written");
        assert_eq!(archived_messages(record), expected_messages(truth));
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
async fn a_missing_permission_fails_the_export_or_warns_for_recordings() {
    let permissions = |held: &[&str]| held.iter().map(ToString::to_string).collect();
    let mut world = World::new(Settings {
        permissions: permissions(&["recording:recording:view"]),
        ..organisation(118, 20)
    })
    .await;
    let ids = world.message_conversations();
    let request = world.transcripts_request(&ids, "");
    let id = world.start(&request).await;
    world.run().await;
    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    let message = &failed.failures[0].failure.message;
    assert!(
        message.contains("[conversation:message:view, "),
        "{message}"
    );

    let mut world = World::new(Settings {
        permissions: permissions(&["conversation:message:view"]),
        unavailable_texts: UnavailableTexts {
            recorded_only: 3,
            ..UnavailableTexts::default()
        },
        ..organisation(118, 20)
    })
    .await;
    let request = world.transcripts_request(&ids, "");
    let manifest = world.export(&request).await;
    assert_eq!(manifest.warnings.len(), 1, "{:?}", manifest.warnings);
    assert!(manifest.warnings[0].contains("recording:recording:view"));
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

/// Ids of the written (message) conversations that started in the world's days.
fn message_conversations_in_days(world: &World) -> BTreeSet<String> {
    let days: Interval = DAYS.parse().expect("an interval");
    let conversations = world.simulator.truth().conversations.into_iter();
    let of_the_days = conversations.filter(|it| days.contains(it.start));
    let ids = of_the_days.map(|it| it.id);
    ids.filter(|id| world.simulator.messages(id).is_some())
        .collect()
}

/// Ids of the complete transcripts. Asserts that fewer than a tenth are `gone`: conversations whose session media does
/// not rule out messages are requested, but have none.
fn complete_ids(records: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let ids_with_status = |status: &str| {
        let records = records.iter().filter(|(_, it)| it["status"] == status);
        records.map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
    };
    assert!(ids_with_status("gone").len() * 10 < records.len());
    ids_with_status("complete")
}

#[tokio::test]
async fn an_export_has_transcripts_of_exactly_its_written_conversations() {
    for records in ["standard", "minimal", "normalized"] {
        let mut world = World::new(organisation(121, 80)).await;
        let request = world.request(
            "analytics-job",
            &format!(r#","exportId":"base","records":"{records}""#),
        );
        world.export(&request).await;
        let request = r#"{"source":"transcripts","fromExport":"base","pageSize":15}"#;

        let manifest = world.export(request).await;

        let expected = message_conversations_in_days(&world);
        let records = transcripts(&world, &manifest).await;
        assert_eq!(complete_ids(&records), expected);
        world.verify(&manifest.outcome.export_id).await;
        let again = world.start(request).await;
        assert_eq!(
            again, manifest.outcome.export_id,
            "the same request is the same export"
        );
    }
}

#[tokio::test]
async fn included_transcripts_wait_for_their_export_and_have_a_webhook() {
    let mut world = World::new(organisation(122, 60)).await;
    let request = world.request(
        "analytics-job",
        r#","exportId":"base","include":["transcripts"]"#,
    );
    let command = || Command::parse(&request).expect("a request");
    let started = world
        .invoke(command())
        .await
        .expect("not killed")
        .expect("started");
    let started_transcripts = started.transcripts.expect("transcripts beside it");
    assert_eq!(started_transcripts.export_id.as_str(), "base-transcripts");
    let again = world
        .invoke(command())
        .await
        .expect("not killed")
        .expect("started");
    assert_eq!(
        again.transcripts.expect("the same").export_id,
        started_transcripts.export_id
    );

    world.run().await;

    let manifest = world.manifest(&started_transcripts.export_id).await;
    let records = transcripts(&world, &manifest).await;
    assert_eq!(
        complete_ids(&records),
        message_conversations_in_days(&world)
    );
    assert_eq!(
        world.receiver.event_types_by_id().len(),
        2,
        "one event each"
    );
    world.verify(&started_transcripts.export_id).await;
}

#[tokio::test]
async fn transcripts_of_a_failed_export_fail_and_complete_after_resumes() {
    let mut world = World::new(organisation(123, 40)).await;
    world.simulator.set_faults(Faults {
        job_fails: true,
        ..Faults::default()
    });
    let request = world.request(
        "analytics-job",
        r#","exportId":"base","include":["transcripts"]"#,
    );
    world.start(&request).await;
    world.run().await;
    let transcripts = "base-transcripts".parse().expect("an id");
    let failed = world
        .failed_outcome(&transcripts, 1)
        .await
        .expect("a failure");
    let message = &failed.failures[0].failure.message;
    assert!(message.contains("the export base, "), "{message}");

    world.simulator.set_faults(Faults::default());
    world.resume(&"base".parse().expect("an id")).await;
    world.run().await;
    let manifest = world.resume_to_end(&transcripts).await;

    let records = self::transcripts(&world, &manifest).await;
    assert_eq!(
        complete_ids(&records),
        message_conversations_in_days(&world)
    );
}

#[tokio::test]
async fn transcripts_use_95_percent_of_the_rate_limit_with_few_429() {
    let mut world = World::new(Settings {
        rate_per_minute: 300,
        ..organisation(124, 2_400)
    })
    .await;
    let ids = world.message_conversations();
    let started_at = world.now();

    let records = export_transcripts(&mut world, &ids, VERBATIM).await;

    assert_eq!(records.len(), ids.len());
    let stats = world.simulator.stats();
    let texts = [Route::MessageConversation, Route::MessagesBulk];
    let request_count: u64 = texts.map(|route| stats.requests_on(route)).iter().sum();
    let seconds = world.now().duration_since(started_at).as_secs();
    let minutes = u64::try_from(seconds / 60).expect("time passes");
    println!(
        "{} conversations, {request_count} requests in {seconds} simulated seconds, {} answered 429",
        ids.len(),
        stats.throttled
    );
    assert!(
        stats.throttled * 100 <= request_count,
        "{} of {request_count}",
        stats.throttled
    );
    assert!(
        request_count * 100 >= 95 * 300 * minutes,
        "{request_count} in {seconds} s"
    );
}

#[tokio::test]
async fn each_transcript_is_published_once_without_its_text() {
    let unavailable_texts = UnavailableTexts {
        gone: 5,
        forbidden: 7,
        ..UnavailableTexts::default()
    };
    let mut world = World::new(Settings {
        unavailable_texts,
        ..organisation(125, 60)
    })
    .await;
    let ids = world.message_conversations();

    let records =
        export_transcripts(&mut world, &ids, &format!(r#","pageSize":7{VERBATIM}"#)).await;

    let events = world.topic.events_by_id();
    assert_eq!(events.len(), records.len());
    let published_text: String = events.values().map(|(body, _)| body.to_string()).collect();
    for (body, times) in events.values() {
        let record = &records[body["conversationId"].as_str().expect("an id")];
        let count = |field: &str| record[field].as_array().expect("a list").len() as u64;
        assert_eq!(*times, 1);
        assert_eq!(body["counts"]["messages"], count("messages"));
        assert_eq!(body["counts"]["participants"], count("participants"));
        for field in ["status", "via", "conversationStart", "languages"] {
            assert_eq!(body[field], record[field]);
        }
        let page = body["pageKey"].as_str().expect("a key");
        assert!(world.store.snapshot().contains_key(page), "{page}");
    }
    for record in records.values() {
        let texts = texts(archived_messages(record)).into_iter();
        let participants = record["participants"].as_array().expect("participants");
        let names = participants.iter().filter_map(|it| it["name"].as_str());
        for words in texts.chain(names.map(ToOwned::to_owned)) {
            // A text this short may be part of a word in the event's own fields.
            assert!(
                words.len() < 8 || !published_text.contains(&words),
                "{words}"
            );
        }
    }
}

#[tokio::test]
async fn exports_of_conversations_publish_no_event() {
    let mut world = World::new(organisation(126, 20)).await;
    let request = world.request("analytics-job", "");

    world.export(&request).await;

    assert!(world.topic.published().is_empty());
}

#[tokio::test]
async fn an_unreachable_topic_fails_the_export_and_a_resume_publishes_all() {
    // On each page, including the last one.
    for pages_before in 0..3 {
        let mut world = World::new(organisation(127, 60)).await;
        let ids: Vec<String> = world.message_conversations().into_iter().take(9).collect();
        let request = world.transcripts_request(&ids, r#","exportId":"texts","pageSize":3"#);
        let id = world.start(&request).await;
        let has_published = |world: &World| world.topic.published().len() == 3 * pages_before;
        assert!(world.run_until(has_published).await);

        world.topic.set_unreachable(true);
        world.run().await;

        let failed = world.failed_outcome(&id, 1).await.expect("a failure");
        assert_eq!(failed.failures[0].failure.kind, FailureKind::DeadLetter);
        let error = world.last_error().expect("an error");
        assert!(
            error.contains("its transcripts were not published: cannot publish"),
            "{error}"
        );

        world.topic.set_unreachable(false);
        let manifest = world.resume_to_end(&id).await;

        world.verify(&id).await;
        let archived = transcripts(&world, &manifest).await.into_keys().collect();
        let events = world.topic.events_by_id();
        let published_ids = events.values().map(|(body, _)| &body["conversationId"]);
        let published_ids: BTreeSet<String> = published_ids
            .map(|id| id.as_str().expect("an id").to_owned())
            .collect();
        assert_eq!(published_ids, archived, "{pages_before} pages before");
    }
}
