//! An archive whose reads block or fail for a while.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::{Listing, Object, StoreError, Stored};

use super::*;

/// A folder store in which reading the `open/` keys can block or fail.
#[derive(Debug)]
struct UnresponsiveStore {
    folder: FolderStore,
    is_blocked: AtomicBool,
    failures: AtomicU32,
}

impl UnresponsiveStore {
    fn of(world: &World) -> Arc<Self> {
        Arc::new(Self {
            folder: world.store(),
            is_blocked: AtomicBool::new(false),
            failures: AtomicU32::new(0),
        })
    }

    /// Makes the next `times` reads of `open/` keys fail.
    fn fail_next_reads(&self, times: u32) {
        self.failures.store(times, Ordering::Release);
    }
}

#[async_trait]
impl ArchiveStore for UnresponsiveStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        if key.starts_with("open/") {
            if self.is_blocked.load(Ordering::Acquire) {
                std::future::pending::<()>().await;
            }
            let decrement = |failures: u32| failures.checked_sub(1);
            if self
                .failures
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, decrement)
                .is_ok()
            {
                return Err(StoreError::Transient {
                    action: "read",
                    key: key.to_owned(),
                    source: "SlowDown".into(),
                });
            }
        }
        self.folder.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.folder.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.folder.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.folder.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.folder.list(prefix, after).await
    }

    fn uri(&self, key: &str) -> String {
        self.folder.uri(key)
    }
}

#[tokio::test]
async fn workers_continue_while_reading_the_open_marker_blocks() {
    let world = World::new().await;
    let store = UnresponsiveStore::of(&world);
    let (engine, mut events) = world.engine_on(store.clone());
    world.start(&engine).await;
    store.is_blocked.store(true, Ordering::Release);

    let mut running = engine.run(&world.id);
    let concluded = async { while !matches!(events.recv().await.unwrap(), Event::Outcome(_)) {} };
    tokio::select! { _ = running.wait_for_end() => panic!("the engine ended although the archive is silent"), () = concluded => {} }
    store.is_blocked.store(false, Ordering::Release);
    let ended = running.wait_for_end().await.unwrap();

    assert_eq!(ended, EngineEnd::Over);
    world.assert_complete().await;
}

#[tokio::test]
async fn two_failed_reads_of_the_open_marker_do_not_end_the_engine() {
    let world = World::new().await;
    let store = UnresponsiveStore::of(&world);
    let (engine, _events) = world.engine_on(store.clone());
    world.start(&engine).await;
    store.fail_next_reads(2);

    let ended = engine.run(&world.id).wait_for_end().await.unwrap();

    assert_eq!(ended, EngineEnd::Over);
    world.assert_complete().await;
}
