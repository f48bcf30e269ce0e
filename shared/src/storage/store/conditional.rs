//! Checks that a store supports create-only writes.

use super::{ArchiveStore, Object, StoreError, Stored};

/// Creates the object twice and deletes it. Returns whether the second write was refused. The key must be new.
pub async fn refuses_overwrites(
    store: &dyn ArchiveStore,
    probe: Object,
) -> Result<bool, StoreError> {
    let key = probe.key.clone();
    let second = create_twice(store, probe).await;
    // Also after a failed write: it may have arrived.
    if let Err(error) = store.delete(&key).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            s3.key = key,
            "could not delete the probe object"
        );
    }
    Ok(second? == Stored::AlreadyExists)
}

async fn create_twice(store: &dyn ArchiveStore, probe: Object) -> Result<Stored, StoreError> {
    // The result does not matter: an existing object is our own, written by a try whose response was lost.
    store.create(probe.clone()).await?;
    store.create(probe).await
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::FolderStore;
    use super::super::s3::tests::store;
    use super::*;
    use crate::storage::aws::fake::{FakeAws, Reply};

    fn probe() -> Object {
        Object {
            key: "checks/1.json".to_owned(),
            body: Bytes::from_static(b"{}"),
            content_type: "application/json",
            content_encoding: None,
        }
    }

    fn methods(fake: &FakeAws) -> String {
        let requests = fake.requests().into_iter();
        requests.map(|it| it.method).collect::<Vec<_>>().join(" ")
    }

    #[tokio::test]
    async fn a_store_that_accepts_a_second_create_is_detected() {
        let fake = FakeAws::start(|_| Reply::ok("")).await;

        let refuses = refuses_overwrites(&store(&fake, None), probe()).await;

        assert!(!refuses.unwrap());
        assert_eq!(methods(&fake), "PUT PUT DELETE");
    }

    #[tokio::test]
    async fn a_store_that_refuses_overwrites_passes_and_is_left_empty() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();

        assert!(refuses_overwrites(&store, probe()).await.unwrap());
        assert_eq!(store.get("checks/1.json").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_probe_object_is_deleted_even_if_its_write_failed() {
        let denied = || Reply::s3_error(403, "AccessDenied");
        let fake = FakeAws::with_replies([denied as fn() -> Reply]).await;

        let refused = refuses_overwrites(&store(&fake, None), probe()).await;

        assert!(!refused.unwrap_err().is_transient());
        assert_eq!(methods(&fake), "PUT DELETE");
    }
}
