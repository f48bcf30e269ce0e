//! A store in memory that can be made to answer every call with `SlowDown`.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};

use crate::memory_store::MemoryStore;

/// Asked at each call.
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
    pub fn set(&self, throttles: bool) {
        self.throttles.store(throttles, Ordering::SeqCst);
    }

    /// Throttles whenever the condition holds, too.
    pub fn throttle_while(&self, condition: Condition) {
        self.condition.get_or_init(|| condition);
    }

    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::SeqCst)
    }

    pub fn throttles(&self) -> bool {
        let holds = self.condition.get().is_some_and(|condition| condition());
        holds || self.throttles.load(Ordering::SeqCst)
    }

    fn answer(&self, action: &'static str, key: &str) -> Result<&MemoryStore, StoreError> {
        if !self.throttles() {
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
