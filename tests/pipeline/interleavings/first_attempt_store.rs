//! A store that hides later attempts, so that a process over it has no fence. The checks must detect its wrong
//! conclusions.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};

/// A store that hides all attempts after the first one.
#[derive(Debug)]
pub(super) struct FirstAttemptStore<S> {
    store: Arc<S>,
}

impl<S> FirstAttemptStore<S> {
    pub(super) fn of(store: &Arc<S>) -> Arc<Self> {
        let store = Arc::clone(store);
        Arc::new(Self { store })
    }
}

fn is_hidden(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.starts_with("attempt-") && name != "attempt-01.json" && key.starts_with("exports/")
}

#[async_trait]
impl<S: ArchiveStore> ArchiveStore for FirstAttemptStore<S> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        if is_hidden(key) {
            return Ok(None);
        }
        self.store.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.store.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.store.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let mut listing = self.store.list(prefix, after).await?;
        listing.objects.retain(|object| !is_hidden(&object.key));
        Ok(listing)
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}
