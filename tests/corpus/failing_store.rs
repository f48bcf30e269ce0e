//! A store in memory that sometimes fails to write a page, so that handlers report errors while they hold texts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};
use end_to_end::memory_store::MemoryStore;

/// One write out of this number fails; the next one succeeds.
const EVERY: u64 = 5;

#[derive(Debug, Default)]
pub(crate) struct FailingStore {
    store: MemoryStore,
    writes: AtomicU64,
}

impl FailingStore {
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Bytes> {
        self.store.snapshot()
    }
}

#[async_trait]
impl ArchiveStore for FailingStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let is_of_a_page = object.key.contains("/page-");
        if is_of_a_page
            && self
                .writes
                .fetch_add(1, Ordering::SeqCst)
                .is_multiple_of(EVERY)
        {
            return Err(StoreError::Transient {
                action: "write",
                key: object.key,
                source: "the store is busy".into(),
            });
        }
        self.store.create(object).await
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
