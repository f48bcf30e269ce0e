//! A process that is killed, suspended or refused by the store at each step of storing a batch.

mod failing_store;

use std::sync::Arc;

use end_to_end::seams::{Kill, Steps};
use serde_json::Value;

use super::events::{conversations, event, identities};
use super::world::{LiveProcess, LiveWorld, Messages};
use failing_store::{FailingStore, Trouble};

const NOT_AN_EVENT: &str = "not an event";

/// Two batches, the second of which also holds a message that is quarantined.
fn batches(frames: &[Value]) -> [Messages; 2] {
    let (first, second) = frames.split_at(frames.len() / 2);
    let second = second.iter().map(event).chain([NOT_AN_EVENT.to_owned()]);
    [Messages::of(first.iter().map(event)), Messages::of(second)]
}

/// Number of steps of these batches without a disturbance.
async fn undisturbed_steps(frames: &[Value]) -> u64 {
    let world = LiveWorld::new();
    let process = world.process(1);
    for batch in batches(frames) {
        process.handle(&batch.0).await;
    }
    let steps = process.steps.step_count();
    assert_eq!(
        steps, 7,
        "frame object, index and record each; a quarantined frame"
    );
    steps
}

/// Everything is stored: each frame, and the message that is none.
fn assert_complete(world: &LiveWorld, frames: &[Value], context: &str) {
    let objects = world.objects();
    assert_eq!(objects.identities(), identities(frames), "{context}");
    assert_eq!(objects.quarantined().len(), 1, "{context}");
}

#[tokio::test]
async fn a_process_killed_at_any_step_loses_no_frame() {
    let frames = conversations(10);
    let steps = undisturbed_steps(&frames).await;
    let mut orphans = 0;
    for kill in (0..steps).flat_map(|number| [Kill::Before(number), Kill::After(number)]) {
        let world = LiveWorld::new();
        let mut process = world.process(1);
        process.steps.kill_at(kill);
        let mut kills = 0;
        for batch in batches(&frames) {
            if process.handle_or_die(&batch).await.is_none() {
                kills += 1;
                process = world.process(2);
                assert!(process.handle_or_die(&batch).await.is_some());
            }
        }

        assert_eq!(kills, 1, "{kill:?}");
        assert_complete(&world, &frames, &format!("{kill:?}"));
        let stored = world.store.snapshot().into_keys();
        let stored = stored.filter(|key| key.ends_with(".ndjson.gz"));
        orphans += stored.count() - world.objects().records().count();
    }
    assert!(
        orphans > 0,
        "a kill between an object and its record leaves an orphan"
    );
}

/// Delivers the batches until every message is handled.
async fn deliver_all(process: &LiveProcess, frames: &[Value]) -> u32 {
    let mut failures = 0;
    for mut batch in batches(frames) {
        while !batch.0.is_empty() {
            let handled = process.handle(&batch.0).await;
            failures += u32::from(!handled.failed.is_empty());
            batch.delete_handled(&handled);
        }
    }
    failures
}

#[tokio::test]
async fn an_error_of_the_store_at_any_step_fails_the_messages_and_loses_none() {
    let frames = conversations(10);
    let steps = undisturbed_steps(&frames).await;
    for number in 0..steps {
        for trouble in [Trouble::Refused(number), Trouble::ResponseLost(number)] {
            let world = LiveWorld::new();
            let store = FailingStore::new(Arc::clone(&world.store), trouble);
            let process = world.process_over(1, Arc::new(store), Arc::default());

            let failures = deliver_all(&process, &frames).await;

            assert_eq!(failures, 1, "{trouble:?}");
            assert_complete(&world, &frames, &format!("{trouble:?}"));
        }
    }
}

#[tokio::test]
async fn a_failed_record_fails_every_message_of_its_batch() {
    let (world, frames) = (LiveWorld::new(), conversations(5));
    let store = FailingStore::new(Arc::clone(&world.store), Trouble::Refused(2));
    let process = world.process_over(1, Arc::new(store), Arc::default());
    let messages = Messages::of(frames.iter().map(event));

    let handled = process.handle(&messages.0).await;

    assert_eq!(handled.failed, messages.0.into_keys().collect::<Vec<_>>());
    assert!(handled.ended.is_empty(), "nothing is known to be stored");
    assert_eq!(world.objects().records().count(), 0);
}

#[tokio::test]
async fn two_processes_interleaved_at_any_step_store_each_frame() {
    let frames = conversations(10);
    let steps = undisturbed_steps(&frames).await;
    for number in 0..steps {
        let world = LiveWorld::new();
        let suspended_steps = Arc::new(Steps::suspend_before(number));
        let first = world.process_with(1, Arc::clone(&suspended_steps));
        let second = world.process(2);

        let one = deliver_all(&first, &frames);
        let other = async {
            suspended_steps.wait_until_suspended().await;
            let failures = deliver_all(&second, &frames).await;
            suspended_steps.release();
            failures
        };
        let failures = tokio::join!(one, other);

        assert_eq!(failures, (0, 0), "step {number}");
        assert_complete(&world, &frames, &format!("step {number}"));
    }
}
