//! A store that fails for a while, or for good, while events arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::archive::{Archive, live_epochs, live_gaps};
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};
use end_to_end::capture::{CaptureProcess, all_queues};
use end_to_end::hooked_store::{Hook, HookedStore, Operation};
use end_to_end::memory_store::MemoryStore;
use end_to_end::world::World;
use genesys_archive::capture::{CaptureError, CaptureLimits};

use super::account::{Account, is_of_queue, stream};
use super::handover::{hear, start, world};

/// Whether frames can be written.
#[derive(Clone, Debug, Default)]
struct Outage(Arc<AtomicBool>);

/// A store whose writes never return.
#[derive(Debug)]
struct HangingStore(Arc<MemoryStore>, Outage);

#[async_trait]
impl ArchiveStore for HangingStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.0.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        if self.1.before(Operation::Create, &object.key).is_err() {
            std::future::pending::<()>().await;
        }
        self.0.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.0.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.0.list(prefix, after).await
    }

    fn uri(&self, key: &str) -> String {
        self.0.uri(key)
    }
}

impl Hook for Outage {
    fn before(&self, operation: Operation, key: &str) -> Result<(), StoreError> {
        let fails = self.0.load(Ordering::SeqCst) && key.contains("/dt=");
        if fails && operation == Operation::Create {
            return Err(operation.fail(key, "SlowDown"));
        }
        Ok(())
    }
}

impl Outage {
    fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn end(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// A capture that has written a record, over a store that may fail.
async fn capture(world: &World, outage: &Outage) -> CaptureProcess {
    let store = HookedStore::new(Arc::clone(&world.store), outage.clone());
    let archive = Archive::new(Arc::new(store));
    let mut process = world.capture_with(all_queues(), archive, CaptureLimits::default());
    process
        .until(world, |figures| figures.stream.heartbeats > 0)
        .await;
    hear(world, &mut process, 3).await;
    process.until(world, |figures| figures.records > 0).await;
    process
}

#[tokio::test]
async fn an_outage_of_a_minute_loses_nothing() {
    let (world, outage) = (world(821).await, Outage::default());
    let mut process = capture(&world, &outage).await;
    let before = process.figures().records;

    outage.begin();
    for _ in 0..60 {
        world.simulator.live().step(20);
        process.pass_a_second(&world).await;
    }
    outage.end();
    process
        .until(&world, |figures| figures.records > before)
        .await;
    process.until_read(&world).await;
    process.stop().await.expect("in order");

    let account = Account::of(&world, is_of_queue).await;
    assert_eq!(account.missing, []);
    assert_eq!(account.gaps, []);
}

#[tokio::test]
async fn an_outage_of_two_minutes_ends_the_process_and_a_gap_covers_the_rest() {
    let (world, outage) = (world(822).await, Outage::default());
    let mut process = capture(&world, &outage).await;
    hear(&world, &mut process, 2).await;

    outage.begin();
    let began = world.now();
    let error = process.end_while_time_passes(&world).await;
    let lasted = world.now().duration_since(began).as_secs();
    outage.end();
    let mut second = start(&world).await;
    hear(&world, &mut second, 2).await;
    // The first left no sign of its end.
    second.until(&world, |figures| figures.records > 0).await;
    second.stop().await.expect("in order");

    assert!(
        matches!(error, Err(CaptureError::NotWritten(_))),
        "{error:?}"
    );
    assert!((120..200).contains(&lasted), "{lasted}");
    let ended = live_epochs::ended(&world.archive(), &stream(), 1).await;
    assert_eq!(ended.expect("readable"), None);
    let account = Account::of(&world, is_of_queue).await;
    assert_eq!(account.missing, []);
    assert!(account.in_gaps > 0);
}

#[tokio::test]
async fn a_process_that_cannot_write_stops_within_ten_seconds() {
    let (world, outage) = (world(823).await, Outage::default());
    let mut process = capture(&world, &outage).await;
    hear(&world, &mut process, 2).await;

    outage.begin();
    process.stopper.stop();
    let began = world.now();
    let error = process.end_while_time_passes(&world).await;

    assert!(
        matches!(error, Err(CaptureError::NotWritten(_))),
        "{error:?}"
    );
    let lasted = world.now().duration_since(began);
    assert!(lasted.as_secs() <= 11, "{lasted}");
    let gaps = live_gaps::all(&world.archive(), &stream()).await;
    assert_eq!(gaps.expect("a listing").open, []);
}

#[tokio::test]
async fn a_store_that_hangs_ends_the_process_after_two_minutes() {
    let (world, outage) = (world(825).await, Outage::default());
    let store = HangingStore(Arc::clone(&world.store), outage.clone());
    let archive = Archive::new(Arc::new(store));
    let mut process = world.capture_with(all_queues(), archive, CaptureLimits::default());
    process
        .until(&world, |figures| figures.stream.heartbeats > 0)
        .await;
    outage.begin();
    hear(&world, &mut process, 3).await;

    let began = world.now();
    let error = process.end_while_time_passes(&world).await;

    assert!(
        matches!(error, Err(CaptureError::NotWritten(_))),
        "{error:?}"
    );
    let lasted = world.now().duration_since(began).as_secs();
    assert!((120..200).contains(&lasted), "{lasted}");
}

#[tokio::test]
async fn a_slow_store_pauses_reading_and_loses_nothing() {
    let world = world(824).await;
    let outage = Outage::default();
    let store = HookedStore::new(Arc::clone(&world.store), outage.clone());
    let archive = Archive::new(Arc::new(store));
    let limits = CaptureLimits {
        batch_bytes: 20_000,
        retry_for: Duration::from_hours(1),
        ..CaptureLimits::default()
    };
    let mut process = world.capture_buffering(all_queues(), archive, limits, 100_000);
    process
        .until(&world, |figures| figures.stream.heartbeats > 0)
        .await;

    outage.begin();
    let live = world.simulator.live();
    live.step(400);
    process
        .until(&world, |figures| {
            figures.stream.pauses > 0 && figures.stream.lag > Duration::ZERO
        })
        .await;
    let held = process.figures().stream;
    outage.end();
    process.until_read(&world).await;
    process.stop().await.expect("in order");

    assert!(held.depth_bytes < 400_000, "{held:?}");
    let account = Account::of(&world, is_of_queue).await;
    assert_eq!(account.missing, []);
    assert_eq!(account.gaps, []);
}
