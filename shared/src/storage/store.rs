//! The archive store, which holds the objects: S3 on AWS, a folder on one machine.
//!
//! A store handles keys and bytes; [`crate::export::objects`] defines their meaning.

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::failure::BoxError;

pub mod bucket_policy;
mod conditional;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod folder;
mod s3;

pub use crate::export::objects::Object;
pub use bucket_policy::PolicyGap;
pub use conditional::refuses_overwrites;
pub use folder::{ExportLock, FolderError, FolderStore};
pub use s3::{BucketError, Encryption, Protection, S3Settings, S3Store};

/// The largest object that is written or read: many times a page of the largest records, and as much as a function's
/// memory allows.
pub const MAX_OBJECT_BYTES: u64 = 256 << 20;

/// Result of a create-only write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Created,
    /// Another writer was first, or an earlier try of this one: the stored object counts, not the caller's.
    AlreadyExists,
}

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub size_bytes: u64,
}

/// Up to 1,000 objects in byte order of their keys: S3's limit and order.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub objects: Vec<Listed>,
    /// Whether more objects follow the last one.
    pub truncated: bool,
}

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A retry may succeed: network errors, `SlowDown`, a 5xx, a conflicting conditional write (409, see
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
    #[error("cannot {action} {key}")]
    Transient {
        action: &'static str,
        key: String,
        #[source]
        source: BoxError,
    },
    /// A retry does not help: missing permissions, a missing bucket, a full or read-only disk.
    #[error("cannot {action} {key}")]
    Permanent {
        action: &'static str,
        key: String,
        #[source]
        source: BoxError,
    },
}

impl StoreError {
    fn transient(action: &'static str, key: &str, source: impl Into<BoxError>) -> Self {
        Self::Transient {
            action,
            key: key.to_owned(),
            source: source.into(),
        }
    }

    fn permanent(action: &'static str, key: &str, source: impl Into<BoxError>) -> Self {
        Self::Permanent {
            action,
            key: key.to_owned(),
            source: source.into(),
        }
    }

    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}

/// The object is larger than any that this product writes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the object has {size_bytes} bytes, more than {limit_bytes}")]
pub struct ObjectTooLarge {
    pub size_bytes: u64,
    pub limit_bytes: u64,
}

impl ObjectTooLarge {
    fn check(size_bytes: u64, limit_bytes: u64) -> Result<(), Self> {
        if size_bytes > limit_bytes {
            Err(Self {
                size_bytes,
                limit_bytes,
            })
        } else {
            Ok(())
        }
    }
}

/// The interface between the handlers and S3 or a folder.
#[async_trait]
pub trait ArchiveStore: Send + Sync + std::fmt::Debug {
    /// The object's bytes; `None` if the object does not exist.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError>;

    /// Writes an object that must not exist yet, atomically.
    async fn create(&self, object: Object) -> Result<Stored, StoreError>;

    /// Writes an object whether or not it exists.
    async fn replace(&self, object: Object) -> Result<(), StoreError>;

    /// Deletes an object; succeeds if it does not exist.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// Lists the objects whose keys start with `prefix` and sort after `after`.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError>;

    /// Address of the object for people and other programs: `s3://bucket/key` or a path.
    fn uri(&self, key: &str) -> String;
}
