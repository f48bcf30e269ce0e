//! Killed between any two steps over S3: the stories and the promises of the pipeline tests, in ministack's buckets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use conversation_archive::store::{S3Settings, S3Store};
use end_to_end::crashes::Afterwards::{self, BucketAlone, Redelivery};
use end_to_end::crashes::{Case, GATEWAY, JOB, Story, every_crash_point};

use crate::emulator::Emulator;

/// Of the exports of one story, so that its emulator and our handlers take turns.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_on_s3_killed_at_any_step_ends_in_the_same_archive() {
    every(JOB, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_on_s3_killed_at_any_step_ends_in_the_same_archive() {
    every(GATEWAY, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_on_s3_goes_on_from_the_bucket_alone_after_any_step() {
    every(JOB, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_on_s3_goes_on_from_the_bucket_alone_after_any_step() {
    every(GATEWAY, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_on_s3_that_is_cancelled_survives_a_crash_at_any_step() {
    every(JOB.telling(Story::Cancelled), Redelivery).await;
}

/// Each time behind a prefix of its own.
async fn every(case: Case, afterwards: Afterwards) {
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

    let told = every_crash_point(case, afterwards, store, AT_ONCE).await;

    println!("s3://: {told}");
}
