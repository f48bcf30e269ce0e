//! Scheduled starts: a request is stored before the first API request, so that an outage at that time does not lose its
//! interval.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use conversation_archive::archive::open_marker;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::marker::OpenMarker;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::storage::queue::Queue;
use genesys_simulator::{ResponseFilter, Route, Settings};
use start_export::{Command, StartError, Started, State};
use sweep_exports::SweepOutcome;

use end_to_end::process::invocation;
use end_to_end::world::{World, organisation};

const HOUR: Duration = Duration::from_hours(1);

const NIGHTLY: &str = r#"{"source":"export-gateway","interval":{"last":"P1D"},"scheduledTime":"2026-03-03T00:00:00Z","slices":1}"#;

/// A world whose login answers with this status while it is not 0.
async fn world(status: &Arc<AtomicU16>) -> World {
    let status = Arc::clone(status);
    let filter: ResponseFilter = Arc::new(move |request, mut response| {
        let status = status.load(Ordering::SeqCst);
        if request.route == Route::Login && status != 0 {
            (response.status, response.body) = (status, "{}".into());
        }
        response
    });
    World::new(Settings {
        response_filter: Some(filter),
        ..organisation(71, 40)
    })
    .await
}

async fn start(world: &World, request: &str) -> Result<Started, StartError> {
    let command = Command::parse(request).expect("a request");
    let invocation = invocation(950, &world.clock);
    world.process.start.handle(command, &invocation).await
}

async fn marker(world: &World, id: &ExportId) -> Option<OpenMarker> {
    world
        .archive()
        .read(ObjectKey::Open(id))
        .await
        .expect("readable")
}

async fn assert_complete(world: &mut World, id: &ExportId) {
    world.run().await;
    let status = world.manifest(id).await.outcome.status;
    assert_eq!(status, ExportStatus::Completed);
    assert!(marker(world, id).await.is_none());
}

#[tokio::test]
async fn an_export_scheduled_during_a_login_outage_still_completes() {
    let status = Arc::new(AtomicU16::new(503));
    let mut world = world(&status).await;

    let started = start(&world, NIGHTLY).await.expect("accepted");

    assert_eq!(started.state, State::Accepted);
    let stored_marker = marker(&world, &started.export_id).await.expect("a marker");
    let request = stored_marker.request.expect("the request");
    assert_eq!(
        request.scheduled_time.as_deref(),
        Some("2026-03-03T00:00:00.000Z")
    );
    world.advance_clock(Duration::from_mins(4));
    status.store(0, Ordering::SeqCst);
    assert_complete(&mut world, &started.export_id).await;
}

#[tokio::test]
async fn an_accepted_export_is_started_by_the_sweep_when_its_message_is_lost() {
    let status = Arc::new(AtomicU16::new(503));
    let mut world = world(&status).await;
    let id = start(&world, NIGHTLY).await.expect("accepted").export_id;
    world.lose_messages();
    status.store(0, Ordering::SeqCst);

    let early = world.sweep().await;
    world.advance_clock(HOUR);
    let swept = world.sweep().await;

    assert_eq!(
        (early, swept),
        (
            vec![SweepOutcome::LeftAlone],
            vec![SweepOutcome::StartedAgain]
        )
    );
    assert_complete(&mut world, &id).await;
}

#[tokio::test]
async fn a_refused_login_is_retried_for_a_week_and_then_dropped() {
    let status = Arc::new(AtomicU16::new(400));
    let mut world = world(&status).await;
    let refused = start(&world, NIGHTLY).await;
    assert!(
        refused.is_err(),
        "the invocation fails, and says so: {refused:?}"
    );
    let days = |days: u64| Duration::from_hours(24 * days);

    let mut swept = Vec::new();
    for _ in 0..8 {
        world.advance_clock(days(1));
        swept.extend(world.sweep().await);
        world.run().await;
    }

    assert_eq!(swept[..6], [SweepOutcome::StartedAgain; 6]);
    assert_eq!(swept[6..], [SweepOutcome::Removed]);
}

#[tokio::test]
async fn a_login_accepted_after_two_days_still_completes_the_export() {
    let status = Arc::new(AtomicU16::new(400));
    let mut world = world(&status).await;
    assert!(start(&world, NIGHTLY).await.is_err());
    let open = world.archive().list_all("open/").await.expect("a listing");
    let id: ExportId = open[0].key["open/".len()..].parse().expect("an id");
    world.advance_clock(HOUR * 50);
    world.sweep().await;
    world.run().await;
    status.store(0, Ordering::SeqCst);

    world.advance_clock(HOUR);
    world.sweep().await;

    assert_complete(&mut world, &id).await;
}

#[tokio::test]
async fn a_manual_request_that_fails_stores_nothing() {
    let status = Arc::new(AtomicU16::new(503));
    let world = world(&status).await;

    let failed = start(&world, &world.request("export-gateway", "")).await;

    assert!(matches!(failed, Err(StartError::Source(_))), "{failed:?}");
    assert!(world.store.snapshot().is_empty());
    assert_eq!(world.queues.next_visible(Queue::Pages), None);
}

#[tokio::test]
async fn a_scheduled_start_that_always_failed_is_started_by_the_sweep() {
    let status = Arc::new(AtomicU16::new(0));
    let mut world = world(&status).await;

    for payload in [NIGHTLY, r#"{"interval":{"last":"P1D"}}"#, "{"] {
        let invocation = invocation(951, &world.clock);
        let result = world
            .process
            .record_failed_start(payload, &invocation)
            .await;
        assert!(result.is_ok(), "{result:?}");
    }
    world.advance_clock(HOUR);
    let swept = world.sweep().await;

    assert_eq!(
        swept,
        [SweepOutcome::StartedAgain],
        "only what is not bound to its moment"
    );
    let open = world.archive().list_all("open/").await.expect("a listing");
    let id: ExportId = open[0].key["open/".len()..].parse().expect("an id");
    assert_complete(&mut world, &id).await;
}

#[tokio::test]
async fn a_concurrent_sweep_keeps_the_marker_of_a_started_export() {
    let status = Arc::new(AtomicU16::new(0));
    let mut world = world(&status).await;
    let id = start(&world, NIGHTLY).await.expect("started").export_id;
    let now = world.now();

    // The sweep, delayed since it found a marker without a plan.
    let archive = world.archive();
    open_marker::remove_without_plan(&archive, &id, now)
        .await
        .expect("a store");

    assert!(marker(&world, &id).await.is_some());
    assert_complete(&mut world, &id).await;
}

#[tokio::test]
async fn a_revisit_replaces_a_missing_first_export() {
    let status = Arc::new(AtomicU16::new(0));
    let mut world = world(&status).await;
    let request = r#"{"interval":{"last":"P1D"},"scheduledTime":"2026-03-04T00:00:00Z","slices":1,"revisit":["P1D"]}"#;

    let started = start(&world, request).await.expect("started");

    let first = &started.revisits[0].export_id;
    assert!(!first.as_str().ends_with("-after-24h"), "{first}");
    world.run().await;
    let manifest = world.manifest(first).await;
    assert_eq!(
        manifest.outcome.interval.to_string(),
        "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z"
    );
    let again = start(&world, request).await.expect("started");
    assert!(again.revisits[0].export_id.as_str().ends_with("-after-24h"));
}
