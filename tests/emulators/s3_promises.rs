//! Behaviour of S3 that the archive relies on, beyond the promises of every store.

use anyhow::{Context as _, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, ServerSideEncryption};
use bytes::Bytes;
use conversation_archive::promises;
use conversation_archive::storage::conformance::Promise;
use conversation_archive::storage::store::{ArchiveStore as _, Object, S3Settings, S3Store};

use crate::emulator::Emulator;

const KMS_KEY: &str =
    "arn:aws:kms:eu-central-1:123456789012:key/0d7d4ed5-ef1c-4c5c-8a7a-0f6c9ad2a4d1";
const KEY: &str = "exports/e/page.ndjson.gz";

/// A new bucket, and the store over it.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) store: S3Store,
    client: Client,
    wrong_secret_client: Client,
    name: String,
}

pub(crate) const S3_PROMISES: &[Promise<Bucket>] = promises![
    the_kms_key_is_kept,
    content_type_and_encoding_are_kept,
    the_checksum_is_stored_and_returned,
    a_damaged_upload_is_refused,
    a_key_and_a_key_below_it_are_two_objects,
    a_missing_bucket_is_an_error_and_not_a_missing_object,
    a_wrong_secret_is_refused,
];

impl Bucket {
    /// Creates a bucket named after a promise, truncated to the maximum length.
    pub(crate) async fn create(emulator: &Emulator, promise: &str) -> Self {
        let name = promise.replace('_', "-");
        let name = name[..name.len().min(60)].trim_matches('-').to_owned();
        emulator.create_bucket(&name).await;
        let client = emulator.clients().s3();
        let settings = S3Settings {
            bucket: name.clone(),
            prefix: Some("archive".to_owned()),
            kms_key_id: None,
        };
        Self {
            store: S3Store::new(client.clone(), settings),
            client,
            wrong_secret_client: emulator.clients_with_secret("another").s3(),
            name,
        }
    }

    fn encrypted_store(&self) -> S3Store {
        let settings = S3Settings {
            bucket: self.name.clone(),
            prefix: None,
            kms_key_id: Some(KMS_KEY.to_owned()),
        };
        S3Store::new(self.client.clone(), settings)
    }
}

async fn the_kms_key_is_kept(bucket: &Bucket) -> anyhow::Result<()> {
    let store = bucket.encrypted_store();
    store.create(object("created")).await?;
    store.replace(object("replaced")).await?;

    for key in ["created", "replaced"] {
        let head = bucket.client.head_object().bucket(&bucket.name).key(key);
        let head = head.send().await?;

        let encryption = head.server_side_encryption();
        ensure!(
            encryption == Some(&ServerSideEncryption::AwsKms),
            "{encryption:?}"
        );
        ensure!(head.ssekms_key_id() == Some(KMS_KEY), "another key");
    }
    Ok(())
}

async fn content_type_and_encoding_are_kept(bucket: &Bucket) -> anyhow::Result<()> {
    bucket.encrypted_store().create(object(KEY)).await?;

    let head = bucket.client.head_object().bucket(&bucket.name).key(KEY);
    let head = head.send().await?;

    let stored_headers = (head.content_type(), head.content_encoding());
    ensure!(
        stored_headers == (Some("application/x-ndjson"), Some("gzip")),
        "{stored_headers:?}"
    );
    Ok(())
}

async fn the_checksum_is_stored_and_returned(bucket: &Bucket) -> anyhow::Result<()> {
    bucket.encrypted_store().create(object(KEY)).await?;

    let head = bucket.client.head_object().bucket(&bucket.name).key(KEY);
    let head = head.checksum_mode(ChecksumMode::Enabled).send().await?;

    let checksum = head.checksum_sha256();
    let expected = Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    ensure!(checksum == expected, "{checksum:?}");
    Ok(())
}

async fn a_damaged_upload_is_refused(bucket: &Bucket) -> anyhow::Result<()> {
    let put = bucket.client.put_object().bucket(&bucket.name).key(KEY);
    let damaged = put
        .body(ByteStream::from_static(b"jello"))
        .checksum_sha256("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
        .send()
        .await;

    ensure!(status(&damaged) == Some(400), "{damaged:?}");
    Ok(())
}

async fn a_key_and_a_key_below_it_are_two_objects(bucket: &Bucket) -> anyhow::Result<()> {
    for key in ["key", "key/child"] {
        bucket.store.create(object(key)).await?;
    }

    for key in ["key", "key/child"] {
        let stored = bucket.store.get(key).await?;
        stored.with_context(|| format!("{key} is gone"))?;
    }
    Ok(())
}

async fn a_missing_bucket_is_an_error_and_not_a_missing_object(
    bucket: &Bucket,
) -> anyhow::Result<()> {
    let settings = S3Settings {
        bucket: "nowhere-to-be-found".to_owned(),
        ..S3Settings::default()
    };
    let store = S3Store::new(bucket.client.clone(), settings);

    let outcome = store.get(KEY).await;

    ensure!(outcome.is_err(), "{outcome:?}");
    Ok(())
}

async fn a_wrong_secret_is_refused(bucket: &Bucket) -> anyhow::Result<()> {
    let listed = bucket
        .wrong_secret_client
        .list_objects_v2()
        .bucket(&bucket.name);
    let listed = listed.send().await;

    ensure!(status(&listed) == Some(403), "{listed:?}");
    Ok(())
}

fn status<T, E>(outcome: &Result<T, SdkError<E>>) -> Option<u16> {
    let response = outcome.as_ref().err()?.raw_response()?;
    Some(response.status().as_u16())
}

fn object(key: &str) -> Object {
    Object {
        key: key.to_owned(),
        body: Bytes::from_static(b"hello"),
        content_type: "application/x-ndjson",
        content_encoding: Some("gzip"),
    }
}
