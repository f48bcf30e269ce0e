//! Signatures over S3 and KMS: planted objects are refused, and a key in KMS signs.

use std::sync::Arc;

use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use conversation_archive::storage::signing::{KmsKey, SigningKey as _};
use conversation_archive::storage::store::{S3Settings, S3Store};
use end_to_end::planted;

use crate::emulator::Emulator;

/// A store in a new bucket, and the emulator that serves it.
async fn store() -> (Emulator, Arc<S3Store>) {
    let emulator = Emulator::ministack().await;
    emulator.create_bucket("planted").await;
    let settings = S3Settings {
        bucket: "planted".to_owned(),
        prefix: Some("archive".to_owned()),
        kms_key_id: None,
    };
    let store = S3Store::new(emulator.clients().s3(), settings);
    (emulator, Arc::new(store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_plan_on_s3_is_refused_by_name() {
    let (_emulator, store) = store().await;
    planted::a_planted_plan_is_not_adopted(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_marker_on_s3_is_refused_by_name() {
    let (_emulator, store) = store().await;
    planted::a_planted_marker_starts_no_planted_plan(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_request_on_s3_is_refused_by_name() {
    let (_emulator, store) = store().await;
    planted::a_planted_request_is_not_started(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_attempt_on_s3_is_refused_by_name() {
    let (_emulator, store) = store().await;
    planted::a_planted_attempt_is_not_followed(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_cancellation_on_s3_is_refused_by_name() {
    let (_emulator, store) = store().await;
    planted::a_planted_cancellation_is_not_followed(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_kms_signs_and_its_public_key_verifies() {
    let emulator = Emulator::ministack().await;
    let client = emulator.clients().kms();
    let created = client
        .create_key()
        .key_spec(KeySpec::EccNistP256)
        .key_usage(KeyUsageType::SignVerify)
        .send()
        .await
        .expect("created");
    let id = created.key_metadata.expect("a key").key_id;
    let key = KmsKey::new(client, id);

    let signature = key.sign(b"message").await.expect("signed");

    let public_key = key.public_key().await.expect("a public key");
    assert!(public_key.is_valid(b"message", &signature));
    assert!(!public_key.is_valid(b"another message", &signature));
}
