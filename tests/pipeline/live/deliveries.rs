//! Events that are delivered several times, in parts, in another order, and to several processes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::events::{conversation_id, conversations, event, identities};
use super::world::{LiveProcess, LiveWorld, Messages};

async fn deliver(process: &LiveProcess, frames: &[Value]) {
    let messages = Messages::of(frames.iter().map(event));
    let handled = process.handle(&messages.0).await;
    assert!(handled.failed.is_empty());
}

#[tokio::test]
async fn a_batch_delivered_twice_counts_once() {
    let (world, frames) = (LiveWorld::new(), conversations(40));
    let process = world.process(1);

    for _ in 0..2 {
        deliver(&process, &frames).await;
    }

    let objects = world.objects();
    assert_eq!(objects.identities(), identities(&frames));
    assert_eq!(objects.records().count(), 1, "the second finds the first");
    assert_eq!(objects.lines().len(), frames.len());
}

#[tokio::test]
async fn a_batch_delivered_in_halves_and_reordered_holds_the_same_frames() {
    let (world, frames) = (LiveWorld::new(), conversations(40));
    let process = world.process(1);
    let mut reordered = frames.clone();
    reordered.reverse();
    let (first, second) = reordered.split_at(50);

    deliver(&process, &frames).await;
    deliver(&process, first).await;
    deliver(&process, second).await;

    let objects = world.objects();
    assert_eq!(objects.identities(), identities(&frames));
    assert_eq!(objects.records().count(), 3);
}

#[tokio::test]
async fn a_reordered_batch_is_the_same_object() {
    let (world, frames) = (LiveWorld::new(), conversations(40));
    let process = world.process(1);
    let mut reordered = frames.clone();
    fastrand::Rng::with_seed(7).shuffle(&mut reordered);
    reordered.extend_from_within(..30);

    deliver(&process, &frames).await;
    deliver(&process, &reordered).await;

    assert_eq!(world.objects().records().count(), 1);
}

#[tokio::test]
async fn two_processes_with_the_same_events_store_them_for_themselves() {
    let (world, frames) = (LiveWorld::new(), conversations(40));

    let processes = [world.process(1), world.process(2)];
    tokio::join!(
        deliver(&processes[0], &frames),
        deliver(&processes[1], &frames)
    );

    let objects = world.objects();
    assert_eq!(objects.identities(), identities(&frames));
    let writers: BTreeSet<_> = objects
        .records()
        .map(|it| it["writer"].to_string())
        .collect();
    assert_eq!(writers.len(), 2);
}

#[tokio::test]
async fn any_schedule_of_deliveries_holds_the_same_frames() {
    const SCHEDULES: u64 = 200;
    let frames = conversations(12);
    let expected = identities(&frames);
    let mut records = 0;
    for seed in 0..SCHEDULES {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = LiveWorld::new();
        let processes = [world.process(1), world.process(2), world.process(3)];
        let mut delivered = vec![frames.clone(); rng.usize(1..4)].concat();
        rng.shuffle(&mut delivered);
        let mut rest = delivered.as_slice();
        while !rest.is_empty() {
            let (batch, left) = rest.split_at(rng.usize(1..=rest.len()));
            deliver(&processes[rng.usize(0..3)], batch).await;
            world.clock.advance(Duration::from_mins(rng.u64(0..40)));
            rest = left;
        }

        let objects = world.objects();
        assert_eq!(objects.identities(), expected, "seed {seed}");
        records += objects.records().count();
    }
    println!(
        "{SCHEDULES} schedules of {} frames, {records} records",
        frames.len()
    );
}

#[tokio::test]
async fn the_conversations_that_may_have_ended_are_named_at_each_delivery() {
    let (world, frames) = (LiveWorld::new(), conversations(3));
    let process = world.process(1);
    let messages = Messages::of(frames.iter().map(event));
    let expected: Vec<_> = (0..3).map(conversation_id).collect();

    for _ in 0..2 {
        let ended = process.handle(&messages.0).await.ended;

        let ended: Vec<_> = ended.iter().map(ToString::to_string).collect();
        assert_eq!(ended, expected);
    }
}

#[tokio::test]
async fn a_full_batch_of_a_thousand_messages_has_one_record() {
    let (world, frames) = (LiveWorld::new(), conversations(334));

    deliver(&world.process(1), &frames[..1000]).await;

    let objects = world.objects();
    assert_eq!(objects.identities(), identities(&frames[..1000]));
    let counts: Vec<_> = objects
        .records()
        .map(|it| it["counts"]["received"].clone())
        .collect();
    assert_eq!(counts, [1000]);
}

#[tokio::test]
async fn an_empty_batch_stores_nothing() {
    let world = LiveWorld::new();

    deliver(&world.process(1), &[]).await;

    assert!(world.store.snapshot().is_empty());
}
