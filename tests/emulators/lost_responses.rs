//! Writes that took effect but were never confirmed: the client repeats them and finds its own object.

use std::sync::Arc;

use bytes::Bytes;
use conversation_archive::storage::store::{
    ArchiveStore as _, Object, S3Settings, S3Store, Stored,
};
use end_to_end::comparison::assert_same_archive;
use end_to_end::crashes::{JOB, Recovery, run_scenario};
use end_to_end::memory_store::MemoryStore;

use crate::emulator::{Emulator, SECRET_KEY, clients};
use crate::lossy_proxy::LossyProxy;

const BUCKET: &str = "archive";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_reply_is_lost_finds_its_own_object() {
    let emulator = Emulator::ministack().await;
    emulator.create_bucket(BUCKET).await;
    let proxy = LossyProxy::before(emulator.url(), 2).await;
    let store = store(&proxy);
    let object = Object {
        key: "key".to_owned(),
        body: Bytes::from_static(b"hello"),
        content_type: "text/plain",
        content_encoding: None,
    };

    let created = store.create(object).await.expect("an answer");

    assert_eq!(created, Stored::AlreadyExists);
    assert_eq!(proxy.lost_count(), 1);
    let read = store.get("key").await.expect("readable");
    assert_eq!(read.as_deref(), Some(&b"hello"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_loses_every_third_reply_ends_in_the_same_archive() {
    let emulator = Emulator::ministack().await;
    emulator.create_bucket(BUCKET).await;
    let proxy = LossyProxy::before(emulator.url(), 3).await;
    let undisturbed = run_scenario(
        Arc::<MemoryStore>::default(),
        JOB,
        None,
        Recovery::Redelivery,
    )
    .await;

    // The run verifies the export at its end.
    let store = Arc::new(store(&proxy));
    let disturbed = run_scenario(store, JOB, None, Recovery::Redelivery).await;

    let lost = proxy.lost_count();
    println!("{lost} replies to writes were lost");
    assert!(lost > 5, "{lost} replies were lost");
    assert_same_archive(&undisturbed.archive, &disturbed.archive, "lost replies");
    assert_eq!(disturbed.announced, undisturbed.announced);
}

fn store(proxy: &LossyProxy) -> S3Store {
    let settings = S3Settings {
        bucket: BUCKET.to_owned(),
        ..S3Settings::default()
    };
    S3Store::new(clients(&proxy.url(), SECRET_KEY).s3(), settings)
}
