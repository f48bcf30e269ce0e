//! Large exports: complete-export reads them in portions, over as many invocations as necessary.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_archive::archive::PortionLimits;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::{ExportStatus, Manifest};
use conversation_archive::storage::queue::{Delivery, Queue};
use genesys_simulator::{Faults, Repeat, RepeatedRow, Settings};

use end_to_end::process::invocation;
use end_to_end::world::{Turn, World, organisation, start_job};

const REQUEST: &str = r#","exportId":"large","slices":3,"pageSize":4,"records":"full""#;

/// Small limits, for many portions of one or two pages.
const SMALL: PortionLimits = PortionLimits { lines: 6, pages: 3 };

fn settings_with_repeated_rows() -> Settings {
    let row = |row, again_at, repeat| RepeatedRow {
        row,
        again_at,
        repeat,
    };
    Settings {
        faults: Faults {
            repeated_rows: vec![
                row(3, 8, Repeat::Identical),
                row(3, 40, Repeat::Changed),
                row(2, 50, Repeat::Identical),
            ],
            ..Faults::default()
        },
        spill: 0.0,
        ..organisation(91, 60)
    }
}

/// An export with these repeated rows whose slices have all ended.
async fn export_with_ended_slices(portions: PortionLimits) -> World {
    let mut world = World::new(settings_with_repeated_rows())
        .await
        .with_portion_limits(portions);
    let request = world.request("export-gateway", REQUEST);
    world.start(&request).await;
    world.run_until_slices_ended(3).await;
    world
}

fn id() -> ExportId {
    "large".parse().expect("an id")
}

async fn complete_and_verify(world: &mut World) -> Manifest {
    world.run().await;
    let manifest = world.manifest(&id()).await;
    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    let report = world.verify(&id()).await;
    assert_eq!(report.orphans, [""; 0]);
    manifest
}

fn comparison_keys(world: &World) -> Vec<String> {
    let keys = world.store.snapshot().into_keys();
    keys.filter(|key| key.contains("/comparison-")).collect()
}

#[tokio::test]
async fn the_manifest_content_does_not_depend_on_the_portion_size() {
    let mut whole = export_with_ended_slices(PortionLimits::default()).await;
    let expected = complete_and_verify(&mut whole).await.content;
    let repeated = expected.repeated.as_ref().expect("repeated records");
    assert_eq!(
        (repeated.identical_lines, repeated.ids_with_versions),
        (2, 1)
    );
    assert_eq!(
        comparison_keys(&whole),
        [""; 0],
        "a small export stores no portion"
    );

    for (lines, pages) in [(1, 100), (6, 3), (7, 100), (63, 2), (1_000, 1)] {
        let mut world = export_with_ended_slices(PortionLimits { lines, pages }).await;

        assert_eq!(
            complete_and_verify(&mut world).await.content,
            expected,
            "{lines} {pages}"
        );
        assert!(!comparison_keys(&world).is_empty());
    }
}

#[tokio::test]
async fn completing_a_small_export_takes_about_three_requests_a_page() {
    let (mut world, id) = start_job(organisation(92, 30), r#","slices":1,"pageSize":10"#).await;
    let delivery = last_completion_message(&mut world).await;

    let before = world.steps.step_count();
    handle(&world, &delivery).await;

    let pages = world.manifest(&id).await.outcome.totals.pages;
    // Plan, attempts, attempt (2), end, outcomes (2), cancellation; record, index and record again of each page; manifest; the
    // manifest's digest, the newest entry of the ledger and the next one; copies of the slice and the outcome; webhook,
    // marker, attempts.
    assert!(
        world.steps.step_count() - before <= 3 * pages + 20,
        "{} steps for {pages} pages",
        world.steps.step_count() - before
    );
}

/// Runs until the last completion message becomes visible.
async fn last_completion_message(world: &mut World) -> Delivery {
    world.run_until_slices_ended(1).await;
    let delivery = world.queues.receive(Queue::Completion);
    delivery.expect("a completion message")
}

async fn handle(world: &World, delivery: &Delivery) {
    let invocation = invocation(800, &world.clock);
    let handled = world.process.handle(delivery, &invocation);
    handled.await.expect("handled");
}

#[tokio::test]
async fn an_export_completes_over_several_invocations() {
    let expected =
        complete_and_verify(&mut export_with_ended_slices(PortionLimits::default()).await).await;
    let mut world = export_with_ended_slices(SMALL)
        .await
        .with_step_duration(Duration::from_secs(2));

    let mut invocations = 0;
    while !world
        .store
        .snapshot()
        .contains_key("exports/large/manifest.json")
    {
        let waiting = world.queues.contents(Queue::Completion);
        match world.turn().await {
            Turn::Done => {}
            Turn::Idle => assert!(world.advance_to_next_message(), "{waiting:?}"),
            turn => panic!("{turn:?}: {:?}", world.last_error()),
        }
        invocations += 1;
    }

    assert!(invocations >= 3, "{invocations} invocations");
    assert_eq!(
        complete_and_verify(&mut world).await.content,
        expected.content
    );
    assert_eq!(world.highest_receive_count, 1, "no message failed");
}

#[tokio::test]
async fn audit_copies_over_several_invocations_precede_the_webhook() {
    let mut world = export_with_ended_slices(SMALL)
        .await
        .with_step_duration(Duration::from_secs(2));
    let copies = |world: &World| {
        let objects = world.store.snapshot();
        objects.keys().filter(|key| key.contains("-slice-")).count()
    };
    let manifest = "exports/large/manifest.json";

    let mut seen = BTreeSet::new();
    while world.receiver.deliveries().is_empty() {
        if world.turn().await == Turn::Idle {
            assert!(world.advance_to_next_message());
        }
        if world.store.snapshot().contains_key(manifest) {
            seen.insert(copies(&world));
        }
    }

    assert!(seen.len() > 1, "copied at once: {seen:?}");
    assert_eq!(
        seen.last(),
        Some(&3),
        "the webhook was delivered before everything was copied"
    );
    complete_and_verify(&mut world).await;
    assert_eq!(world.receiver.event_types_by_id().len(), 1);
}

#[tokio::test]
async fn an_invocation_without_progress_fails_instead_of_looping() {
    let mut world = export_with_ended_slices(SMALL)
        .await
        .with_step_duration(Duration::from_mins(2));

    let turn = world.turn().await;

    assert_eq!(turn, Turn::Failed);
    let error = world.last_error().expect("an error");
    assert!(error.contains("the invocation ended before"), "{error}");
}

#[tokio::test]
async fn two_handlers_of_one_completion_message_store_the_same_portions() {
    let mut alone = export_with_ended_slices(SMALL).await;
    let expected = complete_and_verify(&mut alone).await.content;
    let expected_keys = comparison_keys(&alone);
    // The second handler begins while the first is at any of its steps.
    for lead in (0..60).step_by(4) {
        let mut world = export_with_ended_slices(SMALL).await;
        let delivery = world.queues.receive(Queue::Completion).expect("a message");
        let (first, second) = (&world.process, world.another_process());
        let invocation = invocation(800, &world.clock);

        let one = first.handle(&delivery, &invocation);
        let other = async {
            for _ in 0..lead {
                tokio::task::yield_now().await;
            }
            second.handle(&delivery, &invocation).await
        };
        let (one, other) = tokio::join!(one, other);

        one.expect("handled");
        other.expect("handled");
        assert_eq!(complete_and_verify(&mut world).await.content, expected);
        assert_eq!(comparison_keys(&world), expected_keys, "{lead}");
    }
}

#[tokio::test]
async fn portions_stored_under_other_limits_are_used() {
    let expected = complete_and_verify(&mut export_with_ended_slices(SMALL).await)
        .await
        .content;
    let mut world = export_with_ended_slices(SMALL)
        .await
        .with_step_duration(Duration::from_secs(2));
    let is_begun = |world: &World| {
        comparison_keys(world)
            .iter()
            .any(|key| key.contains("/portion-"))
    };
    assert!(world.run_until(is_begun).await);

    let other = PortionLimits {
        lines: 25,
        pages: 50,
    };
    let mut world = world.with_portion_limits(other);

    assert_eq!(complete_and_verify(&mut world).await.content, expected);
}

#[tokio::test]
async fn a_damaged_portion_is_recomputed_by_the_next_attempt() {
    let mut world = export_with_ended_slices(SMALL)
        .await
        .with_step_duration(Duration::from_secs(2));
    let is_begun = |world: &World| {
        comparison_keys(world)
            .iter()
            .any(|key| key.contains("/portion-"))
    };
    assert!(world.run_until(is_begun).await);
    for key in comparison_keys(&world) {
        if !key.contains("/portion-") {
            world.damage(&key).await;
        }
    }

    for _ in 0..4 {
        world.run().await;
        world.advance_clock(Duration::from_secs(3_601));
        world.sweep().await;
    }
    assert!(world.failed_outcome(&id(), 1).await.is_some());
    world.resume(&id()).await;

    assert_eq!(complete_and_verify(&mut world).await.outcome.attempt, 2);
    let attempts: BTreeSet<_> = comparison_keys(&world)
        .iter()
        .map(|key| key[..27].to_owned())
        .collect();
    assert_eq!(attempts.len(), 2, "{attempts:?}");
}
