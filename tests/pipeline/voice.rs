//! Calls and e-mails: their texts from speech and text analytics and from recordings, beside messages or alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use conversation_archive::export::outcome::{ExportStatus, Manifest};
use end_to_end::world::{World, organisation};
use genesys_simulator::{OtherMedia, Route, Settings, UnavailableSpeech, UnavailableTexts};
use serde_json::Value;

mod emails;
mod large;
mod media;
mod redaction;
mod unrecorded;

const VERBATIM: &str = r#","redaction":{"enabled":false}"#;

/// An organisation with conversations of all media.
fn mixed(seed: u64, conversations: usize) -> Settings {
    Settings {
        other_media: OtherMedia {
            email: 5,
            message_and_voice: 5,
        },
        ..organisation(seed, conversations)
    }
}

/// A world whose client waits for responses however busy the machine is.
async fn patient(settings: Settings) -> World {
    World::with_store(Arc::default(), settings, 2).await
}

/// Ids of the conversations with a recorded call.
fn spoken(world: &World) -> Vec<String> {
    let conversations = world.simulator.truth().conversations.into_iter();
    let ids = conversations.map(|it| it.id);
    ids.filter(|id| !world.simulator.phrases(id).is_empty())
        .collect()
}

/// Exports the conversations; all of their texts may be missing.
async fn export(
    world: &mut World,
    ids: &[String],
    more_fields: &str,
) -> (Manifest, BTreeMap<String, Value>) {
    let fields = format!(r#"{more_fields},"maxGapPercent":100"#);
    let request = world.transcripts_request(ids, &fields);
    let manifest = world.export(&request).await;
    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    world.verify(&manifest.outcome.export_id).await;
    let records = records(world, &manifest).await;
    (manifest, records)
}

async fn records(world: &World, manifest: &Manifest) -> BTreeMap<String, Value> {
    let lines = world.archived_lines(manifest).await.into_keys();
    let records = lines.map(|line| {
        let record: Value = serde_json::from_str(&line).expect("a record");
        let id = record["conversationId"].as_str().expect("an id");
        (id.to_owned(), record)
    });
    records.collect()
}

fn list<'a>(record: &'a Value, name: &str) -> &'a [Value] {
    record[name].as_array().map_or(&[], Vec::as_slice)
}

/// The phrases of a record: communication, start and text.
fn phrases(record: &Value) -> Vec<(String, String, String)> {
    let messages = list(record, "messages").iter();
    let phrases = messages.filter(|it| it["type"] == "Phrase");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    phrases
        .map(|it| {
            (
                text(&it["speech"]["communicationId"]),
                text(&it["time"]),
                text(&it["text"]),
            )
        })
        .collect()
}

fn said(world: &World, id: &str) -> Vec<(String, String, String)> {
    let phrases = world.simulator.phrases(id).into_iter();
    phrases
        .map(|it| (it.communication_id, it.time.to_string(), it.text))
        .collect()
}

#[tokio::test]
async fn every_phrase_of_every_leg_is_archived_in_the_order_of_time() {
    let mut world = World::new(mixed(301, 50)).await;
    let ids = spoken(&world);
    assert!(ids.len() > 10);

    let (_, records) = export(
        &mut world,
        &ids,
        &format!(r#","media":["voice"],"pageSize":9{VERBATIM}"#),
    )
    .await;

    assert_eq!(records.len(), ids.len());
    let mut legs = 0;
    for id in &ids {
        let record = &records[id];
        let archived = phrases(record);
        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(record["via"], "speechAnalytics");
        assert_eq!(archived, said(&world, id));
        assert_eq!(list(record, "parts")[0]["medium"], "voice");
        let mut of_record: Vec<_> = archived.iter().map(|(leg, ..)| leg).collect();
        of_record.dedup();
        legs = legs.max(of_record.len());
        for message in list(record, "messages") {
            let speech = &message["speech"];
            assert!(speech["offsetMs"].is_u64() && speech["durationMs"].is_u64());
            assert!(speech["confidence"].as_f64().is_some_and(|it| it <= 1.0));
            assert!(message["purpose"].is_string() && message["fingerprint"].is_string());
        }
        let recordings = list(record, "recordings");
        assert!(!recordings.is_empty());
        for recording in recordings {
            let key = recording["archiveKey"].as_str().expect("a key");
            let (folder, start) = (format!("conversation_id={id}/"), "/year=2026/month=0");
            assert!(key.contains(&folder) && key.contains(start), "{key}");
            assert_eq!(recording["fileState"], "AVAILABLE");
        }
    }
    assert!(legs > 1, "several legs in one conversation");
}

#[tokio::test]
async fn transcripts_are_downloaded_from_another_host_without_a_token() {
    let mut world = World::new(mixed(302, 30)).await;
    let ids = spoken(&world);

    export(&mut world, &ids, r#","media":["voice"]"#).await;

    // The simulator refuses a download with a token.
    let stats = world.simulator.stats();
    assert!(stats.requests_on(Route::TranscriptFile) >= ids.len() as u64);
}

#[tokio::test]
async fn phrases_are_redacted_and_nothing_said_is_in_other_documents() {
    let mut world = World::new(mixed(303, 60)).await;
    let ids = spoken(&world);

    let (manifest, records) = export(&mut world, &ids, r#","media":["voice"]"#).await;

    for record in records.values() {
        let line = record.to_string();
        assert!(!line.contains("@quillpost.example") && !line.contains("+1202555"));
    }
    assert!(manifest.content.redactions.total() > 10);
    let planted = world.simulator.truth().planted;
    let documents = world.store.snapshot().into_iter();
    let documents =
        documents.filter(|(key, _)| !key.contains("/page-") || key.ends_with("record.json"));
    for (key, document) in documents {
        let text = String::from_utf8_lossy(&document);
        let holds = planted.iter().any(|value| text.contains(value));
        assert!(!holds, "{key} holds something that was said");
    }
}

/// The status, the problem and the manifest's warnings of conversations whose calls all have the same fault.
async fn outcome(unavailable_speech: UnavailableSpeech, permissions: &[&str]) -> String {
    let mut settings = Settings {
        unavailable_speech,
        ..mixed(304, 20)
    };
    if !permissions.is_empty() {
        settings.permissions = permissions.iter().map(ToString::to_string).collect();
    }
    let mut world = patient(settings).await;
    let ids = spoken(&world);

    let fields = format!(r#","media":["voice"]{VERBATIM}"#);
    let (manifest, records) = export(&mut world, &ids[..2], &fields).await;

    let mut outcomes: Vec<_> = records
        .values()
        .map(|record| {
            let text = |name: &str| record[name].as_str().unwrap_or("none").to_owned();
            format!("{}: {}", text("status"), text("problem"))
        })
        .collect();
    outcomes.dedup();
    let warnings = manifest.warnings.iter();
    let warnings = warnings.filter_map(|it| it.strip_prefix("slice 1 page 1: "));
    let warnings = warnings.collect::<Vec<_>>().join("; ");
    format!("{} [{warnings}]", outcomes.join(" / "))
}

#[tokio::test]
async fn each_answer_for_a_transcript_has_its_own_status() {
    const DETAILS: &str = "analytics:conversationDetail:view";
    const RECORDINGS: &str = "recording:recording:view";
    let of = |change: fn(&mut UnavailableSpeech)| {
        let mut faults = UnavailableSpeech::default();
        change(&mut faults);
        async move { outcome(faults, &[]).await }
    };

    let outcomes = [
        ("200", of(|_| {}).await),
        ("202 once", of(|it| it.preparing = 1).await),
        ("202 always", of(|it| it.preparing = 1_000).await),
        ("403", of(|it| it.forbidden = 1).await),
        ("403 licence", of(|it| it.unlicensed = true).await),
        (
            "403 permission",
            outcome(UnavailableSpeech::default(), &[DETAILS, RECORDINGS]).await,
        ),
        ("404", of(|it| it.gone = 1).await),
        ("expired once", of(|it| it.expired = 1).await),
        ("expired always", of(|it| it.expired = 1_000).await),
        ("file 404", of(|it| it.file_gone = 1).await),
        ("other JSON", of(|it| it.malformed = 1).await),
        ("no JSON", of(|it| it.not_json = 1).await),
    ];

    let lines = outcomes.map(|(case, outcome)| format!("{case}: {outcome}"));
    assert_eq!(
        lines,
        [
            "200: complete: none []",
            "202 once: complete: none []",
            "202 always: preparing: the transcript of the call was not ready in time []",
            "403: forbidden: the client may not read the transcript of the call [the client may not read any conversation of this page: its role may lack speechAndTextAnalytics:data:view, or access to their divisions]",
            "403 licence: notLicensed: the organisation has no licence for speech and text analytics, or has not switched it on [the organisation has no licence for speech and text analytics, or has not switched it on]",
            "403 permission: forbidden: the client may not read transcripts of calls: they need recording:recording:view and speechAndTextAnalytics:data:view [the client may not read transcripts of calls: they need recording:recording:view and speechAndTextAnalytics:data:view; the client may not read any conversation of this page: its role may lack speechAndTextAnalytics:data:view, or access to their divisions]",
            "404: gone: no transcript of the call was found []",
            "expired once: complete: none []",
            "expired always: unavailable: the host of the transcript of the call refuses it with the status 403 []",
            "file 404: gone: no transcript of the call was found []",
            "other JSON: malformed: the transcript of the call is malformed: the host returned 200 with an undocumented response: `transcripts` is not a list []",
            "no JSON: malformed: the transcript of the call is malformed: the host returned 200 with application/json that is not JSON (line 1, column 1) []",
        ]
    );
}

#[tokio::test]
async fn a_transcript_of_20_mb_is_read_and_a_larger_one_is_too_large() {
    for (padded_bytes, status) in [(20_000_000, "complete"), (41_000_000, "tooLarge")] {
        let mut world = patient(Settings {
            unavailable_speech: UnavailableSpeech {
                padded_bytes,
                ..UnavailableSpeech::default()
            },
            ..mixed(305, 10)
        })
        .await;
        let ids = &spoken(&world)[..1];

        let (_, records) = export(&mut world, ids, r#","media":["voice"]"#).await;

        for record in records.values() {
            assert_eq!(record["status"], status, "{}", record["problem"]);
        }
    }
}

#[tokio::test]
async fn a_leg_without_its_transcript_makes_the_call_partial() {
    let unavailable_texts = UnavailableTexts::default();
    let mut world = World::new(Settings {
        unavailable_texts,
        ..mixed(306, 60)
    })
    .await;
    let several = |world: &World, id: &String| {
        let legs = world.simulator.phrases(id).into_iter();
        let legs: std::collections::BTreeSet<_> = legs.map(|it| it.communication_id).collect();
        (legs.len() > 1).then(|| legs.into_iter().next().expect("a leg"))
    };
    let ids = spoken(&world);
    let (id, leg) = ids
        .iter()
        .find_map(|id| Some((id.clone(), several(&world, id)?)))
        .expect("a call with several legs");
    let gone = format!("/communications/{leg}/transcripturl");
    world.simulator.update(|settings| {
        settings.response_filter = Some(Arc::new(move |request, response| {
            if request.path.ends_with(&gone) {
                genesys_simulator::ApiResponse {
                    status: 404,
                    body: r#"{"status":404,"code":"not.found","message":"not found"}"#.into(),
                    ..response
                }
            } else {
                response
            }
        }));
    });

    let fields = format!(r#","media":["voice"]{VERBATIM}"#);
    let (_, records) = export(&mut world, std::slice::from_ref(&id), &fields).await;

    let record = &records[&id];
    assert_eq!(record["status"], "partial");
    let problem = record["problem"].as_str().expect("a problem");
    assert!(
        problem.contains(" legs: no transcript of the call was found"),
        "{problem}"
    );
    let expected = said(&world, &id).into_iter();
    let expected: Vec<_> = expected.filter(|(of, ..)| *of != leg).collect();
    assert_eq!(phrases(record), expected);
}
