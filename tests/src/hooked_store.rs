//! A store in memory whose operations first pass a hook, which can count, record, refuse or hide them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};

use crate::memory_store::MemoryStore;

/// An operation of a store. Its text is the action that errors name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Create,
    Replace,
    Delete,
    List,
}

impl Operation {
    /// Returns a transient error of the operation.
    pub fn fail(self, key: &str, source: &str) -> StoreError {
        let action = match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::List => "list",
        };
        StoreError::Transient {
            action,
            key: key.to_owned(),
            source: source.into(),
        }
    }
}

/// Decides about the operations of a [`HookedStore`].
pub trait Hook: Debug + Send + Sync {
    /// Called before each operation with its key or prefix. An error takes the place of the operation.
    fn before(&self, _operation: Operation, _key: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether reads and listings behave as if this object did not exist.
    fn hides(&self, _key: &str) -> bool {
        false
    }
}

/// Passes every operation that its hook permits to a store in memory.
#[derive(Debug, Default)]
pub struct HookedStore<H> {
    store: Arc<MemoryStore>,
    pub hook: H,
}

impl<H> HookedStore<H> {
    pub fn new(store: Arc<MemoryStore>, hook: H) -> Self {
        Self { store, hook }
    }

    /// Returns all stored objects, including hidden ones.
    pub fn snapshot(&self) -> BTreeMap<String, Bytes> {
        self.store.snapshot()
    }
}

#[async_trait]
impl<H: Hook> ArchiveStore for HookedStore<H> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.hook.before(Operation::Read, key)?;
        if self.hook.hides(key) {
            return Ok(None);
        }
        self.store.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.hook.before(Operation::Create, &object.key)?;
        self.store.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.hook.before(Operation::Replace, &object.key)?;
        self.store.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.hook.before(Operation::Delete, key)?;
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.hook.before(Operation::List, prefix)?;
        let mut listing = self.store.list(prefix, after).await?;
        listing
            .objects
            .retain(|object| !self.hook.hides(&object.key));
        Ok(listing)
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}
