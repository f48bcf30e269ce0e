//! The archive store on S3. The bucket's keys are the archive's keys behind an optional prefix.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, Object as S3Object, ServerSideEncryption};
use bytes::{Bytes, BytesMut};

use super::{
    ArchiveStore, Listed, Listing, MAX_OBJECT_BYTES, Object, ObjectTooLarge, StoreError, Stored,
};
use crate::clock::Clock;

mod bucket;
mod failure;
mod patience;

pub use bucket::{BucketError, Encryption};
use failure::{Checksums, is_absent, status, store_error};
use patience::backoff;

/// Writers of the same key collide for as long as one upload takes; five tries outlast it.
const CONFLICT_ATTEMPTS: u32 = 5;

/// The SDK retries a request until its reply begins. A body that breaks off after that is read again from the start, up to
/// this number of reads in all.
const READ_ATTEMPTS: u32 = 5;

/// Pages of a listing that hold nothing of what was asked for, before the store is taken for broken: ten million keys.
const EMPTY_PAGES: u32 = 10_000;

/// What a store does that always announces more and gives nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "the store announces more objects and lists none after the one that was named (start-after)"
)]
struct EndlessListing;

/// Where in S3 the archive is.
#[derive(Clone, Debug, Default)]
pub struct S3Settings {
    /// `ARCHIVE_BUCKET`
    pub bucket: String,
    /// Put before every key; slashes at its ends do not count.
    pub prefix: Option<String>,
    /// Without one the bucket's own default encrypts.
    pub kms_key_id: Option<String>,
}

/// A bucket, through one client for the life of the process.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    /// Empty, or ends with a slash.
    prefix: String,
    kms_key_id: Option<String>,
    max_object_bytes: u64,
    /// How long a call is repeated while its error is transient.
    patience: Duration,
    clock: Clock,
}

impl S3Store {
    pub fn new(client: Client, settings: S3Settings) -> Self {
        let S3Settings {
            bucket,
            prefix,
            kms_key_id,
        } = settings;
        let prefix = match prefix.as_deref().map(|prefix| prefix.trim_matches('/')) {
            None | Some("") => String::new(),
            Some(folder) => format!("{folder}/"),
        };
        Self {
            client,
            bucket,
            prefix,
            kms_key_id,
            max_object_bytes: MAX_OBJECT_BYTES,
            patience: Duration::ZERO,
            clock: Clock::System,
        }
    }

    /// Refuses to write and to read objects larger than this instead of [`MAX_OBJECT_BYTES`].
    #[must_use]
    pub fn with_max_object_bytes(self, max_object_bytes: u64) -> Self {
        Self {
            max_object_bytes,
            ..self
        }
    }

    /// Repeats each call for up to `patience` while its error is transient. For callers that no queue calls again.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Waits between attempts by this clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The checksum is the SHA-256 that the page records hold too: S3 refuses what arrives damaged, keeps the value and
    /// gives it back without the bytes. A store that refuses checksums gets none: the SDK then leaves out the value, and S3
    /// would refuse the name of an algorithm without its value.
    fn put(&self, object: &Object) -> PutObjectFluentBuilder {
        let encryption = self
            .kms_key_id
            .as_ref()
            .map(|_| ServerSideEncryption::AwsKms);
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(self.full_key(&object.key))
            .body(ByteStream::from(object.body.clone()))
            .content_type(object.content_type)
            .set_content_encoding(object.content_encoding.map(str::to_owned))
            .set_checksum_algorithm(
                self.checksums()
                    .in_requests
                    .then_some(ChecksumAlgorithm::Sha256),
            )
            // One data key for many objects instead of a call to KMS for each.
            .set_bucket_key_enabled(self.kms_key_id.as_ref().map(|_| true))
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(self.kms_key_id.clone())
    }

    async fn read(
        &self,
        key: &str,
        length: Option<i64>,
        mut body: ByteStream,
    ) -> Result<Bytes, StoreError> {
        let length = length
            .and_then(|length| u64::try_from(length).ok())
            .unwrap_or(0);
        self.check_size("read", key, length)?;
        let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
        while let Some(chunk) = body.next().await {
            let cut_off = |error| StoreError::transient("read", key, error);
            bytes.extend_from_slice(&chunk.map_err(cut_off)?);
            self.check_size("read", key, bytes.len() as u64)?;
        }
        Ok(bytes.freeze())
    }

    fn check_size(
        &self,
        action: &'static str,
        key: &str,
        size_bytes: u64,
    ) -> Result<(), StoreError> {
        ObjectTooLarge::check(size_bytes, self.max_object_bytes)
            .map_err(|error| StoreError::permanent(action, key, error))
    }

    /// `None` for what is not below the prefix, and for the empty object that consoles create for a folder.
    fn listed(&self, object: &S3Object) -> Option<Listed> {
        let key = object
            .key()?
            .strip_prefix(&self.prefix)
            .filter(|key| !key.is_empty())?;
        let size_bytes = object
            .size()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0);
        Some(Listed {
            key: key.to_owned(),
            size_bytes,
        })
    }

    /// What the SDK's settings say.
    fn checksums(&self) -> Checksums {
        Checksums::of(self.client.config())
    }

    fn failed<E>(
        &self,
        action: &'static str,
        key: &str,
        error: SdkError<E, HttpResponse>,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        store_error(action, key, error, self.checksums())
    }

    /// The object, read again from the start when its body breaks off.
    async fn get_whole(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let mut attempt = 1;
        loop {
            let request = self.client.get_object().bucket(&self.bucket);
            let reply = match request.key(self.full_key(key)).send().await {
                Ok(reply) => reply,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(self.failed("read", key, error)),
            };
            match self.read(key, reply.content_length, reply.body).await {
                Err(error) if error.is_transient() && attempt < READ_ATTEMPTS => {
                    tracing::debug!(
                        s3.key = key,
                        attempt,
                        "the body broke off, reading it again"
                    );
                    self.clock.sleep(backoff(attempt)).await;
                }
                read => return read.map(Some),
            }
            attempt += 1;
        }
    }

    async fn create_once(&self, object: &Object) -> Result<Stored, StoreError> {
        let mut attempt = 1;
        loop {
            let Err(error) = self.put(object).if_none_match("*").send().await else {
                return Ok(Stored::Created);
            };
            match status(&error) {
                // Perhaps our own write, whose answer was lost on the way to the SDK.
                Some(412) => return Ok(Stored::AlreadyThere),
                Some(409) if attempt < CONFLICT_ATTEMPTS => {
                    self.clock.sleep(backoff(attempt)).await;
                }
                _ => return Err(self.failed("create", &object.key, error)),
            }
            attempt += 1;
        }
    }

    async fn replace_once(&self, object: &Object) -> Result<(), StoreError> {
        match self.put(object).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("replace", &object.key, error)),
        }
    }

    async fn delete_once(&self, key: &str) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.bucket);
        match request.key(self.full_key(key)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(self.failed("delete", key, error)),
        }
    }

    /// The first page that holds something of what was asked for. Stores that ignore `start-after` begin with what comes
    /// before it, and are followed by their tokens.
    async fn list_once(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let mut token = None;
        for _ in 0..EMPTY_PAGES {
            let request = self.client.list_objects_v2().bucket(&self.bucket);
            let reply = request
                .prefix(self.full_key(prefix))
                .set_start_after(after.map(|key| self.full_key(key)))
                .set_continuation_token(token)
                .send()
                .await;
            let reply = reply.map_err(|error| self.failed("list", prefix, error))?;
            let is_asked_for = |object: &Listed| {
                let key = object.key.as_str();
                key.starts_with(prefix) && after.is_none_or(|after| key > after)
            };
            let objects = reply.contents().iter();
            let objects = objects.filter_map(|object| self.listed(object));
            let objects: Vec<_> = objects.filter(is_asked_for).collect();
            let truncated = reply.is_truncated().unwrap_or(false);
            if !truncated || !objects.is_empty() {
                return Ok(Listing { objects, truncated });
            }
            token = reply.next_continuation_token;
            if token.is_none() {
                break;
            }
        }
        Err(StoreError::permanent("list", prefix, EndlessListing))
    }
}

#[async_trait]
impl ArchiveStore for S3Store {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.patiently(|| self.get_whole(key)).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.check_size("create", &object.key, object.body.len() as u64)?;
        self.patiently(|| self.create_once(&object)).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.check_size("replace", &object.key, object.body.len() as u64)?;
        self.patiently(|| self.replace_once(&object)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.patiently(|| self.delete_once(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.patiently(|| self.list_once(prefix, after)).await
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.full_key(key))
    }
}

#[cfg(test)]
pub(super) mod tests;
