//! The account of every frame, under faults.

use std::collections::BTreeMap;

use super::*;
use crate::{LiveFaults, Loss};

const TOPIC: &str = "v2.users.u.presence";

async fn received(faults: LiveFaults) -> (World, Vec<u64>) {
    let mut settings = quiet();
    settings.live.faults = faults;
    let world = World::new(settings).await;
    let mut socket = world.listen_to_queues().await;
    let live = world.live();
    play(
        &live,
        Traffic {
            conversations: 30,
            ..Traffic::default()
        },
    );
    live.flush().await;
    let sent: u32 = live
        .frames()
        .iter()
        .flat_map(|it| &it.deliveries)
        .map(|it| it.copies)
        .sum();
    let texts: BTreeMap<String, u64> = live
        .frames()
        .iter()
        .map(|it| (it.text.to_string(), it.number))
        .collect();
    let mut numbers = Vec::new();
    for _ in 0..sent {
        numbers.push(texts[&socket.text().await]);
    }
    (world, numbers)
}

fn is_heard(frame: &LiveFrame) -> bool {
    frame.topic.starts_with("v2.routing.queues.")
}

#[tokio::test]
async fn without_faults_every_frame_arrives_once_in_order() {
    let (world, numbers) = received(LiveFaults::default()).await;

    let frames = world.live().frames();
    let expected: Vec<u64> = frames
        .iter()
        .filter(|it| is_heard(it))
        .map(|it| it.number)
        .collect();
    assert_eq!(numbers, expected);
    assert!(expected.len() > 100);
}

#[tokio::test]
async fn dropped_and_repeated_frames_are_accounted_for() {
    let faults = LiveFaults {
        seed: 5,
        drop: 0.1,
        duplicate: 0.2,
        ..LiveFaults::default()
    };
    let (world, numbers) = received(faults).await;

    let frames = world.live().frames();
    let heard: Vec<_> = frames.iter().filter(|it| is_heard(it)).collect();
    for frame in &heard {
        let arrived = numbers.iter().filter(|it| **it == frame.number).count();
        assert_eq!(frame.deliveries[0].copies as usize, arrived);
        assert_eq!(
            frame.deliveries[0].loss == Some(Loss::Dropped),
            arrived == 0
        );
    }
    let with_copies = |copies: u32| {
        heard
            .iter()
            .filter(|it| it.deliveries[0].copies == copies)
            .count()
    };
    assert!(
        with_copies(0) > 10 && with_copies(2) > 20,
        "{} {}",
        with_copies(0),
        with_copies(2)
    );
    let view = &world.live().sockets()[0];
    assert_eq!(view.frames, numbers.len() as u64);
}

#[tokio::test]
async fn reordered_frames_all_arrive() {
    let faults = LiveFaults {
        seed: 5,
        reorder: 10,
        ..LiveFaults::default()
    };
    let (world, mut numbers) = received(faults).await;

    let was_sorted = numbers.is_sorted();
    numbers.sort_unstable();

    assert!(!was_sorted);
    let frames = world.live().frames();
    let expected: Vec<u64> = frames
        .iter()
        .filter(|it| is_heard(it))
        .map(|it| it.number)
        .collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn what_waits_for_a_socket_that_closes_is_lost() {
    let world = World::new(quiet()).await;
    let socket = world.listen(&[TOPIC]).await;
    let live = world.live();
    let padding = "x".repeat(1 << 20);

    for _ in 0..40 {
        live.push(TOPIC, &json!({ "padding": padding }));
    }
    drop(socket);
    live.until(|live| live.open_sockets() == 0).await;

    let frames = live.frames();
    assert!(frames.iter().all(LiveFrame::is_settled));
    assert_eq!(frames[39].deliveries[0].loss, Some(Loss::Closed));
}

#[tokio::test]
async fn only_the_newest_frames_are_kept_if_the_settings_say_so() {
    let mut settings = quiet();
    settings.live.history = 3;
    let world = World::new(settings).await;
    let mut socket = world.listen(&[TOPIC]).await;

    for number in 0..10 {
        world.live().push(TOPIC, &json!({ "number": number }));
    }

    assert_eq!(socket.take(10).await[9]["eventBody"]["number"], 9);
    let kept: Vec<u64> = world.live().frames().iter().map(|it| it.number).collect();
    assert_eq!((kept, world.live().frame_count()), (vec![7, 8, 9], 10));
}
