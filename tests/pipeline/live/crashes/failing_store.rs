//! A store one of whose writes fails, before or after it took effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};
use end_to_end::hooked_store::Operation;
use end_to_end::memory_store::MemoryStore;

/// The trouble of the write with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Refused(u64),
    /// The write takes effect.
    ResponseLost(u64),
}

#[derive(Debug)]
pub(super) struct FailingStore {
    store: Arc<MemoryStore>,
    trouble: Trouble,
    writes: AtomicU64,
}

impl FailingStore {
    pub(super) fn new(store: Arc<MemoryStore>, trouble: Trouble) -> Self {
        Self {
            store,
            trouble,
            writes: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl ArchiveStore for FailingStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        let key = object.key.clone();
        let error = || Err(Operation::Create.fail(&key, "SlowDown"));
        if self.trouble == Trouble::Refused(number) {
            return error();
        }
        let stored = self.store.create(object).await;
        if self.trouble == Trouble::ResponseLost(number) {
            return error();
        }
        stored
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.store.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.store.list(prefix, after).await
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}
