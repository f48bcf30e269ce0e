//! Hours without the store or without the functions: messages survive, and an export with a message that cannot be
//! handled still ends.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::storage::queue::Queue;
use conversation_archive::storage::store::ArchiveStore;
use end_to_end::throttling_store::ThrottlingStore;
use end_to_end::world::{Turn, World, organisation, start_job};
use genesys_simulator::{Route, Settings};

const HOUR: Duration = Duration::from_hours(1);

async fn world(settings: Settings) -> World<ThrottlingStore> {
    World::with_store(Arc::new(ThrottlingStore::default()), settings, 2).await
}

/// Handles all messages with a throttling store, for this duration.
async fn throttle(world: &mut World<ThrottlingStore>, duration: Duration) {
    world.store.hook.set_throttling(true);
    let until = world.now() + duration;
    while world.now() < until {
        if world.turn().await == Turn::Idle && !world.advance_to_next_message() {
            break;
        }
    }
    world.store.hook.set_throttling(false);
}

fn has_dead_letters<S: ArchiveStore>(world: &World<S>) -> bool {
    let letters = |queue| world.queues.dead_letters(queue);
    Queue::ALL
        .into_iter()
        .any(|queue| !letters(queue).is_empty())
}

/// Receives every message repeatedly without handling it, as when Lambda throttles or kills the function.
fn receive_without_handling(world: &World, queue: Queue, duration: Duration) {
    let until = world.now() + duration;
    while world.now() < until {
        while world.queues.receive(queue).is_some() {}
        world.advance_clock(queue.settings().visibility_timeout);
    }
}

#[tokio::test]
async fn an_export_survives_a_four_hour_outage_of_the_store() {
    // While pages are read, while waiting for the job, and during completion.
    for requests in [0, 2, 6] {
        let mut world = world(Settings {
            job_ready_after: Duration::from_mins(5),
            ..organisation(221, 60)
        })
        .await;
        let request = world.request("analytics-job", r#","slices":2,"pageSize":10"#);
        let id = world.start(&request).await;
        world.run_until_requests(Route::JobResults, requests).await;

        throttle(&mut world, 4 * HOUR).await;
        assert!(!has_dead_letters(&world), "after {requests} requests");
        world.run().await;

        let manifest = world.manifest(&id).await;
        assert_eq!(manifest.outcome.status, ExportStatus::Completed);
        assert_eq!(manifest.outcome.attempt, 1);
        assert_eq!(world.receiver.deliveries().len(), 1);
    }
}

#[tokio::test]
async fn a_20_second_store_outage_costs_an_export_less_than_a_minute() {
    let mut world = world(organisation(222, 60)).await;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":10"#);
    world.start(&request).await;
    world.run_until_requests(Route::JobResults, 2).await;
    let since = world.now();

    throttle(&mut world, Duration::from_secs(20)).await;
    world.run().await;

    let took = world.now().duration_since(since).unsigned_abs();
    assert!(took < Duration::from_mins(1), "{took:?}");
}

#[tokio::test]
async fn six_hours_of_throttled_functions_make_no_dead_letter() {
    let settings = Settings {
        job_ready_after: Duration::from_mins(5),
        ..organisation(223, 20)
    };
    let (mut world, id) = start_job(settings, r#","slices":1"#).await;
    receive_without_handling(&world, Queue::Pages, 6 * HOUR);
    assert!(
        world
            .run_until(|world| world.queues.contents(Queue::Waiting).messages > 0)
            .await
    );
    receive_without_handling(&world, Queue::Waiting, 6 * HOUR);
    assert!(
        world
            .run_until(|world| world.queues.contents(Queue::Completion).messages > 0)
            .await
    );
    receive_without_handling(&world, Queue::Completion, 6 * HOUR);
    world.run().await;

    assert!(!has_dead_letters(&world));
    assert_eq!(world.manifest(&id).await.outcome.attempt, 1);
}

#[tokio::test]
async fn a_page_that_always_kills_its_function_fails_within_ten_hours() {
    let (mut world, id) = start_job(organisation(224, 20), r#","slices":1"#).await;

    receive_without_handling(&world, Queue::Pages, 10 * HOUR);
    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::DeadLetter);
}

#[tokio::test]
async fn a_page_of_a_damaged_export_is_a_dead_letter_within_an_hour() {
    let (mut world, id) = start_job(organisation(225, 40), r#","slices":1,"pageSize":10"#).await;
    world.run_until_requests(Route::JobResults, 1).await;
    world.damage(&format!("exports/{id}/request.json")).await;
    world.restart();
    let since = world.now();

    while !has_dead_letters(&world) {
        assert!(world.turn().await != Turn::Idle || world.advance_to_next_message());
    }

    let took = world.now().duration_since(since).unsigned_abs();
    assert!(took <= HOUR, "{took:?}");
}
