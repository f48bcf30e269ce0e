//! The archive store on S3. Keys in the bucket are the archive's keys after an optional prefix.

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
use crate::net::clock::Clock;

mod bucket;
mod failure;
mod protection;
mod retries;

pub use bucket::{BucketError, Encryption};
use failure::{Checksums, is_absent, status, store_error};
pub use protection::Protection;
use retries::backoff;

/// Concurrent writers of the same key conflict for the duration of one upload; five tries last longer.
const MAX_CONFLICT_TRIES: u32 = 5;

/// The SDK retries a request until its response begins. If the body breaks off after that, the object is read again
/// from the start, up to this number of reads in total.
const MAX_READ_TRIES: u32 = 5;

/// Listing pages without a requested object after which the store counts as broken: ten million keys.
const MAX_EMPTY_PAGES: u32 = 10_000;

/// The error of a store that always announces more objects and lists none.
#[derive(Debug, thiserror::Error)]
#[error("the store announces more objects but lists none after the requested key (start-after)")]
struct EndlessListing;

/// Location of the archive in S3.
#[derive(Clone, Debug, Default)]
pub struct S3Settings {
    /// `ARCHIVE_BUCKET`
    pub bucket: String,
    /// Prepended to every key; leading and trailing slashes are ignored.
    pub prefix: Option<String>,
    /// Without it the bucket's default encryption applies.
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
    /// Duration for which a call is retried while its error is transient.
    retry_for: Duration,
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
            retry_for: Duration::ZERO,
            clock: Clock::System,
        }
    }

    /// Refuses to write and to read objects larger than this instead of [`MAX_OBJECT_BYTES`].
    #[cfg(test)]
    #[must_use]
    pub(crate) fn with_max_object_bytes(self, max_object_bytes: u64) -> Self {
        Self {
            max_object_bytes,
            ..self
        }
    }

    /// Retries each call for up to `retry_for` while its error is transient. For callers without a queue that would
    /// retry them.
    #[must_use]
    pub fn with_retries_for(self, retry_for: Duration) -> Self {
        Self { retry_for, ..self }
    }

    /// Uses this clock to wait between tries.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The checksum is the SHA-256 that the page records also hold: S3 rejects damaged uploads, stores the value and
    /// returns it without the bytes:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>.
    /// A store that refuses checksums gets none: the SDK then omits the value, and S3 would refuse the name of an
    /// algorithm without its value.
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
            // One data key for many objects instead of a KMS call for each:
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
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

    /// `None` for keys outside the prefix, and for the empty object that consoles create for a folder.
    fn listing_entry(&self, object: &S3Object) -> Option<Listed> {
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

    /// The checksum settings of the SDK.
    fn checksums(&self) -> Checksums {
        Checksums::of(self.client.config())
    }

    fn store_error_of<E>(
        &self,
        action: &'static str,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        store_error(action, key, error, self.checksums())
    }

    /// Reads the object, again from the start if its body breaks off.
    async fn get_whole(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let mut tries = 1;
        loop {
            let request = self.client.get_object().bucket(&self.bucket);
            let reply = match request.key(self.full_key(key)).send().await {
                Ok(reply) => reply,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(self.store_error_of("read", key, &error)),
            };
            match self.read(key, reply.content_length, reply.body).await {
                Err(error) if error.is_transient() && tries < MAX_READ_TRIES => {
                    tracing::debug!(
                        s3.key = key,
                        tries,
                        "the response body ended early; reading the object again"
                    );
                    self.clock.sleep(backoff(tries)).await;
                }
                read => return read.map(Some),
            }
            tries += 1;
        }
    }

    async fn create_once(&self, object: &Object) -> Result<Stored, StoreError> {
        let mut tries = 1;
        loop {
            let Err(error) = self.put(object).if_none_match("*").send().await else {
                return Ok(Stored::Created);
            };
            match status(&error) {
                // Possibly our own write, whose response did not reach the SDK.
                Some(412) => return Ok(Stored::AlreadyExists),
                Some(409) if tries < MAX_CONFLICT_TRIES => {
                    self.clock.sleep(backoff(tries)).await;
                }
                _ => return Err(self.store_error_of("create", &object.key, &error)),
            }
            tries += 1;
        }
    }

    async fn replace_once(&self, object: &Object) -> Result<(), StoreError> {
        match self.put(object).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.store_error_of("replace", &object.key, &error)),
        }
    }

    async fn delete_once(&self, key: &str) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.bucket);
        match request.key(self.full_key(key)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(self.store_error_of("delete", key, &error)),
        }
    }

    /// Returns the first page with a requested object. Stores that ignore `start-after` begin with earlier keys;
    /// their continuation tokens are followed.
    async fn list_once(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let mut token = None;
        for _ in 0..MAX_EMPTY_PAGES {
            let request = self.client.list_objects_v2().bucket(&self.bucket);
            let reply = request
                .prefix(self.full_key(prefix))
                .set_start_after(after.map(|key| self.full_key(key)))
                .set_continuation_token(token)
                .send()
                .await;
            let reply = reply.map_err(|error| self.store_error_of("list", prefix, &error))?;
            let is_requested = |object: &Listed| {
                let key = object.key.as_str();
                key.starts_with(prefix) && after.is_none_or(|after| key > after)
            };
            let objects = reply.contents().iter();
            let objects = objects.filter_map(|object| self.listing_entry(object));
            let objects: Vec<_> = objects.filter(is_requested).collect();
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
        self.with_retries(|| self.get_whole(key)).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.check_size("create", &object.key, object.body.len() as u64)?;
        self.with_retries(|| self.create_once(&object)).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.check_size("replace", &object.key, object.body.len() as u64)?;
        self.with_retries(|| self.replace_once(&object)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.with_retries(|| self.delete_once(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.with_retries(|| self.list_once(prefix, after)).await
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.full_key(key))
    }
}

#[cfg(test)]
pub(super) mod tests;
