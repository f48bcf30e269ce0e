//! An in-memory store whose objects a test can copy, damage and restore.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use crate::storage::store::{ArchiveStore, Listed, Listing, Object, StoreError, Stored};

/// Small, so that every listing needs several requests.
const LISTED_AT_ONCE: usize = 7;

pub(super) type Objects = BTreeMap<String, Bytes>;

#[derive(Debug, Default)]
pub(super) struct MemoryStore {
    objects: Mutex<Objects>,
}

impl MemoryStore {
    pub(super) fn of(objects: Objects) -> Self {
        Self {
            objects: Mutex::new(objects),
        }
    }

    pub(super) fn objects(&self) -> Objects {
        self.objects.lock().unwrap().clone()
    }

    pub(super) fn insert_all(&self, objects: Objects) {
        self.objects.lock().unwrap().extend(objects);
    }
}

#[async_trait]
impl ArchiveStore for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(&object.key) {
            return Ok(Stored::AlreadyExists);
        }
        objects.insert(object.key, object.body);
        Ok(Stored::Created)
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.objects.lock().unwrap().insert(object.key, object.body);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let objects = self.objects.lock().unwrap();
        let follows = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        let matching: Vec<_> = objects
            .iter()
            .filter(|(key, _)| follows(key))
            .map(|(key, body)| Listed {
                key: key.clone(),
                size_bytes: body.len() as u64,
            })
            .collect();
        let truncated = matching.len() > LISTED_AT_ONCE;
        Ok(Listing {
            objects: matching.into_iter().take(LISTED_AT_ONCE).collect(),
            truncated,
        })
    }

    fn uri(&self, key: &str) -> String {
        format!("memory:{key}")
    }
}
