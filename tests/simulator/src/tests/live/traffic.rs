use std::collections::BTreeSet;

use super::*;
use crate::FrameKind;

fn texts(world: &World) -> Vec<String> {
    let frames = world.live().frames();
    frames
        .iter()
        .map(|it| format!("{} {}", it.topic, it.body()))
        .collect()
}

#[tokio::test]
async fn the_same_traffic_sends_the_same_frames() {
    let (first, second) = (World::new(quiet()).await, World::new(quiet()).await);

    for world in [&first, &second] {
        play(&world.live(), Traffic::default());
    }

    // Except the address of attachments.
    let without_port = |world: &World| {
        let host = world.simulator.url().authority().to_owned();
        texts(world)
            .iter()
            .map(|it| it.replace(&host, "host"))
            .collect::<Vec<_>>()
    };
    assert_eq!(without_port(&first), without_port(&second));
    assert!(first.live().frame_count() > 500);
}

#[tokio::test]
async fn conversations_happen_at_the_same_time_and_all_end_once() {
    let world = World::new(quiet()).await;
    let live = world.live();
    live.begin(Traffic {
        conversations: 12,
        concurrent: 4,
        ..Traffic::default()
    });

    live.step(10);
    let begun = live.conversations().len();
    let performed = live.finish(10).await;

    let conversations = live.conversations();
    assert_eq!((begun, conversations.len()), (4, 12));
    assert!(performed > 100);
    assert!(
        conversations
            .iter()
            .all(|it| it.is_ended && it.ends.len() == 1)
    );
    assert_eq!(live.step(1), 0);
}

#[tokio::test]
async fn a_reopened_conversation_ends_again() {
    let world = World::new(quiet()).await;
    let live = world.live();
    play(
        &live,
        Traffic {
            conversations: 8,
            voice_every: 4,
            reopened_every: 2,
            ..Traffic::default()
        },
    );

    let ends: Vec<usize> = live
        .conversations()
        .iter()
        .map(|it| it.ends.len())
        .collect();
    assert_eq!(ends, [1, 2, 1, 1, 1, 2, 1, 1]);
    let [call, thread] = [3, 0].map(|index: usize| live.conversations()[index].id.clone());
    assert!(!live.reopen(&call) && !live.reopen("other"));
    assert!(live.reopen(&thread));
    live.step(1);
    assert!(!live.conversations()[0].is_ended);
    while live.step(1) > 0 {}
    assert_eq!(live.conversations()[0].ends.len(), 2);
}

#[tokio::test]
async fn only_the_wanted_kinds_of_frames_are_sent() {
    let world = World::new(quiet()).await;
    let kinds = vec![FrameKind::Detail, FrameKind::Transcription];

    play(
        &world.live(),
        Traffic {
            kinds: kinds.clone(),
            ..Traffic::default()
        },
    );

    let sent: BTreeSet<FrameKind> = world.live().frames().iter().map(|it| it.kind).collect();
    assert_eq!(sent, kinds.into_iter().collect());
}

#[tokio::test]
async fn later_traffic_has_conversations_of_its_own() {
    let world = World::new(quiet()).await;

    play(&world.live(), Traffic::default());
    play(&world.live(), Traffic::default());

    let ids: BTreeSet<String> = world
        .live()
        .conversations()
        .into_iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(ids.len(), 40);
}

#[tokio::test]
async fn every_detail_event_of_a_conversation_has_its_own_time() {
    let world = World::new(quiet()).await;
    play(
        &world.live(),
        Traffic {
            conversations: 1,
            ..Traffic::default()
        },
    );

    let frames = world.live().frames();
    let details = frames.iter().filter(|it| it.kind == FrameKind::Detail);
    let times: Vec<i64> = details
        .map(|it| {
            serde_json::from_str::<Value>(it.body()).unwrap()["eventTime"]
                .as_i64()
                .unwrap()
        })
        .collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    assert_eq!(times[0], time("2026-03-05T12:00:00Z").as_millisecond());
}

#[tokio::test]
async fn paced_traffic_ends_with_its_conversations() {
    let world = World::new(quiet()).await;
    world.live().begin(Traffic {
        conversations: 2,
        ..Traffic::default()
    });

    world.live().run(100_000).await;

    assert!(world.live().conversations().iter().all(|it| it.is_ended));
}
