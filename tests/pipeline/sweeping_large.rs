//! sweep-exports with large exports: it reads none of their pages, and no export delays the others for long.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::marker::OpenMarker;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::storage::store::StoreError;
use sweep_exports::SweepOutcome;

use end_to_end::hooked_store::{Hook, HookedStore, Operation};
use end_to_end::process::invocation;
use end_to_end::world::{World, organisation};

const HOUR: Duration = Duration::from_secs(3_601);

/// Records the keys that are read and created.
#[derive(Debug, Default)]
struct KeyLog(Mutex<Vec<String>>);

impl KeyLog {
    fn clear(&self) {
        self.0.lock().expect("not poisoned").clear();
    }

    /// The keys in order; created ones are marked.
    fn keys(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

impl Hook for KeyLog {
    fn before(&self, operation: Operation, key: &str) -> Result<(), StoreError> {
        let mut keys = self.0.lock().expect("not poisoned");
        match operation {
            Operation::Read => keys.push(key.to_owned()),
            Operation::Create => keys.push(format!("+{key}")),
            _ => {}
        }
        Ok(())
    }
}

#[tokio::test]
async fn failing_a_stalled_export_reads_neither_pages_nor_page_indexes() {
    // All slices have ended, or the messages are lost before that.
    for ended in [2, 0] {
        let store = Arc::new(HookedStore::<KeyLog>::default());
        let mut world = World::with_store(Arc::clone(&store), organisation(93, 120), 2).await;
        let request = world.request("analytics-job", r#","slices":2,"pageSize":5"#);
        let id = world.start(&request).await;
        let page = format!("exports/{id}/slices/0002/r01/page-000003.record.json");
        let is_far_enough = |world: &World<HookedStore<KeyLog>>| {
            let objects = world.store.snapshot();
            let ends = objects.keys().filter(|key| key.ends_with("/end.json"));
            ends.count() >= ended && objects.contains_key(&page)
        };
        assert!(world.run_until(is_far_enough).await);

        let mut swept = Vec::new();
        for _ in 0..4 {
            world.lose_messages();
            world.advance_clock(HOUR);
            store.hook.clear();
            swept.extend(world.sweep().await);
        }

        assert_eq!(swept.last(), Some(&SweepOutcome::Failed), "{swept:?}");
        let failed = world.failed_outcome(&id, 1).await.expect("a failure");
        let kinds = failed.failures.iter().map(|failed| failed.failure.kind);
        assert!(kinds.into_iter().all(|kind| kind == FailureKind::Stalled));
        let keys = store.hook.keys();
        let is_page = |key: &&String| key.ends_with(".index.gz") || key.ends_with(".ndjson.gz");
        assert_eq!(keys.iter().find(is_page), None);
        let created = format!("+{}", ObjectKey::Failed(&id, 1).key());
        let before = keys.iter().take_while(|key| **key != created);
        let records = before.filter(|key| key.ends_with(".record.json"));
        // The newest record of each slice, to detect progress and to end the slice.
        assert!(records.count() <= 3 * 2, "{keys:?}");
    }
}

/// Exports whose messages are lost, in a world where each step takes seconds.
async fn slow_world() -> (World, BTreeSet<ExportId>) {
    let mut world = World::new(organisation(94, 20)).await;
    let mut ids = BTreeSet::new();
    for name in ["a", "b", "c", "d"] {
        let more_fields = format!(r#","slices":1,"exportId":"{name}""#);
        let request = world.request("analytics-job", &more_fields);
        ids.insert(world.start(&request).await);
    }
    world.lose_messages();
    world.advance_clock(HOUR);
    (world.with_step_duration(Duration::from_secs(6)), ids)
}

#[tokio::test]
async fn an_export_that_uses_a_whole_sweep_does_not_starve_others() {
    let (world, ids) = slow_world().await;

    let mut swept = BTreeSet::new();
    let mut sweeps = 0;
    while swept != ids {
        let invocation = invocation(900 + sweeps, &world.clock);
        let results = world.process.sweep.handle(&invocation).await;
        let results = results.expect("a sweep that ends in time");
        assert!((1..=2).contains(&results.len()), "{results:?}");
        swept.extend(results.into_iter().map(|(id, _)| id));
        sweeps += 1;
        assert!(sweeps < 30, "{swept:?}");
        world.advance_clock(HOUR);
    }

    assert!(sweeps > 1);
}

#[tokio::test]
async fn an_export_that_completes_in_portions_counts_as_progressing() {
    use conversation_archive::archive::PortionLimits;

    let limits = PortionLimits { lines: 5, pages: 2 };
    let mut world = World::new(organisation(95, 40))
        .await
        .with_portion_limits(limits);
    let request = world.request("analytics-job", r#","slices":1,"pageSize":4"#);
    let id = world.start(&request).await;
    world.run_until_slices_ended(1).await;
    let mut world = world.with_step_duration(Duration::from_millis(2_200));

    // One invocation per hour, whose message is lost.
    let mut hours = 0;
    loop {
        world.turn().await;
        if world
            .store
            .snapshot()
            .contains_key(&ObjectKey::Manifest(&id).key())
        {
            break;
        }
        world.lose_messages();
        world.advance_clock(HOUR);
        assert_eq!(world.sweep().await, [SweepOutcome::Revived]);
        let marker: Option<OpenMarker> = world
            .archive()
            .read(ObjectKey::Open(&id))
            .await
            .expect("a marker");
        assert_eq!(
            marker.expect("a marker").fruitless_sweeps,
            1,
            "portions were stored"
        );
        hours += 1;
    }

    assert!(hours > 1, "{hours}");
}
