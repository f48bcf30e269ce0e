//! Two handlers of the same conversations: one is suspended before each of its steps while the other one runs.

use std::time::Duration;

use conversation_archive::storage::queue::Delivery;
use end_to_end::process::invocation;
use end_to_end::seams::Steps;
use end_to_end::world::messages_of;

use super::live::LiveWorld;

/// How far the other handler gets while the first one is suspended.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    /// It handles its messages.
    Handled,
    /// Its exports are completed, too.
    Completed,
}

/// The messages of the two handlers. The first conversation is in both, and each handler has one of its own.
async fn hear(live: &LiveWorld, ids: &[String]) -> (Vec<Delivery>, Vec<Delivery>) {
    live.hear(&ids[..2]).await;
    let first = live.receive_after_settling();
    live.hear(&[ids[0].clone(), ids[2].clone()]).await;
    (first, live.receive_after_settling())
}

/// Returns the number of steps of the first handler.
async fn count_steps() -> u64 {
    let live = LiveWorld::new(521).await;
    let (first, _) = hear(&live, &live.ended_ids(3)).await;
    let gated = live.world.gated_process(Steps::default()).await;
    let invocation = invocation(1, &live.world.clock);
    let messages = messages_of(&first);
    let results = gated
        .process
        .ended
        .handle(&messages, &invocation)
        .await
        .results;
    assert!(results.iter().all(Result::is_ok));
    gated.steps.step_count()
}

async fn run_side_by_side(step: u64, meanwhile: Meanwhile) {
    let mut live = LiveWorld::new(521).await;
    let ids = live.ended_ids(3);
    let (first, second) = hear(&live, &ids).await;
    let gated = live.world.gated_process(Steps::suspend_before(step)).await;
    let invocation = invocation(1, &live.world.clock);
    let messages = messages_of(&first);
    let suspended = gated.process.ended.handle(&messages, &invocation);
    let other = async {
        gated.steps.wait_until_suspended().await;
        live.world.fetch_ended_of(&second).await;
        if matches!(meanwhile, Meanwhile::Completed) {
            // The messages of the suspended handler are redelivered as well.
            live.world.queues.expire_in_flight();
            live.world.run().await;
        }
        gated.steps.release();
    };

    let (looked_up, ()) = tokio::join!(suspended, other);
    let results = looked_up.results;

    assert!(
        results.iter().all(Result::is_ok),
        "step {step}: {results:?}"
    );
    live.world.queues.expire_in_flight();
    live.world.run().await;
    // A marker that the late handler wrote again.
    live.world.clock.advance(Duration::from_mins(61));
    live.world.sweep().await;
    live.world.run().await;
    let once: Vec<_> = ids.iter().map(|id| (id, 1)).collect();
    live.assert_exported(&once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handlers_of_one_conversation_export_it_once() {
    for step in 0..count_steps().await {
        Box::pin(run_side_by_side(step, Meanwhile::Handled)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_is_late_by_a_whole_export_changes_nothing() {
    let steps = count_steps().await;
    assert!(steps > 10, "{steps} steps");
    for step in 0..steps {
        Box::pin(run_side_by_side(step, Meanwhile::Completed)).await;
    }
}
