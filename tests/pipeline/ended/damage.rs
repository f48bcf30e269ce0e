//! Damaged documents below `ended/`, and a store that fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conversation_archive::storage::queue::Queue;
use conversation_archive::storage::store::{ArchiveStore as _, StoreError};
use end_to_end::hooked_store::{Hook, HookedStore, Operation};
use end_to_end::seams::Kill;
use end_to_end::world::Turn;

use super::live::LiveWorld;

/// Fails operations on keys that begin with the prefix and end with the suffix.
#[derive(Debug, Default)]
struct Failing(Mutex<Option<(Operation, String)>>);

impl Failing {
    fn set(&self, failing: Option<(Operation, &str)>) {
        let failing = failing.map(|(operation, prefix)| (operation, prefix.to_owned()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }
}

impl Hook for Failing {
    fn before(&self, operation: Operation, key: &str) -> Result<(), StoreError> {
        let failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failing {
            Some((failing, prefix)) if *failing == operation && key.starts_with(prefix) => {
                Err(operation.fail(key, "SlowDown"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_keeps_the_messages_of_its_conversations() {
    for (operation, prefix) in [
        (Operation::Read, "ended/conversations/"),
        (Operation::Create, "ended/batches/"),
        (Operation::Create, "ended/conversations/"),
        (Operation::Read, "exports/"),
        (Operation::Replace, "open/"),
    ] {
        let store = Arc::new(HookedStore::<Failing>::default());
        let mut live = LiveWorld::with_store(Arc::clone(&store), 541).await;
        let ids = live.ended_ids(3);
        live.hear(&ids).await;
        store.hook.set(Some((operation, prefix)));
        for _ in 0..5 {
            assert_eq!(live.fetch_after_settling().await, Turn::Failed, "{prefix}");
            live.world.clock.advance(Duration::from_mins(15));
        }

        store.hook.set(None);
        live.world.run().await;

        let once: Vec<_> = ids.iter().map(|id| (id, 1)).collect();
        live.assert_exported(&once).await;
    }
}

#[tokio::test]
async fn one_claim_that_cannot_be_written_keeps_only_its_batch() {
    let store = Arc::new(HookedStore::<Failing>::default());
    let mut live = LiveWorld::with_store(Arc::clone(&store), 542).await;
    let ids = live.ended_ids(3);
    live.hear(&ids[..1]).await;
    live.fetch_after_settling().await;
    live.hear(&ids[..1]).await;
    live.hear(&ids[1..]).await;
    let claim = format!("ended/conversations/{}/", ids[1]);
    store.hook.set(Some((Operation::Create, &claim)));

    assert_eq!(live.fetch_after_settling().await, Turn::Failed);

    assert_eq!(live.world.queues.contents(Queue::Ended).messages, 1);
    store.hook.set(None);
    live.world.run().await;
    let once: Vec<_> = ids.iter().map(|id| (id, 1)).collect();
    live.assert_exported(&once).await;
}

#[tokio::test]
async fn a_damaged_claim_leaves_its_conversation_to_the_scheduled_export() {
    let mut live = LiveWorld::new(543).await;
    let ids = live.ended_ids(2);
    live.hear(&ids[..1]).await;
    live.fetch_after_settling().await;
    live.world.run().await;
    let claim = live.keys("ended/conversations/").remove(0);
    live.world.damage(&claim).await;

    live.hear(&ids).await;
    assert_eq!(live.fetch_after_settling().await, Turn::Done);
    live.world.run().await;

    live.assert_exported(&[(&ids[0], 1), (&ids[1], 1)]).await;
    let logs = String::from_utf8(live.world.log_bytes()).expect("text");
    assert!(logs.contains("ended conversations cannot be exported"));
    assert!(logs.contains(r#""left":1"#), "it is counted");
}

/// A handler that died after its claims, and a batch that cannot be read or was written by another program.
#[tokio::test]
async fn claims_without_a_usable_batch_block_no_other_conversation() {
    for damage in ["flipped", "unsigned", "missing"] {
        let mut live = LiveWorld::new(544).await;
        let ids = live.ended_ids(3);
        live.hear(&ids[..2]).await;
        // Two reads, the batch and two claims.
        live.world.steps.kill_at(Kill::After(4));
        assert_eq!(live.fetch_after_settling().await, Turn::Killed);
        let batch = live.keys("ended/batches/").remove(0);
        assert_eq!(live.keys("ended/conversations/").len(), 2);
        match damage {
            "flipped" => live.world.damage(&batch).await,
            "unsigned" => unsign(&live, &batch).await,
            _ => live.world.store.delete(&batch).await.expect("deleted"),
        }

        live.world.queues.expire_in_flight();
        live.hear(&ids[2..]).await;
        assert_eq!(live.fetch_after_settling().await, Turn::Done, "{damage}");
        live.world.run().await;

        live.assert_exported(&[(&ids[2], 1)]).await;
        let logs = String::from_utf8(live.world.log_bytes()).expect("text");
        assert!(logs.contains(r#""left":2"#), "they are counted");
    }
}

/// Replaces the document by one with the same content and seal, but without a signature.
async fn unsign(live: &LiveWorld, key: &str) {
    let bytes = live.world.store.get(key).await.expect("read");
    let mut document: serde_json::Value =
        serde_json::from_slice(&bytes.expect("a batch")).expect("JSON");
    let fields = document.as_object_mut().expect("an object");
    fields.remove("signature");
    fields.remove("seal");
    let body = conversation_archive::base::seal::seal(&document).expect("sealed");
    let object = conversation_archive::storage::store::Object {
        key: key.to_owned(),
        body: body.into(),
        content_type: "application/json",
        content_encoding: None,
    };
    live.world.store.replace(object).await.expect("written");
}

#[tokio::test]
async fn a_dead_letter_is_stored_and_belongs_to_no_export() {
    let mut live = LiveWorld::new(545).await;
    live.send(vec!["x".to_owned()]).await;
    let delivery = live.world.receive_ended().remove(0);
    let buried = live
        .world
        .queues
        .record_dead_letter(Queue::Ended, &delivery.receipt);
    buried.expect("a dead letter");

    live.world.run().await;

    assert_eq!(live.keys("dead-letters/").len(), 1);
    live.assert_exported(&[]).await;
}
