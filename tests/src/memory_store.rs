//! A store in memory, as strict about create-only writes as the other stores.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{
    ArchiveStore, Listed, Listing, Object, StoreError, Stored,
};

const LISTING_PAGE_SIZE: usize = 1000;

#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl MemoryStore {
    /// Returns all stored objects, for comparing two archives.
    pub fn snapshot(&self) -> BTreeMap<String, Bytes> {
        self.lock().clone()
    }

    pub fn with_objects(objects: BTreeMap<String, Bytes>) -> Self {
        Self {
            objects: Mutex::new(objects),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ArchiveStore for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.lock().get(key).cloned())
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let mut objects = self.lock();
        if objects.contains_key(&object.key) {
            return Ok(Stored::AlreadyExists);
        }
        objects.insert(object.key, object.body);
        Ok(Stored::Created)
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.lock().insert(object.key, object.body);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.lock().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let objects = self.lock();
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let listed = |(key, body): (&String, &Bytes)| Listed {
            key: key.clone(),
            size_bytes: body.len() as u64,
        };
        let mut listed: Vec<_> = objects
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(LISTING_PAGE_SIZE + 1)
            .map(listed)
            .collect();
        let truncated = listed.len() > LISTING_PAGE_SIZE;
        listed.truncate(LISTING_PAGE_SIZE);
        Ok(Listing {
            objects: listed,
            truncated,
        })
    }

    fn uri(&self, key: &str) -> String {
        format!("memory://{key}")
    }
}
