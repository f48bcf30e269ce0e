//! Kills the process between any two steps over S3: the scenarios and promises of the pipeline tests, in ministack's
//! buckets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use conversation_archive::runtime::config::environment;
use conversation_archive::storage::store::{S3Settings, S3Store};
use end_to_end::crashes::Recovery::{self, BucketAlone, Redelivery};
use end_to_end::crashes::{Case, CrashPlan, GATEWAY, JOB, Scenario, every_crash_point};

use crate::emulator::Emulator;

/// Number of exports of one scenario to run in parallel, so that the emulator and our handlers alternate.
const CONCURRENCY: usize = 4;

/// The other scenarios are killed at every nth step only: the tests in memory kill them at each step, and over S3 that
/// takes minutes per scenario.
const STRIDE: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_on_s3_killed_at_any_step_ends_in_the_same_archive() {
    test_every_crash_point(JOB, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_on_s3_killed_at_any_step_ends_in_the_same_archive() {
    test_every_crash_point(GATEWAY, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_on_s3_resumes_from_the_bucket_alone_after_any_step() {
    test_every_crash_point(JOB, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_on_s3_resumes_from_the_bucket_alone_after_any_step() {
    test_every_crash_point(GATEWAY, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_that_is_cancelled_survives_a_crash_at_any_step() {
    test_every_crash_point(JOB.with_scenario(Scenario::Cancelled), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_that_parks_survives_a_crash() {
    test_some_crash_points(JOB.with_scenario(Scenario::Parked)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_with_rejects_survives_a_crash() {
    test_some_crash_points(GATEWAY.with_scenario(Scenario::Rejects)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_that_loses_its_query_survives_a_crash() {
    test_some_crash_points(GATEWAY.with_scenario(Scenario::LostQuery)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_that_fails_and_is_resumed_survives_a_crash() {
    test_some_crash_points(JOB.with_scenario(Scenario::FailedThenResumed)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_that_is_swept_survives_a_crash() {
    test_some_crash_points(JOB.with_scenario(Scenario::Swept)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_with_a_dead_letter_survives_a_crash() {
    test_some_crash_points(JOB.with_scenario(Scenario::DeadLetter)).await;
}

async fn test_every_crash_point(case: Case, recovery: Recovery) {
    let plan = CrashPlan {
        concurrency: CONCURRENCY,
        ..CrashPlan::EVERY_STEP
    };
    on_s3(case, recovery, plan).await;
}

/// Kills at every nth step, with another offset in each scenario.
async fn test_some_crash_points(case: Case) {
    let stride = stride();
    let plan = CrashPlan {
        first_step: case.scenario as u64 % stride,
        stride: stride.try_into().expect("a stride"),
        concurrency: CONCURRENCY,
    };
    on_s3(case, Redelivery, plan).await;
}

/// Reads `CRASH_STRIDE`; 1 selects every step.
fn stride() -> u64 {
    let set = environment("CRASH_STRIDE");
    let stride = set.map_or(STRIDE, |text| {
        text.parse().expect("CRASH_STRIDE is a number")
    });
    assert!(stride > 0, "CRASH_STRIDE is at least 1");
    stride
}

/// Runs each export under a new prefix.
async fn on_s3(case: Case, recovery: Recovery, plan: CrashPlan) {
    let emulator = Emulator::ministack().await;
    emulator.create_bucket("crashes").await;
    let client = emulator.clients().s3();
    let number = AtomicU32::new(0);
    let store = || {
        let settings = S3Settings {
            bucket: "crashes".to_owned(),
            prefix: Some(number.fetch_add(1, Ordering::Relaxed).to_string()),
            kms_key_id: None,
        };
        Arc::new(S3Store::new(client.clone(), settings))
    };

    // Boxed, because the future contains a whole world.
    let summary = Box::pin(every_crash_point(case, recovery, store, plan)).await;

    println!("s3://: {summary}");
}
