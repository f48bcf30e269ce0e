//! Faults that last until the test removes them.

use super::faults::{AVAILABILITY, world_with};
use super::*;
use crate::{Faults, JobState, Outage, OutageKind, Permanent, Route};

#[tokio::test]
async fn an_outage_ends_by_the_injected_clock() {
    let (from, to) = (time("2026-03-05T12:00:00Z"), time("2026-03-05T12:30:00Z"));
    let world = world_with(Faults {
        outage: Some(Outage {
            from,
            to,
            kind: OutageKind::Throttled,
        }),
        ..Faults::default()
    })
    .await;

    let during = world.get(AVAILABILITY).await;
    world.advance_clock(Duration::from_mins(30));
    let after = world.get(AVAILABILITY).await;

    assert_eq!((during.status, after.status), (429, 200));
}

#[tokio::test]
async fn every_route_is_unavailable_in_an_outage() {
    let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    let world = world_with(Faults {
        outage: Some(Outage {
            from,
            to,
            kind: OutageKind::Unavailable,
        }),
        ..Faults::default()
    })
    .await;

    let statuses = [
        world.get(AVAILABILITY).await.status,
        world.login_as("simulated-client", "x").await.status,
    ];

    assert_eq!(statuses, [503, 503]);
}

#[tokio::test]
async fn a_permanent_fault_has_the_given_code_and_message() {
    let permanent = Permanent {
        route: Route::JobSubmit,
        after: 1,
        status: 403,
        code: "missing.permissions".into(),
        message: "not for you".into(),
    };
    let world = world_with(Faults {
        permanent: Some(permanent),
        ..Faults::default()
    })
    .await;

    let first = world.post(JOBS, &json!({ "interval": INTERVAL })).await;
    let second = world.post(JOBS, &json!({ "interval": INTERVAL })).await;

    assert_eq!((first.status, second.status), (202, 403));
    assert_eq!(second.json()["code"], "missing.permissions");
    assert_eq!(second.json()["message"], "not for you");
    assert_eq!(
        second.json()["contextId"],
        second.header("ININ-Correlation-Id")
    );
}

#[tokio::test]
async fn malformed_records_replace_good_ones() {
    let world = world_with(Faults {
        malformed_every: Some(4),
        ..Faults::default()
    })
    .await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    let page = world.get(&format!("{JOBS}/{id}/results")).await.json();

    let truth = world.simulator.truth().conversations;
    let rows = page["conversations"].as_array().unwrap();
    assert_eq!(rows.len(), truth.len());
    for (row, truth) in rows.iter().zip(&truth) {
        assert_eq!(row, &serde_json::from_str::<Value>(&truth.json).unwrap());
    }
    assert_eq!(
        truth.iter().filter(|it| it.malformed).count(),
        truth.len() / 4
    );
}

#[tokio::test]
async fn jobs_can_fail() {
    let world = world_with(Faults {
        job_fails: true,
        ..Faults::default()
    })
    .await;

    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    let status = world.get(&format!("{JOBS}/{id}")).await.json();
    assert_eq!(status["state"], "FAILED");
    assert!(status["errorMessage"].is_string());
}

#[tokio::test]
async fn a_stuck_job_stays_queued_until_the_fault_ends() {
    let world = world_with(Faults {
        job_stuck: true,
        ..Faults::default()
    })
    .await;
    let id = world.submit(&json!({ "interval": INTERVAL })).await;
    world.advance_clock(Duration::from_hours(5));
    let stuck = world.state(&id).await;

    world.simulator.set_faults(Faults::default());
    world.state(&id).await;
    world.advance_clock(Duration::from_secs(2));

    assert_eq!(
        (stuck.as_str(), world.simulator.jobs()[0].state),
        ("QUEUED", JobState::Fulfilled)
    );
}
