//! An export that failed because of an internal error is resumed automatically, a limited number of times.

use std::time::Duration;

use conversation_archive::archive::cancellation;
use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::export::scheduled_resume::ScheduledResume;
use conversation_archive::storage::queue::Queue;
use end_to_end::world::{World, organisation, start_job};
use genesys_simulator::{Faults, Route};
use sweep_exports::SweepOutcome;

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// Moves the page message of the newest attempt to the dead-letter queue, and runs until the webhook of the failure is
/// delivered.
async fn fail_with_dead_letter(world: &mut World) {
    let delivery = world.queues.receive(Queue::Pages).expect("a page message");
    world
        .queues
        .record_dead_letter(Queue::Pages, &delivery.receipt)
        .expect("buried");
    world.run().await;
}

async fn start_small_export(seed: u64) -> (World, ExportId) {
    start_job(organisation(seed, 40), r#","slices":1,"pageSize":10"#).await
}

fn resume_markers(world: &World) -> Vec<String> {
    let keys = world.store.snapshot().into_keys();
    keys.filter(|key| key.starts_with("resumes/")).collect()
}

#[tokio::test]
async fn an_export_failed_by_a_dead_letter_is_resumed_after_an_hour() {
    let (mut world, id) = start_small_export(231).await;
    fail_with_dead_letter(&mut world).await;
    assert_eq!(
        world
            .receiver
            .event_types_by_id()
            .into_values()
            .collect::<Vec<_>>(),
        ["export.failed"]
    );

    world.advance_clock(HOUR.saturating_sub(SECOND * 5));
    assert_eq!(world.sweep().await, []);
    world.advance_clock(SECOND * 10);
    assert_eq!(world.sweep().await, [SweepOutcome::ResumeRequested]);
    world.run().await;

    let manifest = world.manifest(&id).await;
    assert_eq!(manifest.outcome.attempt, 2);
    assert_eq!(manifest.content.counts.archived, 40);
    let archive = world.archive();
    let attempt = archive.attempt(&id, 2).await.expect("an attempt");
    assert_eq!(attempt.automatic_resumes, 1);
    assert_eq!(resume_markers(&world), [""; 0]);
    world.verify(&id).await;
}

#[tokio::test]
async fn an_export_that_stalled_is_resumed_after_an_hour() {
    let (mut world, id) = start_small_export(232).await;
    for _ in 0..4 {
        world.lose_messages();
        world.advance_clock(HOUR + SECOND);
        world.sweep().await;
    }
    world.run().await;
    assert!(world.failed_outcome(&id, 1).await.is_some());

    world.advance_clock(HOUR + SECOND);
    assert_eq!(world.sweep().await, [SweepOutcome::ResumeRequested]);
    world.run().await;

    assert_eq!(world.manifest(&id).await.outcome.attempt, 2);
}

#[tokio::test]
async fn automatic_resumes_stop_after_three_with_growing_waits() {
    let (mut world, id) = start_small_export(233).await;
    for wait in [1, 4, 12] {
        fail_with_dead_letter(&mut world).await;
        world.advance_clock((HOUR * wait).saturating_sub(SECOND * 5));
        assert_eq!(world.sweep().await, [], "before {wait} hours");
        world.advance_clock(SECOND * 10);
        assert_eq!(world.sweep().await, [SweepOutcome::ResumeRequested]);
        world.turn().await;
    }
    fail_with_dead_letter(&mut world).await;
    world.advance_clock(HOUR * 100);

    assert_eq!(world.sweep().await, []);
    assert!(world.failed_outcome(&id, 4).await.is_some());

    world.resume(&id).await;
    fail_with_dead_letter(&mut world).await;
    world.advance_clock(HOUR + SECOND);
    assert_eq!(
        world.sweep().await,
        [SweepOutcome::ResumeRequested],
        "a person began anew"
    );
    world.turn().await;
    world.run().await;
    assert_eq!(world.manifest(&id).await.outcome.attempt, 6);
}

#[tokio::test]
async fn an_export_refused_by_the_api_is_not_resumed_automatically() {
    let (mut world, id) = start_small_export(234).await;
    world
        .simulator
        .set_faults(Faults::refusing(Route::JobResults, 0));
    world.run().await;

    assert!(world.failed_outcome(&id, 1).await.is_some());
    assert_eq!(resume_markers(&world), [""; 0]);
    world.advance_clock(HOUR * 20);
    assert_eq!(world.sweep().await, []);
}

/// A gateway that announces one record too many and then refuses until it is healed, and an export that the operator
/// resumed.
async fn resume_with_unusable_query(seed: u64) -> (World, ExportId) {
    let mut world = World::new(organisation(seed, 40)).await;
    world.simulator.set_faults(Faults {
        gateway_total: 1,
        ..Faults::refusing(Route::ExportResults, 4)
    });
    let request = world.request("export-gateway", r#","slices":1,"pageSize":10"#);
    let id = world.start(&request).await;
    world.run().await;
    assert!(world.failed_outcome(&id, 1).await.is_some());
    assert_eq!(resume_markers(&world), [""; 0]);
    world.simulator.set_faults(Faults::default());
    world.resume(&id).await;
    world.run().await;
    (world, id)
}

#[tokio::test]
async fn an_attempt_with_an_unusable_query_is_followed_by_a_fresh_one() {
    let (mut world, id) = resume_with_unusable_query(237).await;
    let failed = world.failed_outcome(&id, 2).await.expect("a failure");
    let kinds: Vec<_> = failed.failures.iter().map(|it| it.failure.kind).collect();
    assert_eq!(kinds, [FailureKind::RecordsMissing]);

    world.advance_clock(HOUR + SECOND);
    assert_eq!(world.sweep().await, [SweepOutcome::ResumeRequested]);
    world.run().await;

    let manifest = world.manifest(&id).await;
    assert_eq!(manifest.outcome.attempt, 3);
    assert_eq!(manifest.content.counts.archived, 40);
    assert_eq!(resume_markers(&world), [""; 0]);
    world.verify(&id).await;
}

#[tokio::test]
async fn a_resume_request_is_sent_until_the_next_attempt_exists() {
    let (mut world, id) = resume_with_unusable_query(238).await;
    world.advance_clock(HOUR + SECOND);
    for _ in 0..3 {
        assert_eq!(world.sweep().await, [SweepOutcome::ResumeRequested]);
        world.lose_messages();
        world.advance_clock(HOUR);
    }
    assert_eq!(resume_markers(&world).len(), 1);

    assert_eq!(world.sweep().await, [SweepOutcome::ResumeRequested]);
    assert_eq!(world.sweep().await, [SweepOutcome::ResumeRequested]);
    world.run().await;

    let manifest = world.manifest(&id).await;
    assert_eq!(manifest.outcome.attempt, 3, "two messages, one attempt");
}

#[tokio::test]
async fn a_dependent_export_waits_for_an_automatic_resume() {
    let (mut world, id) = start_small_export(240).await;
    fail_with_dead_letter(&mut world).await;
    let request = format!(
        r#"{{"source":"transcripts","fromExport":"{id}","exportId":"texts","slices":1,"pageSize":50}}"#
    );
    let texts = world.start(&request).await;
    let waits = |world: &World| world.queues.contents(Queue::Waiting).messages > 0;
    assert!(world.run_until(waits).await);

    world.advance_clock(HOUR + SECOND);
    assert_eq!(
        world.sweep().await,
        [SweepOutcome::LeftAlone, SweepOutcome::ResumeRequested]
    );
    world.run().await;

    let manifest = world.manifest(&texts).await;
    assert_eq!(manifest.outcome.attempt, 1);
    assert_eq!(world.manifest(&id).await.outcome.attempt, 2);
}

#[tokio::test]
async fn an_export_cancelled_while_it_failed_is_not_resumed() {
    let (mut world, id) = start_small_export(239).await;
    fail_with_dead_letter(&mut world).await;
    // A cancel command, delayed since it found the attempt undecided.
    let now = world.now();
    cancellation::request(&world.archive(), &id, now)
        .await
        .expect("a store");

    world.advance_clock(HOUR + SECOND);
    assert_eq!(world.sweep().await, []);

    assert_eq!(resume_markers(&world), [""; 0]);
    assert!(world.failed_outcome(&id, 1).await.is_some());
}

#[tokio::test]
async fn a_manual_resume_replaces_the_automatic_one() {
    let (mut world, id) = start_small_export(235).await;
    fail_with_dead_letter(&mut world).await;
    assert_eq!(resume_markers(&world).len(), 1);

    let manifest = world.resume_to_end(&id).await;
    world.advance_clock(HOUR * 2);

    assert_eq!(world.sweep().await, []);
    assert_eq!(manifest.outcome.attempt, 2);
    assert_eq!(resume_markers(&world), [""; 0]);
}

#[tokio::test]
async fn a_resume_marker_of_a_resumed_attempt_is_removed() {
    let (mut world, id) = start_small_export(236).await;
    fail_with_dead_letter(&mut world).await;
    let archive = world.archive();
    let key = resume_markers(&world).remove(0);
    let marker: ScheduledResume = archive.read_key(&key).await.expect("read").expect("there");
    let manifest = world.resume_to_end(&id).await;
    archive
        .replace(marker.object_key(), &marker)
        .await
        .expect("written");
    world.advance_clock(HOUR * 2);

    assert_eq!(world.sweep().await, []);

    assert_eq!(resume_markers(&world), [""; 0]);
    let outcome = manifest.outcome;
    assert_eq!(
        (outcome.status, outcome.attempt),
        (ExportStatus::Completed, 2)
    );
}
