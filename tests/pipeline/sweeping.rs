//! sweep-exports: no export stops silently, and an export that waits legitimately is not disturbed.

use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::storage::queue::Queue;
use genesys_simulator::{Route, Settings, Watermark};
use sweep_exports::SweepOutcome;

use end_to_end::world::{World, organisation, start_job};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn the_sweep_resends_all_lost_messages_of_an_export() {
    let (mut world, id) = start_job(organisation(61, 100), r#","slices":4,"pageSize":10"#).await;
    world.run_until_requests(Route::JobResults, 4).await;
    world.lose_messages();

    assert_eq!(
        world.sweep().await,
        [SweepOutcome::LeftAlone],
        "it moved within the hour"
    );
    world.advance_clock(HOUR + Duration::from_secs(1));
    assert_eq!(world.sweep().await, [SweepOutcome::Revived]);
    world.run().await;

    assert_eq!(
        world.manifest(&id).await.outcome.status,
        ExportStatus::Completed
    );
    assert_eq!(world.sweep().await, [], "its marker is gone");
}

#[tokio::test]
async fn the_sweep_resends_a_lost_completion_message() {
    let (mut world, id) = start_job(organisation(62, 20), r#","slices":1"#).await;
    world.run_until_slices_ended(1).await;
    world.lose_messages();
    world.advance_clock(HOUR + Duration::from_secs(1));

    assert_eq!(world.sweep().await, [SweepOutcome::Revived]);
    world.run().await;

    assert_eq!(
        world.manifest(&id).await.outcome.status,
        ExportStatus::Completed
    );
}

#[tokio::test]
async fn a_lost_completion_is_resent_despite_a_long_backfill() {
    let mut world = World::new(organisation(66, 20)).await;
    let request = world.request("analytics-job", r#","slices":1,"exportId":"a-lost""#);
    let id = world.start(&request).await;
    world.run_until_slices_ended(1).await;
    world.lose_messages();
    let backfill = world.request("analytics-job", r#","slices":4,"exportId":"backfill""#);
    world.start(&backfill).await;
    assert!(world.queues.next_visible(Queue::Pages).is_some());
    world.advance_clock(HOUR + Duration::from_secs(1));

    let swept = world.sweep().await;

    assert_eq!(swept[0], SweepOutcome::Revived);
    world.run().await;
    let status = world.manifest(&id).await.outcome.status;
    assert_eq!(status, ExportStatus::Completed);
}

#[tokio::test]
async fn an_export_waiting_in_a_long_queue_is_never_given_up() {
    let (mut world, id) = start_job(organisation(67, 40), r#","slices":2,"pageSize":10"#).await;

    for hour in 1..=60 {
        world.advance_clock(HOUR);
        let swept = world.sweep().await;
        assert!(
            !swept.contains(&SweepOutcome::Failed),
            "hour {hour}: {swept:?}"
        );
    }
    world.run().await;

    assert_eq!(world.manifest(&id).await.content.counts.archived, 40);
}

#[tokio::test]
async fn sweeps_repeated_within_minutes_fail_no_export() {
    let (mut world, _) = start_job(organisation(68, 40), r#","slices":1,"pageSize":10"#).await;
    world.advance_clock(HOUR + Duration::from_secs(1));
    let mut swept = Vec::new();
    for _ in 0..6 {
        world.lose_messages();
        world.advance_clock(Duration::from_mins(1));
        swept.extend(world.sweep().await);
    }

    assert_eq!(swept[0], SweepOutcome::Revived);
    assert!(
        swept[1..].iter().all(|it| *it == SweepOutcome::LeftAlone),
        "{swept:?}"
    );
}

#[tokio::test]
async fn the_sweep_ignores_an_export_waiting_36_hours_for_its_watermark() {
    let before = "2026-02-01T00:00:00Z".parse().expect("a moment");
    let settings = Settings {
        watermark: Watermark::Never(before),
        ..organisation(63, 20)
    };
    let (mut world, id) = start_job(settings, r#","slices":1"#).await;

    let mut last_sweep = world.now();
    loop {
        let turn = world.turn().await;
        if turn == end_to_end::world::Turn::Idle && !world.advance_to_next_message() {
            break;
        }
        if world.now().duration_since(last_sweep).unsigned_abs() >= HOUR {
            last_sweep = world.now();
            assert!(
                world
                    .sweep()
                    .await
                    .iter()
                    .all(|swept| *swept == SweepOutcome::LeftAlone),
                "at {last_sweep}"
            );
        }
    }

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(
        failed.failures[0].failure.kind,
        FailureKind::WatermarkDeadline
    );
    assert_eq!(world.highest_receive_count, 1);
}

#[tokio::test]
async fn a_stalled_export_is_failed_after_three_fruitless_sweeps() {
    let (mut world, id) = start_job(organisation(64, 100), r#","slices":2,"pageSize":10"#).await;
    world.run_until_requests(Route::JobResults, 3).await;

    let mut swept = Vec::new();
    for _ in 0..4 {
        // All messages sent are lost again.
        world.lose_messages();
        world.advance_clock(HOUR + Duration::from_secs(1));
        swept.extend(world.sweep().await);
    }
    world.run().await;

    assert_eq!(
        swept,
        [
            SweepOutcome::Revived,
            SweepOutcome::Revived,
            SweepOutcome::Revived,
            SweepOutcome::Failed
        ]
    );
    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert!(
        failed
            .failures
            .iter()
            .all(|failed| failed.failure.kind == FailureKind::Stalled)
    );
    assert_eq!(
        world
            .receiver
            .event_types_by_id()
            .into_values()
            .collect::<Vec<_>>(),
        ["export.failed"]
    );

    world.resume(&id).await;
    world.run().await;
    assert_eq!(world.archived_count(&id).await, 100);
}

#[tokio::test]
async fn an_export_with_unreadable_page_records_is_failed_as_stalled() {
    let (mut world, id) = start_job(organisation(65, 60), r#","slices":1,"pageSize":20"#).await;
    let second = format!("exports/{id}/slices/0001/r01/page-000002.record.json");
    assert!(
        world
            .run_until(|world| world.store.snapshot().contains_key(&second))
            .await
    );
    for page in [1, 2] {
        world
            .damage(&format!(
                "exports/{id}/slices/0001/r01/page-{page:06}.record.json"
            ))
            .await;
    }

    for _ in 0..4 {
        world.lose_messages();
        world.advance_clock(HOUR + Duration::from_secs(1));
        world.sweep().await;
    }
    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert!(
        failed
            .failures
            .iter()
            .all(|failed| failed.failure.kind == FailureKind::Stalled)
    );
    assert_eq!(
        world
            .receiver
            .event_types_by_id()
            .into_values()
            .collect::<Vec<_>>(),
        ["export.failed"]
    );
    assert_eq!(world.sweep().await, [], "nothing is owed any more");
}
