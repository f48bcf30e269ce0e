//! A store in memory that can be made to answer every call with `SlowDown`.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::store::{ArchiveStore, Listing, Object, StoreError, Stored};

use crate::memory_store::MemoryStore;

/// A store that can be made to throttle every call.
#[derive(Debug, Default)]
pub struct ThrottlingStore {
    pub store: MemoryStore,
    throttles: AtomicBool,
}

impl ThrottlingStore {
    pub fn set(&self, throttles: bool) {
        self.throttles.store(throttles, Ordering::SeqCst);
    }

    pub fn throttles(&self) -> bool {
        self.throttles.load(Ordering::SeqCst)
    }

    fn answer(&self, action: &'static str, key: &str) -> Result<&MemoryStore, StoreError> {
        if !self.throttles() {
            return Ok(&self.store);
        }
        Err(StoreError::Transient {
            action,
            key: key.to_owned(),
            source: "SlowDown".into(),
        })
    }
}

#[async_trait]
impl ArchiveStore for ThrottlingStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.answer("read", key)?.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.answer("create", &object.key)?.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.answer("replace", &object.key)?.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.answer("delete", key)?.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.answer("list", prefix)?.list(prefix, after).await
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}
