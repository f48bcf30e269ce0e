//! A process takes over from another one, which ends in order, was killed, or is stopped for a while.

use std::time::Duration;

use conversation_archive::archive::verify::VerifyError;
use conversation_archive::archive::{live_epochs, live_gaps};
use conversation_archive::export::live_coverage::LiveGapSpan;
use conversation_archive::export::objects::{LiveKey, ObjectKey};
use conversation_archive::source::stream::{NotificationPlan, QueueSelection, StreamSource};
use end_to_end::capture::{CaptureProcess, all_queues, live_settings};
use end_to_end::world::{World, organisation};
use genesys_archive::capture::{CaptureEnd, CapturePhase};
use genesys_simulator::{FrameKind, Settings, Traffic};

use super::account::{Account, is_of_queue, stream};

const STEP: usize = 20;

pub(super) async fn world(seed: u64) -> World {
    let world = World::new(Settings {
        live: live_settings(),
        ..organisation(seed, 20)
    })
    .await;
    world.simulator.live().begin(Traffic {
        conversations: 200,
        concurrent: 20,
        kinds: vec![FrameKind::Snapshot],
        ..Traffic::default()
    });
    world
}

pub(super) async fn start(world: &World) -> CaptureProcess {
    let mut process = world.capture(all_queues());
    let is_connected = |phase| phase != CapturePhase::Connecting;
    process
        .until(world, |figures| is_connected(figures.phase))
        .await;
    process
}

/// Sends frames for some seconds.
pub(super) async fn hear(world: &World, process: &mut CaptureProcess, seconds: usize) {
    let live = world.simulator.live();
    for _ in 0..seconds {
        live.step(STEP);
        live.flush().await;
        world.clock.advance(Duration::from_secs(1));
    }
    process.until_read(world).await;
}

async fn gaps(world: &World) -> Vec<LiveGapSpan> {
    let gaps = live_gaps::all(&world.archive(), &stream()).await;
    gaps.expect("a listing").open
}

async fn assert_nothing_missing(world: &World) {
    let account = Account::of(world, is_of_queue).await;
    assert_eq!(account.missing, []);
    assert!(account.stored.len() > 50, "{}", account.stored.len());
}

#[tokio::test]
async fn a_process_that_takes_over_leaves_no_gap() {
    let world = world(811).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 10).await;

    let mut second = start(&world).await;
    hear(&world, &mut second, 10).await;
    second
        .until(&world, |figures| figures.phase == CapturePhase::Hearing)
        .await;
    assert_eq!(first.end().await.expect("in order"), CaptureEnd::Superseded);
    hear(&world, &mut second, 10).await;
    second.stop().await.expect("in order");

    assert_eq!(gaps(&world).await, []);
    assert_nothing_missing(&world).await;
    for epoch in [1, 2] {
        let ended = live_epochs::ended(&world.archive(), &stream(), epoch).await;
        assert!(ended.expect("readable").is_some(), "{epoch}");
    }
}

#[tokio::test]
async fn the_time_after_a_killed_process_is_a_gap() {
    let world = world(812).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 10).await;
    first.until(&world, |figures| figures.records > 0).await;
    first.kill().await;
    world.simulator.live().step(STEP);
    world.clock.advance(Duration::from_secs(5));

    let mut second = start(&world).await;
    hear(&world, &mut second, 10).await;
    assert_eq!(second.figures().records, 0, "the first may be writing");
    second
        .until(&world, |figures| figures.phase == CapturePhase::Hearing)
        .await;
    second.stop().await.expect("in order");

    assert_eq!(gaps(&world).await.len(), 1);
    assert_nothing_missing(&world).await;
}

#[tokio::test]
async fn a_process_that_follows_an_ended_one_writes_at_once() {
    let world = world(813).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 5).await;
    first.stop().await.expect("in order");
    world.clock.advance(Duration::from_secs(90));

    let mut second = start(&world).await;
    second
        .until(&world, |figures| figures.phase == CapturePhase::Hearing)
        .await;
    hear(&world, &mut second, 5).await;
    second.stop().await.expect("in order");

    let gaps = gaps(&world).await;
    let [gap] = gaps.as_slice() else {
        panic!("{gaps:?}")
    };
    let seconds = gap.until.duration_since(gap.from).as_secs();
    assert!((90..120).contains(&seconds), "{gap}");
    assert_nothing_missing(&world).await;
}

#[tokio::test]
async fn what_a_process_heard_before_its_first_record_is_in_a_gap() {
    let world = world(815).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 2).await;
    assert_eq!(first.figures().records, 0);
    first.kill().await;

    let mut second = start(&world).await;
    second
        .until(&world, |figures| figures.phase == CapturePhase::Hearing)
        .await;
    hear(&world, &mut second, 2).await;
    second.stop().await.expect("in order");

    assert_eq!(gaps(&world).await.len(), 1);
    let account = Account::of(&world, is_of_queue).await;
    assert_eq!(account.missing, []);
    assert!(account.in_gaps > 0);
}

#[tokio::test]
async fn a_process_goes_on_when_the_one_that_took_over_has_ended() {
    let world = world(816).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 10).await;
    let second = start(&world).await;
    second.stop().await.expect("in order");

    first
        .until(&world, |figures| figures.phase == CapturePhase::Draining)
        .await;
    first
        .until(&world, |figures| figures.phase == CapturePhase::Hearing)
        .await;
    hear(&world, &mut first, 10).await;
    first.stop().await.expect("in order");

    let newest = live_epochs::newest(&world.archive(), &stream()).await;
    assert_eq!(newest.expect("a listing"), 3);
    // The second one did not know whether the first one was still there.
    assert!(gaps(&world).await.len() <= 1);
    assert_nothing_missing(&world).await;
}

#[tokio::test]
async fn a_damaged_end_of_an_epoch_does_not_prevent_a_start() {
    let world = world(817).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 15).await;
    first.stop().await.expect("in order");
    let stream = stream();
    let ended = ObjectKey::Live(LiveKey::EndedEpoch(&stream, 1)).key();
    world.damage(&ended).await;

    let mut second = start(&world).await;
    second
        .until(&world, |figures| figures.phase == CapturePhase::Hearing)
        .await;
    second.stop().await.expect("in order");

    let found = world.verify_live().await.expect_err("damaged");
    assert!(
        matches!(&found, VerifyError::Damage(damage) if damage.key == ended),
        "{found}"
    );
    // Flips the bit back.
    world.damage(&ended).await;
    assert_eq!(gaps(&world).await.len(), 1);
    assert_nothing_missing(&world).await;
}

#[tokio::test]
async fn a_process_that_heard_nothing_leaves_the_stream_to_its_holder() {
    let world = world(814).await;
    let mut first = start(&world).await;
    hear(&world, &mut first, 5).await;
    let live = world.simulator.live();

    let refused = world.capture(unknown_queue());
    refused.end().await.expect_err("no such queue");
    let newest = live_epochs::newest(&world.archive(), &stream()).await;

    assert_eq!(newest.expect("a listing"), 1);
    assert_eq!(live.open_sockets(), 1);
    first.stop().await.expect("in order");
}

fn unknown_queue() -> StreamSource {
    let queues = QueueSelection::Named(vec!["no such queue".to_owned()]);
    StreamSource::Notifications(NotificationPlan::of_queues(queues))
}
