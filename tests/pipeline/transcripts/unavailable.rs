//! Conversations that cannot be read, outages, permissions and the rate limit.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation_archive::archive::exports;
use end_to_end::world::{World, organisation};
use genesys_simulator::{Faults, Outage, OutageKind, Route, Settings, UnavailableTexts};

use super::{VERBATIM, archived_messages, expected_messages, export_transcripts, transcripts};

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
