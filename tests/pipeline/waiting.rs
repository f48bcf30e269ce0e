//! Waiting uses up no attempts, and it ends.

use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::export::outcome::ExportStatus;
use genesys_simulator::{Faults, Outage, OutageKind, Settings, Watermark};

use end_to_end::world::{NOW, World, organisation, start_gateway, start_job};

fn hours_from_now(hours: i64) -> jiff::Timestamp {
    let now: jiff::Timestamp = NOW.parse().expect("a moment");
    now + jiff::SignedDuration::from_hours(hours)
}

#[tokio::test]
async fn an_hour_of_throttling_costs_neither_a_failure_nor_a_receive() {
    let outage = Outage {
        from: hours_from_now(0),
        to: hours_from_now(1),
        kind: OutageKind::Throttled,
    };
    let (mut world, id) = start_job(organisation(21, 60), r#","pageSize":20"#).await;
    world.simulator.set_faults(Faults {
        outage: Some(outage),
        ..Faults::default()
    });

    world.run().await;

    assert_eq!(
        world.manifest(&id).await.outcome.status,
        ExportStatus::Completed
    );
    assert_eq!(world.highest_receive_count, 1);
    assert!(world.now() >= hours_from_now(1));
}

#[tokio::test]
async fn an_hour_of_gateway_outage_costs_neither_failure_nor_receive() {
    let outage = Outage {
        from: hours_from_now(0),
        to: hours_from_now(1),
        kind: OutageKind::Unavailable,
    };
    let (mut world, id) = start_gateway(organisation(22, 60), r#","pageSize":20,"slices":2"#).await;
    world.simulator.set_faults(Faults {
        outage: Some(outage),
        ..Faults::default()
    });

    world.run().await;

    assert_eq!(
        world.manifest(&id).await.outcome.status,
        ExportStatus::Completed
    );
    assert_eq!(world.highest_receive_count, 1);
}

#[tokio::test]
async fn a_job_queued_for_five_hours_costs_neither_failure_nor_receive() {
    let job_ready_after = Duration::from_hours(5);
    let mut world = World::new(Settings {
        job_ready_after,
        ..organisation(23, 60)
    })
    .await;

    let request = world.request("analytics-job", r#","pageSize":20"#);
    let manifest = world.export(&request).await;

    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    assert_eq!(world.highest_receive_count, 1);
    assert_eq!(
        world.simulator.stats().jobs_submitted,
        2,
        "one job a slice, polled until it was done"
    );
    assert!(world.now() >= hours_from_now(5));
}

#[tokio::test]
async fn an_export_failed_for_its_watermark_completes_after_a_resume() {
    let before = "2026-03-02T12:00:00Z".parse().expect("a moment");
    let settings = Settings {
        watermark: Watermark::Never(before),
        ..organisation(24, 60)
    };
    let (mut world, id) = start_job(settings, r#","pageSize":20"#).await;

    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures.len(), 1, "the first day was complete");
    assert_eq!(
        failed.failures[0].failure.kind,
        FailureKind::WatermarkDeadline
    );
    assert!(world.now() >= hours_from_now(36));
    assert_eq!(world.highest_receive_count, 1);

    world.simulator.update(|settings| {
        settings.watermark = Watermark::Behind {
            lag: Duration::from_hours(1),
        }
    });
    let manifest = world.resume_to_end(&id).await;

    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    assert_eq!(
        world.receiver.event_types_by_id().len(),
        2,
        "one id for the failure, one for the completion"
    );
}

#[tokio::test]
async fn an_export_waits_for_its_watermark_to_catch_up() {
    let from = "2026-03-02T12:00:00Z".parse().expect("a moment");
    let (at, to) = (hours_from_now(20), hours_from_now(-24));
    let mut world = World::new(Settings {
        watermark: Watermark::CatchesUp { at, from, to },
        ..organisation(25, 60)
    })
    .await;

    let request = world.request("analytics-job", "");
    let manifest = world.export(&request).await;

    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    assert_eq!(world.highest_receive_count, 1);
}

#[tokio::test]
async fn a_stuck_job_fails_after_its_deadline_and_is_kept_for_a_resume() {
    let faults = Faults {
        job_stuck: true,
        ..Faults::default()
    };
    let settings = Settings {
        faults,
        ..organisation(26, 20)
    };
    let (mut world, id) = start_job(settings, r#","slices":1"#).await;

    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::JobDeadline);
    assert_eq!(
        world.simulator.stats().jobs_deleted,
        0,
        "resume continues it"
    );

    world.simulator.set_faults(Faults::default());
    let manifest = world.resume_to_end(&id).await;

    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    assert_eq!(world.simulator.stats().jobs_submitted, 1);
    assert_eq!(world.simulator.stats().live_jobs, Vec::<String>::new());
}
