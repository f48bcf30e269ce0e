//! Conversations that a process heard of, and that it had not exported when it ended.

use std::time::Duration;

use conversation_archive::storage::queue::Queue;
use end_to_end::seams::Kill;
use end_to_end::world::{Turn, World};
use genesys_archive::capture::CapturePhase;

use super::handover::{hear, start, world};

/// The conversations that are in complete exports of their own.
async fn exported(world: &mut World) -> usize {
    world.clock.advance(Duration::from_mins(3));
    world.fetch_ended().await;
    for _ in 0..3 {
        world.run().await;
        world.clock.advance(Duration::from_mins(61));
        world.sweep().await;
    }
    let keys = world.store.snapshot().into_keys();
    keys.filter(|key| key.starts_with("ended/conversations/"))
        .count()
}

/// Takes over from a process that has ended, and lets it look up what the other one had heard of.
async fn take_over(world: &World) {
    let mut second = start(world).await;
    second
        .until(world, |figures| figures.phase == CapturePhase::Hearing)
        .await;
    while world.queues.contents(Queue::Ended).messages == 0 {
        second.pass_a_second(world).await;
    }
    second.stop().await.expect("in order");
}

#[tokio::test]
async fn the_next_process_looks_up_what_the_one_before_had_heard_of() {
    let mut world = world(841).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 30).await;
    first.stop().await.expect("in order");
    world.lose_messages();

    take_over(&world).await;

    assert!(exported(&mut world).await > 5);
}

#[tokio::test]
async fn a_batch_whose_export_was_never_started_is_finished_by_the_next_process() {
    // Each step of fetch-ended but the last ones, which start the export.
    for step in [1, 3, 6] {
        let mut world = world(842).await;
        let mut first = start(&world).await;
        hear(&world, &mut first, 30).await;
        first.stop().await.expect("in order");
        world.clock.advance(Duration::from_mins(3));
        world
            .steps
            .kill_at(Kill::After(world.steps.step_count() + step));
        assert_eq!(world.fetch_ended().await, Turn::Killed, "step {step}");
        world.lose_messages();

        take_over(&world).await;

        let claims = exported(&mut world).await;
        assert!(claims > 5, "step {step}: {claims}");
        let open = world.archive().list_all("open/").await;
        assert_eq!(open.expect("a listing"), [], "step {step}");
    }
}
