//! Live capture, from events on a bus to manifests: rule, queue, archive-events, ended queue, fetch-ended, exports. The
//! organisation runs in the process of the test, and what happens in it is put on the bus as it happens.

mod bucket;
mod bus;
mod exported;
mod heard;
mod measured;
mod queues;
mod stack;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use genesys_simulator::{FrameKind, Live, LiveFrame, Settings, Simulator, Traffic};

use crate::deployment::Deployment;
use bus::EventBus;
use stack::Stack;

const BUS: &str = "genesys-cloud";

/// Long enough for the events of an end to arrive before it is looked up.
const SETTLE: &str = "LiveSettleSeconds=3";

const CONVERSATIONS: usize = 40;

/// About one conversation ends in a second: the emulator handles the messages of the page queue one after the other.
const FRAMES_PER_SECOND: u64 = 40;

/// Number of events that happen at once when their pace is of no interest.
const EVENTS_AT_ONCE: usize = 5;

/// Traffic that was put on the bus.
struct Story {
    /// All frames that were sent, once each.
    frames: Vec<LiveFrame>,
    /// The conversations that have ended, each with the number of exports that it must be in.
    ended: BTreeMap<String, usize>,
}

/// Hears of conversations until their ends are claimed, and of everything again. Leaves the stack with live capture.
pub(crate) async fn check(deployment: &mut Deployment, parameters: &[&str]) {
    let simulator = Simulator::start(organisation()).await;
    let simulator = simulator.expect("a simulator");
    let mut bus = EventBus::create(deployment, BUS).await;
    deploy(deployment, &simulator, parameters).await;
    let stack = Stack::of(deployment).await;

    let story = hear(&stack, &simulator.live(), &mut bus).await;
    let (frames, ended) = (&story.frames, &story.ended);
    let forms = stack.stored().await.compare(frames);
    println!(
        "live: {} frames were sent, {} of them repeat another one",
        frames.len(),
        frames.len() - forms.count()
    );
    let deliveries = stack.deliver_again(&mut bus, frames).await;
    bus.put_foreign_events();
    stack.wait_until_idle().await;

    let heard = stack.stored().await;
    assert_eq!(heard.compare(frames), forms);
    heard.check_quarantined();
    let exports = stack.exports(ended, &of_medium(frames, "VOICE")).await;
    measured::print_delays(frames, &exports);
    let messages = frames.len() + deliveries + 1;
    stack
        .check_metrics(&heard, messages, ended.values().sum())
        .await;
    stack.check_functions().await;
    stack.verify(exports.iter().step_by(4)).await;
}

/// Conversations begin and end; after their ends are claimed, one of them goes on and ends again.
async fn hear(stack: &Stack<'_>, live: &Live, bus: &mut EventBus) -> Story {
    let mut frames = hear_traffic(live, bus).await;
    let finished = live.conversations().into_iter().filter(|it| it.is_ended);
    let mut ended: BTreeMap<_, _> = finished.map(|it| (it.id, 1)).collect();
    assert_eq!(ended.len(), CONVERSATIONS);
    stack.wait_for_claims(&ended).await;

    let returning = of_medium(&frames, "MESSAGE").pop_first();
    let returning = returning.expect("a conversation of messages");
    assert!(live.reopen(&returning));
    frames.extend(hear_rest(live, bus, frames.len()));
    ended.insert(returning, 2);
    stack.wait_for_claims(&ended).await;
    Story { frames, ended }
}

fn organisation() -> Settings {
    Settings {
        conversations: 10,
        rate_per_minute: 0,
        client_rate_per_minute: 0,
        ..Settings::default()
    }
}

async fn deploy(deployment: &mut Deployment, simulator: &Simulator, parameters: &[&str]) {
    let url = simulator.url();
    let own = [
        format!("LiveEventBusName={BUS}"),
        SETTLE.to_owned(),
        format!("GenesysApiUrl={url}"),
        format!("GenesysLoginUrl={url}"),
    ];
    let own = own.iter().map(String::as_str);
    let all: Vec<_> = parameters.iter().copied().chain(own).collect();
    deployment.redeploy(&all).await;
}

/// Puts each frame on the bus when it is sent, until all conversations have finished.
async fn hear_traffic(live: &Live, bus: &mut EventBus) -> Vec<LiveFrame> {
    live.begin(Traffic {
        conversations: CONVERSATIONS,
        concurrent: 8,
        kinds: vec![
            FrameKind::Detail,
            FrameKind::Snapshot,
            FrameKind::Transcription,
        ],
        ..Traffic::default()
    });
    let mut traffic = pin!(live.run(FRAMES_PER_SECOND));
    let mut put = 0;
    loop {
        let is_over = tokio::select! {
            () = &mut traffic => true,
            () = live.until(|live| live.frame_count() > put as u64) => false,
        };
        let frames = live.frames();
        bus.put(&frames[put..]);
        put = frames.len();
        if is_over {
            return frames;
        }
    }
}

/// Puts the frames of what is left to happen on the bus, and returns them.
fn hear_rest(live: &Live, bus: &mut EventBus, known: usize) -> Vec<LiveFrame> {
    let mut put = known;
    while live.step(EVENTS_AT_ONCE) > 0 {
        let frames = live.frames();
        bus.put(&frames[put..]);
        put = frames.len();
    }
    live.frames().split_off(known)
}

/// The conversations of this medium.
fn of_medium(frames: &[LiveFrame], medium: &str) -> BTreeSet<String> {
    let member = format!(r#""mediaType":"{medium}""#);
    let of_medium = frames.iter().filter(|it| it.body().contains(&member));
    of_medium
        .filter_map(|it| it.conversation_id.clone())
        .collect()
}
