//! The account of a capture: each frame that the simulator sent is stored, or in the time of a recorded gap.

use std::collections::BTreeSet;

use conversation_archive::archive::live_gaps;
use conversation_archive::base::ids::StreamName;
use end_to_end::live::{LiveObjects, identity};
use end_to_end::world::World;
use genesys_simulator::LiveFrame;
use jiff::Timestamp;

pub(super) fn stream() -> StreamName {
    "sockets".parse().expect("a name")
}

/// Frames by where they are.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) stored: BTreeSet<String>,
    /// Number of frames that are not stored, and were sent in the time of a gap.
    pub(super) in_gaps: usize,
    /// The times of those that are neither.
    pub(super) missing: Vec<Timestamp>,
    pub(super) gaps: Vec<(Timestamp, Timestamp)>,
}

impl Account {
    /// Of the frames with this topic that the simulator sent. Panics if `verify` does not find the live objects intact.
    pub(super) async fn of(world: &World, is_topic: impl Fn(&str) -> bool) -> Self {
        world.verify_live().await.expect("intact live objects");
        let objects = LiveObjects::of(live_objects(world));
        let stored = objects.identities();
        let gaps = live_gaps::all(&world.archive(), &stream()).await;
        let gaps = gaps.expect("a listing");
        let gaps: Vec<_> = [gaps.open, gaps.closed].concat();
        let gaps: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.until)).collect();
        let is_in_gap = |moment: Timestamp| {
            let contains =
                |(from, until): &(Timestamp, Timestamp)| (*from..=*until).contains(&moment);
            gaps.iter().any(contains)
        };
        let frames = world.simulator.live().frames().into_iter();
        let absent = frames
            .filter(|frame| is_topic(&frame.topic))
            .filter(|frame| !stored.contains(&identity_of(frame)));
        let (in_gaps, missing): (Vec<_>, Vec<_>) = absent
            .map(|frame| frame.sent_at)
            .partition(|sent_at| is_in_gap(*sent_at));
        Self {
            stored,
            in_gaps: in_gaps.len(),
            missing,
            gaps,
        }
    }
}

pub(super) fn live_objects(world: &World) -> std::collections::BTreeMap<String, bytes::Bytes> {
    let mut objects = world.store.snapshot();
    objects.retain(|key, _| key.starts_with("live/"));
    objects
}

/// According to docs/format.md.
pub(super) fn identity_of(frame: &LiveFrame) -> String {
    let body = serde_json::from_str(frame.body()).expect("JSON");
    identity(&frame.topic, &body)
}

pub(super) fn is_of_queue(topic: &str) -> bool {
    topic.starts_with("v2.routing.queues.") && topic.ends_with(".conversations")
}
