//! An export that is cancelled while it runs ends as cancelled and its jobs are deleted, even if all its messages were
//! lost.

use conversation_archive::archive::cancellation;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use genesys_simulator::{Faults, Route, Settings};
use start_export::{Command, State};

use end_to_end::world::{World, organisation, start_job};

async fn cancelled_outcome(
    world: &World,
    id: &conversation_archive::base::ids::ExportId,
) -> Outcome {
    world
        .archive()
        .read(ObjectKey::Cancelled(id))
        .await
        .expect("readable")
        .expect("an outcome")
}

#[tokio::test]
async fn an_export_cancelled_while_running_ends_with_its_jobs_deleted() {
    let (mut world, id) = start_job(organisation(51, 200), r#","slices":4,"pageSize":10"#).await;
    world.run_until_requests(Route::JobResults, 3).await;

    let result = world
        .invoke(Command::Cancel(id.clone()))
        .await
        .expect("alive")
        .expect("an answer");
    world.run().await;

    assert_eq!(result.state, State::Cancelling);
    assert_eq!(
        cancelled_outcome(&world, &id).await.status,
        ExportStatus::Cancelled
    );
    assert_eq!(world.simulator.stats().live_jobs, Vec::<String>::new());
    assert_eq!(
        world
            .receiver
            .event_types_by_id()
            .into_values()
            .collect::<Vec<_>>(),
        ["export.cancelled"]
    );
    assert!(world.queues.is_empty());
}

#[tokio::test]
async fn an_export_without_messages_can_be_cancelled() {
    let (mut world, id) = start_job(organisation(52, 200), r#","slices":4,"pageSize":10"#).await;
    world.run_until_requests(Route::JobResults, 3).await;
    world.lose_messages();

    world
        .invoke(Command::Cancel(id.clone()))
        .await
        .expect("alive")
        .expect("an answer");
    world.run().await;

    assert_eq!(
        cancelled_outcome(&world, &id).await.status,
        ExportStatus::Cancelled
    );
    assert_eq!(world.simulator.stats().live_jobs, Vec::<String>::new());
}

#[tokio::test]
async fn an_export_waiting_for_its_job_is_cancelled_at_once() {
    let faults = Faults {
        job_stuck: true,
        ..Faults::default()
    };
    let settings = Settings {
        faults,
        ..organisation(53, 20)
    };
    let (mut world, id) = start_job(settings, r#","slices":1"#).await;
    assert!(
        world
            .run_until(|world| world
                .queues
                .next_visible(conversation_archive::storage::queue::Queue::Waiting)
                .is_some())
            .await
    );
    let before = world.now();

    world
        .invoke(Command::Cancel(id.clone()))
        .await
        .expect("alive")
        .expect("an answer");
    let archive = world.archive();
    while archive.is_open(&id).await.expect("readable") {
        assert_eq!(world.turn().await, end_to_end::world::Turn::Done);
    }

    assert_eq!(world.now(), before, "the cancel does not wait for the job");
    assert_eq!(world.simulator.stats().live_jobs, Vec::<String>::new());
    world.run().await;
    assert_eq!(world.receiver.event_types_by_id().len(), 1);
}

#[tokio::test]
async fn a_cancelled_export_cannot_be_resumed() {
    let (mut world, id) = start_job(organisation(54, 50), r#","slices":1,"pageSize":10"#).await;
    world
        .invoke(Command::Cancel(id.clone()))
        .await
        .expect("alive")
        .expect("an answer");
    world.run().await;

    let resumed = world.resume(&id).await;

    assert_eq!(resumed.state, State::Cancelled);
    assert!(world.queues.is_empty());
}

#[tokio::test]
async fn an_unknown_export_cannot_be_cancelled() {
    let mut world = World::new(organisation(55, 5)).await;

    let refusal = world
        .refusal(Command::Cancel("nobody".parse().expect("an id")))
        .await;

    assert_eq!(
        refusal,
        "`exportId` is nobody: there is no export with this id in this archive"
    );
}

#[tokio::test]
async fn a_cancel_after_a_failure_does_not_cancel_the_resume() {
    let mut world = World::new(organisation(77, 40)).await;
    world.process.page.settings.max_pages_per_slice = 1;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":10"#);
    let id = world.start(&request).await;
    world.run().await;
    assert!(world.failed_outcome(&id, 1).await.is_some());
    // A cancel command, delayed since it found the attempt undecided.
    let archive = world.archive();
    cancellation::request(&archive, &id, world.now())
        .await
        .expect("a store");

    world.process.page.settings.max_pages_per_slice = 10;
    world.resume(&id).await;
    let is_cancelled = cancellation::is_requested(&archive, &id)
        .await
        .expect("a store");
    cancellation::request(&archive, &id, world.now())
        .await
        .expect("a store");
    let is_cancelled_anew = cancellation::is_requested(&archive, &id)
        .await
        .expect("a store");

    assert_eq!((is_cancelled, is_cancelled_anew), (false, true));
}
