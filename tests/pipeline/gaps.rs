//! Exports that lack some of what they were asked for: status, counts, webhook, audit event and metrics.

use std::sync::Arc;

use conversation_archive::export::outcome::{ExportStatus, Manifest};
use end_to_end::logs::separate_by_world;
use end_to_end::world::{World, organisation};
use genesys_simulator::{Faults, ResponseFilter, Route, Settings, UnavailableTexts};
use jiff::Timestamp;
use serde_json::{Value, json};

/// An export and its expected outcome.
struct Case {
    name: &'static str,
    settings: Settings,
    /// The request of the export in this world.
    request: fn(&World) -> String,
    status: ExportStatus,
    /// The expected and the missing number, and the origin of the expected one.
    gaps: (u64, u64, &'static str),
    completeness: Option<f64>,
}

fn texts_of_ten(world: &World) -> String {
    world.transcripts_request(&world.message_conversations()[..10], "")
}

fn texts_with(unavailable_texts: UnavailableTexts) -> Settings {
    Settings {
        unavailable_texts,
        ..organisation(141, 60)
    }
}

/// Every request for a conversation's texts is refused with this status.
fn refusing_texts(status: u16) -> Settings {
    let filter: ResponseFilter = Arc::new(move |request, mut response| {
        if matches!(
            request.route,
            Route::MessageConversation | Route::Recordings
        ) {
            let body = json!({"message": "refused", "code": "refused", "status": status});
            (response.status, response.body) = (status, body.to_string().into());
        }
        response
    });
    Settings {
        response_filter: Some(filter),
        ..organisation(141, 60)
    }
}

fn malformed_every(every: usize) -> Settings {
    let faults = Faults {
        malformed_every: Some(every),
        ..Faults::default()
    };
    Settings {
        faults,
        ..organisation(141, 60)
    }
}

/// The first `known` conversations, and `unknown` ids that no conversation has.
fn lookup(world: &World, known: usize, unknown: usize, more_fields: &str) -> String {
    let conversations = world.simulator.truth().conversations.into_iter();
    let known = conversations.take(known).map(|it| it.id);
    let unknown = (0..unknown).map(|number| format!("00000000-0000-4000-8000-{number:012}"));
    let ids: Vec<_> = known.chain(unknown).collect();
    let webhook = world.receiver.url();
    format!(
        r#"{{"source":"analytics-query","filters":{{"conversationIds":{}}},"webhookUrl":"{webhook}"{more_fields}}}"#,
        json!(ids)
    )
}

/// An export of ten conversations in an organisation that serves no text.
fn without_texts(name: &'static str, settings: Settings) -> Case {
    Case {
        name,
        settings,
        request: texts_of_ten,
        status: ExportStatus::CompletedWithGaps,
        gaps: (10, 10, "requested"),
        completeness: Some(0.0),
    }
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "every conversation is found",
            settings: organisation(141, 60),
            request: texts_of_ten,
            status: ExportStatus::Completed,
            gaps: (10, 0, "requested"),
            completeness: Some(1.0),
        },
        without_texts(
            "every conversation is 404",
            texts_with(UnavailableTexts {
                gone: 1,
                ..UnavailableTexts::default()
            }),
        ),
        without_texts(
            "every conversation is 403",
            texts_with(UnavailableTexts {
                forbidden: 1,
                ..UnavailableTexts::default()
            }),
        ),
        without_texts("every conversation is 400", refusing_texts(400)),
        Case {
            name: "1 of 2 ids is unknown",
            settings: organisation(141, 60),
            request: |world| lookup(world, 1, 1, ""),
            status: ExportStatus::CompletedWithGaps,
            gaps: (2, 1, "requested"),
            completeness: Some(0.5),
        },
        Case {
            name: "1 of 10 ids is unknown, which is not more than a tenth",
            settings: organisation(141, 60),
            request: |world| lookup(world, 9, 1, ""),
            status: ExportStatus::Completed,
            gaps: (10, 1, "requested"),
            completeness: Some(0.9),
        },
        Case {
            name: "1 of 10 ids is unknown, and none may be",
            settings: organisation(141, 60),
            request: |world| lookup(world, 9, 1, r#","maxGapPercent":0"#),
            status: ExportStatus::CompletedWithGaps,
            gaps: (10, 1, "requested"),
            completeness: Some(0.9),
        },
        Case {
            name: "every id is unknown, and all may be",
            settings: organisation(141, 60),
            request: |world| lookup(world, 0, 3, r#","maxGapPercent":100"#),
            status: ExportStatus::Completed,
            gaps: (3, 3, "requested"),
            completeness: Some(0.0),
        },
        Case {
            name: "every record of a job lacks its id",
            settings: malformed_every(1),
            request: |world| world.request("analytics-job", ""),
            status: ExportStatus::CompletedWithGaps,
            gaps: (65, 65, "received"),
            completeness: None,
        },
        Case {
            name: "every 20th record of a job lacks its id",
            settings: malformed_every(20),
            request: |world| world.request("analytics-job", ""),
            status: ExportStatus::CompletedWithRejects,
            gaps: (60, 3, "received"),
            completeness: None,
        },
        Case {
            name: "every record of an export gateway lacks its id",
            settings: Settings {
                gateway_records: 40,
                ..malformed_every(1)
            },
            request: |world| world.request("export-gateway", ""),
            status: ExportStatus::CompletedWithGaps,
            gaps: (40, 40, "announced"),
            completeness: Some(0.0),
        },
    ]
}

#[tokio::test]
async fn an_outcome_says_how_much_of_what_was_asked_for_is_missing() {
    separate_by_world();
    for case in cases() {
        let mut world = World::new(case.settings).await;
        let request = (case.request)(&world);

        let manifest = world.export(&request).await;

        let name = case.name;
        assert_eq!(manifest.outcome.status, case.status, "{name}");
        let (expected, missing, basis) = case.gaps;
        let gaps = json!({"expected": expected, "missing": missing, "basis": basis});
        assert_eq!(json!(manifest.outcome.gaps), gaps, "{name}");
        let metrics = manifest.outcome.metrics.expect("metrics");
        assert_eq!(metrics.completeness, case.completeness, "{name}");
        let webhook = world.receiver.deliveries().pop().expect("a webhook").body;
        assert_eq!(webhook["type"], "export.completed", "{name}");
        assert_eq!(webhook["data"]["status"], case.status.as_str(), "{name}");
        assert_eq!(webhook["data"]["gaps"], gaps, "{name}");
        assert_eq!(
            audit_result(&manifest),
            expected_result(case.status, missing),
            "{name}"
        );
        let with_gaps = u64::from(case.status == ExportStatus::CompletedWithGaps);
        assert_eq!(measured(&world, "ExportsWithGaps"), [with_gaps], "{name}");
        assert_eq!(measured(&world, "ExportsCompleted"), [1], "{name}");
        world.verify(&manifest.outcome.export_id).await;
    }
}

#[tokio::test]
async fn the_event_of_an_outcome_sums_up_the_export() {
    let mut world = World::new(organisation(142, 60)).await;
    let request = lookup(&world, 1, 1, "");

    let manifest = world.export(&request).await;

    let mut details = manifest.outcome.event.details.clone();
    details
        .as_object_mut()
        .expect("an object")
        .remove("auditHeads");
    let totals = manifest.outcome.totals;
    let expected = json!({
        "status": "completed_with_gaps",
        "result": "partial",
        "attempt": 1,
        "interval": manifest.outcome.interval,
        "destination": world.archive().store().uri(""),
        "records": 1,
        "recordBytes": totals.record_bytes,
        "storedBytes": totals.stored_bytes,
        "environment": world.simulator.url().host_str(),
        "clientId": Settings::default().client_id,
        "idsRequested": 2,
        "idsRetrieved": 1,
    });
    assert_eq!(details, expected);
}

#[tokio::test]
async fn the_webhook_of_a_failure_has_its_start_rates_and_latencies() {
    let faults = Faults::refusing(Route::JobResults, 2);
    let mut world = World::new(Settings {
        faults,
        ..organisation(143, 60)
    })
    .await;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":10"#);

    let id = world.start(&request).await;
    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.event.details["result"], "failed");
    let webhook = world.receiver.deliveries().pop().expect("a webhook").body;
    let started: Timestamp =
        serde_json::from_value(webhook["data"]["startTimestamp"].clone()).expect("a moment");
    assert_eq!(started.as_millisecond(), failed.started_at.as_millisecond());
    let metrics = &webhook["data"]["metrics"];
    assert_eq!(
        (&metrics["pages"], &metrics["answers"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&metrics["repeats"], &metrics["cached"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(metrics["successRate"], 1.0);
    assert!(metrics["latencyMeanMs"].is_number(), "{metrics}");
    assert!(
        webhook["data"].get("gaps").is_none(),
        "only a complete export has gaps"
    );
}

fn audit_result(manifest: &Manifest) -> &str {
    let result = &manifest.outcome.event.details["result"];
    result.as_str().expect("a result")
}

fn expected_result(status: ExportStatus, missing: u64) -> &'static str {
    match (status, missing) {
        (ExportStatus::Completed, 0) => "success",
        _ => "partial",
    }
}

/// The values of a metric that this world recorded.
fn measured(world: &World, metric: &str) -> Vec<u64> {
    let logs = world.log_bytes();
    let lines = logs.split(|byte| *byte == b'\n');
    let values = lines.filter_map(|line| {
        let line: Value = serde_json::from_slice(line).ok()?;
        let measured = line["fields"]["measured"].as_str()?;
        serde_json::from_str::<Value>(measured).ok()?[metric].as_u64()
    });
    values.collect()
}
