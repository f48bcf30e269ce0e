//! A store in memory that can be made to fail every call with `SlowDown`.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};

use crate::memory_store::MemoryStore;

/// Evaluated at each call.
pub type Condition = Box<dyn Fn() -> bool + Send + Sync>;

/// A store that can be made to throttle every call.
#[derive(Default)]
pub struct ThrottlingStore {
    pub store: MemoryStore,
    throttles: AtomicBool,
    /// Further moments at which it throttles.
    condition: OnceLock<Condition>,
    /// The number of calls that were throttled.
    throttled: AtomicU64,
}

impl fmt::Debug for ThrottlingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottlingStore").finish_non_exhaustive()
    }
}

impl ThrottlingStore {
    pub fn set_throttling(&self, throttles: bool) {
        self.throttles.store(throttles, Ordering::SeqCst);
    }

    /// In addition, throttles whenever the condition holds.
    pub fn throttle_while(&self, condition: Condition) {
        self.condition.get_or_init(|| condition);
    }

    pub fn throttled_count(&self) -> u64 {
        self.throttled.load(Ordering::SeqCst)
    }

    pub fn is_throttling(&self) -> bool {
        let holds = self.condition.get().is_some_and(|condition| condition());
        holds || self.throttles.load(Ordering::SeqCst)
    }

    fn inner(&self, action: &'static str, key: &str) -> Result<&MemoryStore, StoreError> {
        if !self.is_throttling() {
            return Ok(&self.store);
        }
        self.throttled.fetch_add(1, Ordering::SeqCst);
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
        self.inner("read", key)?.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.inner("create", &object.key)?.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.inner("replace", &object.key)?.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner("delete", key)?.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.inner("list", prefix)?.list(prefix, after).await
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}
