//! The archive store: where objects live. S3 on AWS, a folder on one machine.
//!
//! A store knows keys and bytes; what they mean is the business of [`crate::objects`].

use async_trait::async_trait;
use bytes::Bytes;

mod conditional;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod folder;
mod s3;

pub use conditional::refuses_overwrites;
pub use folder::{ExportLock, FolderError, FolderStore};
pub use s3::{BucketError, Encryption, S3Settings, S3Store};

/// The largest object that is written or read: many times a page of the largest records, and what a function's memory bears.
pub const MAX_OBJECT_BYTES: u64 = 256 << 20;

/// One object to be written.
#[derive(Clone, Debug)]
pub struct Object {
    pub key: String,
    pub body: Bytes,
    pub content_type: &'static str,
    /// `gzip` for what is stored compressed.
    pub content_encoding: Option<&'static str>,
}

/// What came of a create-only write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Created,
    /// Somebody was first, perhaps we ourselves: what is stored now counts, not what we held.
    AlreadyThere,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub size_bytes: u64,
}

/// Up to 1,000 objects in byte order of their keys.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub objects: Vec<Listed>,
    /// Whether there are more after the last one.
    pub truncated: bool,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Worth another try: the network, `SlowDown`, a 5xx, a conditional write that collided (409).
    #[error("cannot {action} {key}")]
    Transient {
        action: &'static str,
        key: String,
        #[source]
        source: BoxError,
    },
    /// Will not get better by itself: permissions, a missing bucket, a full or read-only disk.
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

/// The object is larger than anything this product writes.
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

/// The underlying error of a store or queue.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The seam between the handlers and S3 or a folder.
#[async_trait]
pub trait ArchiveStore: Send + Sync + std::fmt::Debug {
    /// The object's bytes, `None` when there is no such object.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError>;

    /// Writes an object that must not exist yet; whole or not at all.
    async fn create(&self, object: Object) -> Result<Stored, StoreError>;

    /// Writes an object whether or not it exists.
    async fn replace(&self, object: Object) -> Result<(), StoreError>;

    /// Removes an object; one that is not there is removed already.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// The objects whose keys start with `prefix` and come after `after`.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError>;

    /// How a person or another program names the object: `s3://bucket/key` or a path.
    fn uri(&self, key: &str) -> String;
}
