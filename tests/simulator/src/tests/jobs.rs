//! The states of a job over time.

use super::*;
use crate::{CancelledJobs, JobState};

#[tokio::test]
async fn a_job_is_queued_then_pending_then_fulfilled() {
    let world = World::new(Settings {
        job_ready_after: Duration::from_secs(9),
        ..small_settings()
    })
    .await;
    let id = world.submit(&json!({ "interval": INTERVAL })).await;
    let mut states = vec![world.state(&id).await];

    for _ in 0..2 {
        world.advance_clock(Duration::from_millis(4500));
        states.push(world.state(&id).await);
    }

    assert_eq!(states, ["QUEUED", "PENDING", "FULFILLED"]);
}

#[tokio::test]
async fn a_running_job_answers_202_and_a_finished_one_200() {
    let world = World::new(small_settings()).await;
    let id = world.submit(&json!({ "interval": INTERVAL })).await;

    let at_work = world.get(&format!("{JOBS}/{id}")).await;
    world.advance_clock(Duration::from_secs(2));
    let finished = world.get(&format!("{JOBS}/{id}")).await;

    assert_eq!((at_work.status, finished.status), (202, 200));
    let finished = finished.json();
    assert_eq!(finished["submissionDate"], "2026-03-05T12:00:00.000Z");
    assert_eq!(finished["completionDate"], "2026-03-05T12:00:02.000Z");
    assert_eq!(finished["expirationDate"], "2026-03-06T12:00:02.000Z");
}

#[tokio::test]
async fn a_deleted_job_is_gone() {
    let world = World::new(small_settings()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    let statuses = (
        world.delete(&format!("{JOBS}/{id}")).await,
        world.delete(&format!("{JOBS}/{id}")).await,
    );

    assert_eq!(statuses, (204, 404));
    assert_eq!(world.get(&format!("{JOBS}/{id}/results")).await.status, 404);
    assert!(world.simulator.jobs()[0].deleted);
    assert!(world.simulator.stats().live_jobs.is_empty());
}

#[tokio::test]
async fn results_expire_after_their_lifetime() {
    let world = World::new(Settings {
        job_lifetime: Duration::from_mins(5),
        ..small_settings()
    })
    .await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;
    assert_eq!(world.state(&id).await, "FULFILLED");

    world.advance_clock(Duration::from_mins(5));

    assert_eq!(world.state(&id).await, "EXPIRED");
    assert_eq!(world.get(&format!("{JOBS}/{id}/results")).await.status, 404);
}

#[tokio::test]
async fn a_job_beyond_the_cap_waits_until_another_is_deleted() {
    let world = World::new(Settings {
        concurrent_jobs: 1,
        ..small_settings()
    })
    .await;
    let first = world.finish_job(&json!({ "interval": INTERVAL })).await;
    let second = world.finish_job(&json!({ "interval": INTERVAL })).await;
    let waiting = world.state(&second).await;

    world.delete(&format!("{JOBS}/{first}")).await;
    world.state(&second).await;
    world.advance_clock(Duration::from_secs(2));

    assert_eq!(
        (waiting.as_str(), world.state(&second).await.as_str()),
        ("QUEUED", "FULFILLED")
    );
}

#[tokio::test]
async fn tests_can_expire_forget_and_fail_jobs() {
    let world = World::new(small_settings()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    world.simulator.fail_jobs("out of memory");
    let failed = world.get(&format!("{JOBS}/{id}")).await.json();
    world.simulator.expire_jobs();
    let expired = world.state(&id).await;
    world.simulator.forget_jobs();
    let forgotten = world.get(&format!("{JOBS}/{id}")).await;

    assert_eq!(
        (&failed["state"], &failed["errorMessage"]),
        (&json!("FAILED"), &json!("out of memory"))
    );
    assert_eq!((expired.as_str(), forgotten.status), ("EXPIRED", 404));
}

#[tokio::test]
async fn an_unfinished_job_has_no_results() {
    let world = World::new(small_settings()).await;
    let id = world.submit(&json!({ "interval": INTERVAL })).await;

    let response = world.get(&format!("{JOBS}/{id}/results")).await;

    assert_eq!(response.status, 400);
    assert_eq!(world.simulator.jobs()[0].state, JobState::Queued);
}

#[tokio::test]
async fn a_cancelled_job_reports_its_state_and_frees_its_slot() {
    let world = World::new(Settings {
        concurrent_jobs: 1,
        cancelled_jobs: CancelledJobs::Stay,
        ..small_settings()
    })
    .await;
    let id = world.submit(&json!({ "interval": INTERVAL })).await;

    world.delete(&format!("{JOBS}/{id}")).await;

    assert_eq!(world.state(&id).await, "CANCELLED");
    assert_eq!(world.get(&format!("{JOBS}/{id}/results")).await.status, 400);
    let next = world.finish_job(&json!({ "interval": INTERVAL })).await;
    assert_eq!(world.state(&next).await, "FULFILLED");
    assert_eq!(world.delete(&format!("{JOBS}/{next}")).await, 204);
    assert_eq!(world.get(&format!("{JOBS}/{next}")).await.status, 404);
}

#[tokio::test]
async fn a_job_can_be_cancelled_by_another_client() {
    let world = World::new(small_settings()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    world.simulator.cancel_jobs();

    assert_eq!(world.state(&id).await, "CANCELLED");
    assert!(world.simulator.stats().live_jobs.is_empty());
}

#[tokio::test]
async fn the_uncertain_job_statuses_are_configurable() {
    let world = World::new(Settings {
        job_at_work_status: 200,
        job_delete_status: 202,
        ..small_settings()
    })
    .await;
    let id = world.submit(&json!({ "interval": INTERVAL })).await;

    let at_work = world.get(&format!("{JOBS}/{id}")).await;
    let deleted = world.delete(&format!("{JOBS}/{id}")).await;

    assert_eq!((at_work.status, deleted), (200, 202));
    assert_eq!(at_work.json()["state"], "QUEUED");
}
