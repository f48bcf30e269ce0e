//! The archive store on S3. The bucket's keys are the archive's keys behind an optional prefix.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
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

pub use bucket::{BucketError, Encryption};
use failure::{is_absent, status, store_error};

/// Writers of the same key collide for as long as one upload takes; five tries outlast it.
const CONFLICT_ATTEMPTS: u32 = 5;

/// The first wait after a collision; each further one may be twice as long.
const CONFLICT_BACKOFF: Duration = Duration::from_millis(200);

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
            clock: Clock::System,
        }
    }

    /// Refuses to read objects larger than this instead of [`MAX_OBJECT_BYTES`].
    #[must_use]
    pub fn with_max_object_bytes(self, max_object_bytes: u64) -> Self {
        Self {
            max_object_bytes,
            ..self
        }
    }

    /// Waits between collisions by this clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The checksum is the SHA-256 that the page records hold too: S3 refuses what arrives damaged, keeps the value and
    /// gives it back without the bytes.
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
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
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
        self.check_size(key, length)?;
        let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
        while let Some(chunk) = body.next().await {
            let cut_off = |error| StoreError::transient("read", key, error);
            bytes.extend_from_slice(&chunk.map_err(cut_off)?);
            self.check_size(key, bytes.len() as u64)?;
        }
        Ok(bytes.freeze())
    }

    fn check_size(&self, key: &str, size_bytes: u64) -> Result<(), StoreError> {
        ObjectTooLarge::check(size_bytes, self.max_object_bytes)
            .map_err(|error| StoreError::permanent("read", key, error))
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

    async fn wait_after_collision(&self, attempt: u32) {
        let longest = CONFLICT_BACKOFF * 2_u32.pow(attempt - 1);
        self.clock.sleep(longest.mul_f64(fastrand::f64())).await;
    }
}

#[async_trait]
impl ArchiveStore for S3Store {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.full_key(key));
        match request.send().await {
            Ok(reply) => self
                .read(key, reply.content_length, reply.body)
                .await
                .map(Some),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(store_error("read", key, error)),
        }
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let mut attempt = 1;
        loop {
            let Err(error) = self.put(&object).if_none_match("*").send().await else {
                return Ok(Stored::Created);
            };
            match status(&error) {
                // Perhaps our own write, whose answer was lost on the way to the SDK.
                Some(412) => return Ok(Stored::AlreadyThere),
                Some(409) if attempt < CONFLICT_ATTEMPTS => {
                    self.wait_after_collision(attempt).await;
                }
                _ => return Err(store_error("create", &object.key, error)),
            }
            attempt += 1;
        }
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        let outcome = self.put(&object).send().await;
        outcome
            .map(drop)
            .map_err(|error| store_error("replace", &object.key, error))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(self.full_key(key));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(store_error("delete", key, error)),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(self.full_key(prefix));
        let reply = request
            .set_start_after(after.map(|key| self.full_key(key)))
            .send()
            .await;
        let reply = reply.map_err(|error| store_error("list", prefix, error))?;
        let objects = reply
            .contents()
            .iter()
            .filter_map(|object| self.listed(object))
            .collect();
        Ok(Listing {
            objects,
            truncated: reply.is_truncated().unwrap_or(false),
        })
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.full_key(key))
    }
}

#[cfg(test)]
mod tests;
