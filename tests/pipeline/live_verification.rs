//! `verify` of what live capture stored: on the archive of a day of the simulator's traffic, with repeated deliveries, a
//! closed gap and a sealed day.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use archive_events::{ArchiveEvents, EventMessage};
use bytes::Bytes;
use conversation_archive::archive::live_gaps;
use conversation_archive::archive::verify::VerifyError;
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::StreamName;
use conversation_archive::export::live_coverage::{GapReason, LiveGap, LiveGapSpan};
use conversation_archive::export::plan::{RedactionPlan, RedactionSettings, RequiredRedaction};
use conversation_archive::net::clock::Clock;
use conversation_archive::storage::store::{ArchiveStore as _, Object};
use end_to_end::live::{LiveObjects, archive_events};
use end_to_end::process::invocation;
use end_to_end::world::{World, organisation};
use genesys_simulator::{EventSource, Settings, Traffic};
use jiff::Timestamp;

const HOUR: Duration = Duration::from_hours(1);

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// A world whose conversations of March 9 are in its API, and the events of live traffic.
async fn world_after_traffic(conversations: usize) -> (World, Vec<String>) {
    let settings = Settings {
        interval: (
            moment("2026-03-09T00:00:00Z"),
            moment("2026-03-10T00:00:00Z"),
        ),
        ..organisation(811, 30)
    };
    let world = World::new(settings).await;
    let live = world.simulator.live();
    live.begin(Traffic {
        conversations,
        reopened_every: 5,
        ..Traffic::default()
    });
    live.finish(100).await;
    let source = EventSource::default();
    let frames = live.frames().into_iter();
    let events = frames.filter_map(|frame| Some(frame.bus_event(&source)?.json()));
    (world, events.collect())
}

/// Delivers the events on March 9 to three processes, in batches of any size, most of them more than once; and a text that
/// is not an event.
async fn deliver(world: &World, events: &[String]) {
    let clock = Clock::manual(moment("2026-03-09T05:00:00Z"));
    let redaction =
        RedactionPlan::of_live_events(RequiredRedaction::None, RedactionSettings::default());
    let process = |_| archive_events(Arc::clone(&world.store) as _, &clock, &redaction);
    let processes: Vec<ArchiveEvents> = (0..3).map(process).collect();
    let mut rng = fastrand::Rng::with_seed(20);
    let mut delivered = [events, events].concat();
    rng.shuffle(&mut delivered);
    delivered.push("not an event".to_owned());
    let mut rest = delivered.as_slice();
    while !rest.is_empty() {
        let (batch, left) = rest.split_at(rng.usize(1..=rest.len().min(60)));
        let messages: Vec<_> = batch
            .iter()
            .map(|body| EventMessage { id: "m", body })
            .collect();
        let number = rng.usize(0..3);
        let invocation = invocation(number as u64, &clock);
        let handled = processes[number].handle(&messages, &invocation).await;
        assert!(handled.failed.is_empty());
        clock.advance(Duration::from_mins(rng.u64(0..12)));
        rest = left;
    }
    assert!(
        clock.now() < moment("2026-03-10T00:00:00Z"),
        "{}",
        clock.now()
    );
}

/// Closes a gap of March 9, and seals the day after its scheduled export.
async fn close_gap_and_seal(world: &mut World) {
    let gap = LiveGap {
        format_version: FormatVersion,
        stream: StreamName::events(),
        writer: "w-1".parse().expect("an id"),
        span: LiveGapSpan {
            from: moment("2026-03-09T10:00:00Z"),
            until: moment("2026-03-09T12:00:00Z"),
        },
        reason: GapReason::Silence,
        code: None,
        recorded_at: moment("2026-03-09T12:00:00Z"),
    };
    let recorded = live_gaps::record(&world.archive(), gap).await;
    recorded.expect("recorded");
    let request = r#"{"exportId":"nightly","source":"analytics-job","interval":"2026-03-09T00:00:00Z/2026-03-10T00:00:00Z"}"#;
    world.export(request).await;
    for _ in 0..30 {
        world.advance_clock(HOUR);
        world.sweep().await;
        world.run().await;
    }
}

#[tokio::test]
async fn a_day_of_traffic_is_intact_and_its_frames_are_counted() {
    let (mut world, events) = world_after_traffic(40).await;
    deliver(&world, &events).await;
    close_gap_and_seal(&mut world).await;

    let report = world.verify_live().await.expect("intact live objects");

    let mut objects = world.store.snapshot();
    objects.retain(|key, _| key.starts_with("live/"));
    let stored = LiveObjects::of(objects);
    let [stream] = <[_; 1]>::try_from(report.streams).expect("one stream");
    assert_eq!(stream.distinct_frames, stored.identities().len() as u64);
    assert!(stream.distinct_frames > 2_000, "{}", stream.distinct_frames);
    assert_eq!(stream.frames, stored.lines().len() as u64);
    assert!(stream.frames > stream.distinct_frames);
    assert_eq!(stream.writers, 3);
    assert_eq!(stream.quarantined, 1);
    assert_eq!((stream.days, stream.sealed_days), (1, 1));
    assert_eq!((stream.closed_gaps.len(), stream.open_gaps), (1, vec![]));
    assert_eq!(stream.orphans, [""; 0]);
    // The seal, and manifest and plan of the exports that the gap and the seal name.
    assert_eq!(report.signatures.valid, 5);
    println!(
        "{} frames of {} events in {} records",
        stream.frames,
        events.len(),
        stream.records
    );
}

/// Replaces the object, and returns the key that `verify` names.
async fn damaged_key(world: &World, key: &str, body: Bytes) -> String {
    let object = Object {
        key: key.to_owned(),
        body,
        content_type: "application/json",
        content_encoding: None,
    };
    world.store.replace(object).await.expect("written");
    match world.verify_live().await {
        Err(VerifyError::Damage(damage)) => damage.key,
        other => panic!("expected damage of {key}, got {other:?}"),
    }
}

#[tokio::test]
async fn a_flipped_bit_of_any_live_object_is_named_by_its_key() {
    let (mut world, events) = world_after_traffic(5).await;
    deliver(&world, &events).await;
    close_gap_and_seal(&mut world).await;
    let mut rng = fastrand::Rng::with_seed(21);
    let mut kinds = BTreeSet::new();

    let objects = world.store.snapshot().into_iter();
    for (key, body) in objects.filter(|(key, _)| key.starts_with("live/")) {
        let mut flipped = body.to_vec();
        flipped[rng.usize(..body.len())] ^= 1 << rng.u8(..8);

        assert_eq!(damaged_key(&world, &key, flipped.into()).await, key);

        let object = Object {
            key: key.clone(),
            body,
            content_type: "application/json",
            content_encoding: None,
        };
        world.store.replace(object).await.expect("written");
        kinds.insert(end_to_end::kinds::kind_of(&key));
    }

    assert!(world.verify_live().await.is_ok());
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}
