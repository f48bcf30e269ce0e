//! sweep-exports with live capture: live gaps are closed by exports, and days are sealed with what is missing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use archive_events::EventMessage;
use conversation_archive::archive::live_gaps;
use conversation_archive::archive::verify::{StreamReport, VerifyError};
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::StreamName;
use conversation_archive::export::live_coverage::{
    ClosedGap, DaySeal, GapReason, LiveGap, LiveGapSpan,
};
use conversation_archive::export::objects::{LiveKey, ObjectKey};
use conversation_archive::export::plan::{RedactionPlan, RedactionSettings, RequiredRedaction};
use conversation_archive::net::clock::Clock;
use conversation_archive::storage::store::ArchiveStore as _;
use end_to_end::live::archive_events;
use end_to_end::process::invocation;
use end_to_end::seams::Kill;
use end_to_end::world::{World, organisation};
use genesys_simulator::Settings;
use jiff::Timestamp;
use serde_json::json;

const HOUR: Duration = Duration::from_hours(1);

/// The day before that of every world's clock.
const DAY: &str = "2026-03-09";

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// Advances the clock to this time, unless it is later already.
fn advance_to(world: &World, time: &str) {
    let wait = moment(time).duration_since(world.now());
    world.advance_clock(Duration::try_from(wait).unwrap_or_default());
}

fn events() -> StreamName {
    StreamName::events()
}

/// An organisation whose conversations are those of [`DAY`].
fn organisation_of_the_day(seed: u64) -> Settings {
    Settings {
        interval: (
            moment("2026-03-09T00:00:00Z"),
            moment("2026-03-10T00:00:00Z"),
        ),
        ..organisation(seed, 30)
    }
}

/// Stores frames that name these conversations and arrived at this time.
async fn hear(world: &World, conversations: &[String], arrival: &str) {
    let clock = Clock::manual(moment(arrival));
    let redaction =
        RedactionPlan::of_live_events(RequiredRedaction::None, RedactionSettings::default());
    let process = archive_events(Arc::clone(&world.store) as _, &clock, &redaction);
    let event = |id: &String| {
        let topic = format!("v2.detail.events.conversation.{id}.customer.start");
        json!({"detail": {"topicName": topic, "version": "2", "eventBody": {"conversationId": id}}})
            .to_string()
    };
    let bodies: Vec<_> = conversations.iter().map(event).collect();
    let messages: Vec<_> = bodies
        .iter()
        .map(|body| EventMessage { id: "m", body })
        .collect();
    // A process has an id of its own.
    let number = u64::try_from(clock.now().as_second()).expect("after 1970");
    let handled = process.handle(&messages, &invocation(number, &clock)).await;
    assert!(handled.failed.is_empty());
}

async fn record_gap(world: &World, from: &str, until: &str) -> LiveGap {
    let gap = LiveGap {
        format_version: FormatVersion,
        stream: events(),
        writer: "w-1".parse().expect("an id"),
        span: LiveGapSpan {
            from: moment(from),
            until: moment(until),
        },
        reason: GapReason::Silence,
        code: None,
        recorded_at: world.now(),
    };
    live_gaps::record(&world.archive(), gap)
        .await
        .expect("recorded")
}

async fn closed_gap(world: &World, gap: &LiveGap) -> Option<ClosedGap> {
    let name = ObjectKey::Live(LiveKey::ClosedGap(&gap.stream, gap.span));
    world.archive().read(name).await.expect("readable")
}

async fn seal(world: &World, day: &str) -> Option<DaySeal> {
    let (stream, day) = (events(), day.parse().expect("a day"));
    let name = ObjectKey::Live(LiveKey::Day(&stream, day));
    world.archive().read(name).await.expect("readable")
}

/// The report of `verify` on the stream, whose day seals must be signed.
async fn verified(world: &World) -> StreamReport {
    let report = world.verify_live().await.expect("intact live objects");
    let [stream] = <[_; 1]>::try_from(report.streams).expect("one stream");
    stream
}

/// The key of the object that `verify` names as damaged.
async fn damaged_key(world: &World) -> String {
    match world.verify_live().await {
        Err(VerifyError::Damage(damage)) => damage.key,
        other => panic!("expected damage, got {other:?}"),
    }
}

/// Exports the conversations of [`DAY`], and returns their ids.
async fn export_of_the_day(world: &mut World) -> Vec<String> {
    let webhook = world.receiver.url();
    let request = format!(
        r#"{{"exportId":"nightly","source":"analytics-job","interval":"{DAY}T00:00:00Z/2026-03-10T00:00:00Z","webhookUrl":"{webhook}"}}"#
    );
    let manifest = world.export(&request).await;
    let ids: BTreeMap<_, _> = world.archived_ids(&manifest, "conversationId").await;
    ids.into_keys().collect()
}

#[tokio::test]
async fn a_live_gap_is_closed_by_an_export_of_its_time() {
    let mut world = World::new(organisation_of_the_day(701)).await;
    let gap = record_gap(&world, "2026-03-09T08:00:00Z", "2026-03-09T20:00:00Z").await;

    world.sweep().await;
    assert_eq!(
        closed_gap(&world, &gap).await,
        None,
        "nothing is exported yet"
    );
    world.run().await;
    let manifest = world.manifest(&gap.export_id()).await;
    let exported = world.archived_ids(&manifest, "conversationId").await;
    let exported: Vec<_> = exported.into_keys().collect();
    hear(&world, &exported[1..], "2026-03-09T21:00:00Z").await;
    world.sweep().await;
    let closed = closed_gap(&world, &gap).await.expect("closed");
    world.sweep().await;

    assert!(exported.len() > 3, "{}", exported.len());
    assert_eq!(closed.export_id, gap.export_id());
    assert_eq!(
        (closed.conversations, closed.unheard),
        (exported.len() as u64, 1)
    );
    let gaps = live_gaps::all(&world.archive(), &events()).await;
    assert_eq!(gaps.expect("listed").open, []);
    assert_eq!(closed_gap(&world, &gap).await, Some(closed));
    let transcripts = format!("{}-transcripts", gap.export_id());
    world.manifest(&transcripts.parse().expect("an id")).await;
    let stream = verified(&world).await;
    assert_eq!((stream.closed_gaps.len(), stream.open_gaps), (1, vec![]));
}

#[tokio::test]
async fn a_damaged_gap_stays_open_and_stops_no_other() {
    let mut world = World::new(organisation_of_the_day(707)).await;
    let damaged = record_gap(&world, "2026-03-09T06:00:00Z", "2026-03-09T07:00:00Z").await;
    let intact = record_gap(&world, "2026-03-09T08:00:00Z", "2026-03-09T12:00:00Z").await;
    let name = LiveKey::Gap(&damaged.stream, damaged.span);
    world.damage(&ObjectKey::Live(name).key()).await;

    for _ in 0..2 {
        world.sweep().await;
        world.run().await;
    }

    assert!(closed_gap(&world, &intact).await.is_some());
    let gaps = live_gaps::all(&world.archive(), &events()).await;
    assert_eq!(gaps.expect("listed").open, [damaged.span]);
    assert_eq!(damaged_key(&world).await, ObjectKey::Live(name).key());
}

#[tokio::test]
async fn the_export_of_a_gap_starts_after_the_delay() {
    let mut world = World::new(organisation_of_the_day(702)).await;
    let gap = record_gap(&world, "2026-03-09T23:00:00Z", "2026-03-10T00:00:00Z").await;
    let is_open = async |world: &World| {
        let open = world.archive().is_open(&gap.export_id()).await;
        open.expect("readable")
    };
    // The clock of every world is at the end of the gap.
    world.advance_clock(Duration::from_mins(14));

    world.sweep().await;
    assert!(!is_open(&world).await);
    world.advance_clock(Duration::from_mins(1));
    world.sweep().await;

    assert!(is_open(&world).await);
}

/// A world with a gap that is due, and the gap.
async fn world_with_gap() -> (World, LiveGap) {
    let world = World::new(organisation_of_the_day(703)).await;
    let gap = record_gap(&world, "2026-03-09T10:00:00Z", "2026-03-09T12:00:00Z").await;
    (world, gap)
}

/// Sweeps every hour; an accepted start whose message is lost is sent again after one.
async fn sweep_for_hours(world: &mut World, hours: usize) {
    for _ in 0..hours {
        world.advance_clock(HOUR + Duration::from_secs(1));
        world.sweep().await;
        world.run().await;
    }
}

#[tokio::test]
async fn a_sweep_killed_at_any_step_leaves_a_gap_that_the_next_one_closes() {
    let (mut world, _) = world_with_gap().await;
    world.sweep().await;
    let steps = world.steps.step_count();
    let kills = (0..steps).flat_map(|step| [Kill::Before(step), Kill::After(step)]);
    for kill in kills {
        let (mut world, gap) = world_with_gap().await;
        world.steps.kill_at(kill);
        assert!(world.try_sweep().await.is_none(), "{kill:?}");

        sweep_for_hours(&mut world, 3).await;

        let closed = closed_gap(&world, &gap).await;
        assert!(closed.is_some(), "{kill:?}");
        assert_eq!(verified(&world).await.closed_gaps.len(), 1);
    }
}

#[tokio::test]
async fn a_day_is_sealed_with_what_was_heard_and_what_was_not() {
    let mut world = World::new(organisation_of_the_day(704)).await;
    let ids = export_of_the_day(&mut world).await;
    let gap = record_gap(&world, "2026-03-09T10:00:00Z", "2026-03-09T10:05:00Z").await;
    // Two are not heard of; one is heard of after midnight only.
    hear(&world, &ids[3..], "2026-03-09T18:00:00Z").await;
    hear(&world, &ids[3..6], "2026-03-09T19:00:00Z").await;
    hear(&world, &ids[2..3], "2026-03-10T00:30:00Z").await;
    world.run().await;

    advance_to(&world, "2026-03-11T01:59:59Z");
    world.sweep().await;
    assert_eq!(seal(&world, DAY).await, None);
    world.run().await;
    advance_to(&world, "2026-03-11T02:00:00Z");
    world.sweep().await;

    let seal = seal(&world, DAY).await.expect("sealed");
    assert_eq!(seal.records.len(), 2);
    assert_eq!(seal.conversations_heard, ids.len() as u64 - 3);
    assert_eq!(seal.figures.counts.stored, ids.len() as u64);
    assert_eq!(seal.not_ended.count, ids.len() as u64 - 3);
    assert_eq!(seal.not_ended.ids[0].as_str(), ids[3]);
    assert_eq!(seal.compared_with, "nightly".parse().ok());
    assert_eq!(seal.unheard, Some(2));
    assert_eq!(seal.gaps.len(), 1);
    assert_eq!(seal.gaps[0].export_id, Some(gap.export_id()));
    let stream = verified(&world).await;
    assert_eq!((stream.days, stream.sealed_days), (2, 1));
    assert_eq!(stream.unsealed_days, ["2026-03-10".parse().expect("a day")]);
}

#[tokio::test]
async fn every_day_is_sealed_once_and_in_order() {
    let mut world = World::new(organisation_of_the_day(705)).await;
    hear(
        &world,
        &["0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()],
        "2026-03-05T12:00:00Z",
    )
    .await;

    world.sweep().await;
    let keys = async |world: &World| {
        let days = world.store.list("live/events/days/", None).await;
        let days = days.expect("listed").objects.into_iter();
        days.map(|object| object.key).collect::<Vec<_>>()
    };
    let first = keys(&world).await;
    let sealed = seal(&world, "2026-03-05").await.expect("sealed");
    world.advance_clock(HOUR);
    world.sweep().await;

    assert_eq!(
        first,
        ["05", "06", "07"].map(|day| format!("live/events/days/2026-03-{day}.json"))
    );
    assert_eq!(keys(&world).await, first);
    assert_eq!(seal(&world, "2026-03-05").await, Some(sealed.clone()));
    assert_eq!(
        (sealed.conversations_heard, sealed.compared_with),
        (1, None)
    );
    let empty = seal(&world, "2026-03-06").await.expect("sealed");
    assert!(empty.records.is_empty());
    let stream = verified(&world).await;
    assert_eq!((stream.days, stream.sealed_days), (1, 3));
}

#[tokio::test]
async fn a_damaged_frame_record_is_listed_and_does_not_stop_the_seal() {
    let mut world = World::new(organisation_of_the_day(706)).await;
    hear(
        &world,
        &["0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()],
        "2026-03-05T12:00:00Z",
    )
    .await;
    let listed = world.archive().list_all("live/events/dt=2026-03-05/").await;
    let mut keys = listed.expect("listed").into_iter().map(|it| it.key);
    let record = keys.rfind(|key| key.ends_with(".record.json"));
    world.damage(&record.clone().expect("a record")).await;

    world.sweep().await;

    let seal = seal(&world, "2026-03-05").await.expect("sealed");
    assert_eq!(seal.records.len(), 1);
    assert_eq!((seal.unreadable, seal.conversations_heard), (1, 0));
    assert_eq!(Some(seal.records[0].key.clone()), record);
    assert_eq!(Some(damaged_key(&world).await), record);
}
