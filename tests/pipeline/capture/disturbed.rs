//! Thousands of frames over a connection that is lost and silent.
//!
//! `LIVE_FRAMES=100000 cargo test -p end-to-end --test pipeline each_frame_is_stored -- --nocapture` sends more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conversation_archive::archive::{exports, live_gaps};
use end_to_end::capture::{CaptureProcess, all_queues, live_settings};
use end_to_end::world::{World, organisation};
use genesys_archive::capture::CaptureEnd;
use genesys_simulator::{FrameKind, LiveFaults, LiveSettings, Settings, Traffic};

use super::account::{Account, is_of_queue, stream};

/// Number of frames on the topics that are heard; `LIVE_FRAMES` overrides it.
const FRAMES: usize = 5_000;

/// Each conversation has at least as many of them, on average.
const FRAMES_PER_CONVERSATION: usize = 10;

/// The exports of conversations and gaps end within these hours.
const MAX_SWEEPS: usize = 20;

/// Events of conversations between two looks at the traffic.
const STEP: usize = 100;

#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Reset,
    Silence,
    Close(u16),
}

const DISTURBANCES: [Disturbance; 5] = [
    Disturbance::Reset,
    Disturbance::Silence,
    Disturbance::Close(1006),
    Disturbance::Silence,
    Disturbance::Close(1011),
];

fn number_of_frames() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    let frames = std::env::var("LIVE_FRAMES").ok();
    frames.map_or(FRAMES, |frames| frames.parse().expect("a number"))
}

async fn world() -> World {
    let faults = LiveFaults {
        seed: 3,
        duplicate: 0.05,
        reorder: 7,
        ..LiveFaults::default()
    };
    World::new(Settings {
        live: LiveSettings {
            faults,
            ..live_settings()
        },
        ..organisation(801, 20)
    })
    .await
}

/// Sends all traffic, with the disturbances spread over it.
async fn run_traffic(world: &World, capture: &mut CaptureProcess, frames: usize) {
    let live = world.simulator.live();
    live.begin(Traffic {
        conversations: frames / FRAMES_PER_CONVERSATION,
        concurrent: 40,
        reopened_every: 9,
        kinds: vec![FrameKind::Snapshot],
        ..Traffic::default()
    });
    let mut disturbances = DISTURBANCES.into_iter();
    // All frames of a conversation are about three times as many as those that are heard.
    let between = frames as u64 / 4;
    let mut next = between;
    while live.step(STEP) > 0 {
        live.flush().await;
        world.clock.advance(Duration::from_secs(1));
        if live.frame_count() > next
            && let Some(disturbance) = disturbances.next()
        {
            next += between;
            disturb(world, capture, disturbance).await;
        }
    }
    assert!(disturbances.next().is_none(), "{}", live.frame_count());
    capture.until_read(world).await;
}

/// Frames are sent while the connection is disturbed, too; nobody hears them.
async fn disturb(world: &World, capture: &mut CaptureProcess, disturbance: Disturbance) {
    let live = world.simulator.live();
    // The clock advances independently of reading: what is unread has the time of an earlier second.
    capture.until_read(world).await;
    let connections = capture.figures().stream.connections;
    match disturbance {
        Disturbance::Reset => live.reset(),
        Disturbance::Silence => live.silence(),
        Disturbance::Close(code) => live.close(code),
    }
    live.step(STEP);
    capture
        .until(world, |figures| figures.interrupted_since.is_some())
        .await;
    // The end of a silent connection, which would otherwise be waited for.
    live.reset();
    capture
        .until(world, |figures| {
            figures.stream.connections > connections && figures.interrupted_since.is_none()
        })
        .await;
}

#[tokio::test]
async fn each_frame_is_stored_once_or_in_a_gap_that_an_export_closes() {
    let mut world = world().await;
    let mut capture = world.capture(all_queues());
    capture
        .until(&world, |figures| figures.stream.heartbeats > 0)
        .await;

    let frames = number_of_frames();
    run_traffic(&world, &mut capture, frames).await;
    assert_eq!(capture.stop().await.expect("in order"), CaptureEnd::Stopped);

    let account = Account::of(&world, is_of_queue).await;
    println!(
        "{} frames stored, {} in the time of {} gaps",
        account.stored.len(),
        account.in_gaps,
        account.gaps.len()
    );
    assert!(account.stored.len() + account.in_gaps >= frames);
    assert_eq!(account.missing, []);
    assert_eq!(account.gaps.len(), DISTURBANCES.len(), "{:?}", account.gaps);
    assert!(account.in_gaps > 100, "{}", account.in_gaps);
    check_exports(&mut world).await;
}

/// Every conversation of a queue is in a complete export, and every gap is closed.
async fn check_exports(world: &mut World) {
    world.clock.advance(Duration::from_mins(3));
    world.fetch_ended().await;
    for _ in 0..MAX_SWEEPS {
        world.run().await;
        world.clock.advance(Duration::from_mins(61));
        world.sweep().await;
        if world.queues.is_empty() {
            break;
        }
    }
    let gaps = live_gaps::all(&world.archive(), &stream()).await;
    assert_eq!(gaps.expect("a listing").open, []);
    let (mut live, mut gap) = (BTreeMap::<String, usize>::new(), BTreeSet::new());
    let archive = world.archive();
    for id in exports::ids(&archive).await.expect("a listing") {
        if id.as_str().ends_with("-transcripts") {
            continue;
        }
        let manifest = world.manifest(&id).await;
        let archived = world.archived_ids(&manifest, "conversationId").await;
        if id.as_str().starts_with("live-") {
            for id in archived.into_keys() {
                *live.entry(id).or_default() += 1;
            }
        } else {
            gap.extend(archived.into_keys());
        }
    }
    let frames = world.simulator.live().frames().into_iter();
    let of_queues = frames.filter(|frame| is_of_queue(&frame.topic));
    let queued: BTreeSet<_> = of_queues.filter_map(|it| it.conversation_id).collect();
    for conversation in world.simulator.live().conversations() {
        let ends = conversation.ends.len();
        let exported = live.get(&conversation.id).copied().unwrap_or_default();
        assert!(
            exported <= ends,
            "{}: {exported} of {ends}",
            conversation.id
        );
        let was_queued = queued.contains(&conversation.id);
        let is_exported = exported > 0 || gap.contains(&conversation.id);
        assert!(is_exported || !was_queued, "{}", conversation.id);
    }
    println!("{} conversations in exports of their own", live.len());
    assert!(live.len() > queued.len() * 8 / 10);
}
