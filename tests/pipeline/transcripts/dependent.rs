//! Transcripts of the conversations that another export lists.

use std::collections::{BTreeMap, BTreeSet};

use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::time::Interval;
use end_to_end::world::{DAYS, World, organisation};
use genesys_simulator::Faults;
use serde_json::Value;
use start_export::Command;

use super::transcripts;

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
    let failure = &failed.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::BaseExportIncomplete);
    assert!(failure.message.contains("the export base, "), "{failure}");

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
