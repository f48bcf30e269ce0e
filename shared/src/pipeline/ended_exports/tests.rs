//! Handlers that find the same ends, in an archive in a folder. `tests/pipeline/ended` kills and interleaves them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::archive::{Archive, PortionLimits};
use crate::export::ended::Claim;
use crate::export::message::StartMessage;
use crate::export::objects::ObjectKey;
use crate::net::clock::Clock;
use crate::pipeline::FailedExports;
use crate::storage::queue::{MemoryQueues, Queue};
use crate::storage::store::FolderStore;

struct World {
    exports: EndedExports,
    queues: MemoryQueues,
    _folder: TempDir,
}

fn ended(name: char, minute: u32) -> EndedConversation {
    let id: String = std::iter::repeat_n(name, 12).collect();
    let end = format!("2026-03-09T23:{minute:02}:00Z");
    EndedConversation {
        conversation_id: format!("00000000-0000-4000-8000-{id}").parse().unwrap(),
        conversation_end: end.parse::<Timestamp>().unwrap().try_into().unwrap(),
    }
}

fn set<const N: usize>(ended: [&EndedConversation; N]) -> BTreeSet<EndedConversation> {
    ended.into_iter().cloned().collect()
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();
        let clock = Clock::manual("2026-03-10T00:00:00Z".parse().unwrap());
        let queues = MemoryQueues::new(clock.clone());
        let pipeline = Pipeline {
            archive: Archive::new(Arc::new(store)),
            queue: Arc::new(queues.clone()),
            clock,
            max_open_slices: 1,
            portions: PortionLimits::default(),
            failed_exports: FailedExports::Swept,
        };
        let redaction = None;
        Self {
            exports: EndedExports {
                pipeline,
                redaction,
            },
            queues,
            _folder: folder,
        }
    }

    fn archive(&self) -> &Archive {
        &self.exports.pipeline.archive
    }

    async fn start<const N: usize>(&self, ended: [&EndedConversation; N]) -> EndedOutcomes {
        self.exports.start(&set(ended)).await
    }

    fn batch<const N: usize>(&self, ended: [&EndedConversation; N]) -> EndedBatch {
        let now = self.exports.pipeline.clock.now();
        EndedBatch::split(&set(ended), now).remove(0)
    }

    /// The steps of a handler that is killed after it has claimed one end of its batch.
    async fn die_after_claiming(&self, ended: &EndedConversation, batch: EndedBatch) {
        let claim = Claim::new(ended.clone(), batch.export_id.clone(), batch.created_at);
        claims::create_batch(self.archive(), batch).await.unwrap();
        let name = ObjectKey::Claim(ended);
        self.archive().create_or_read(name, claim).await.unwrap();
    }

    /// The conversations of each accepted request, by the start messages in the queue.
    async fn started(&self) -> BTreeMap<ExportId, Vec<String>> {
        let mut started = BTreeMap::new();
        while let Some(delivery) = self.queues.receive(Queue::Pages) {
            let message: StartMessage = serde_json::from_str(&delivery.body).unwrap();
            let request = open_marker::accepted_request(self.archive(), &message.start).await;
            let ids = request.unwrap().unwrap().filters.conversation_ids;
            started.insert(message.start, ids);
            self.queues.delete(Queue::Pages, &delivery.receipt);
        }
        started
    }

    async fn plant(&self, name: ObjectKey<'_>, bytes: &str) {
        let object = name.object(bytes.to_owned());
        self.archive().store().replace(object).await.unwrap();
    }
}

fn ids<const N: usize>(ended: [&EndedConversation; N]) -> Vec<String> {
    ended.map(|it| it.conversation_id.to_string()).to_vec()
}

#[tokio::test]
async fn ended_conversations_become_one_accepted_export() {
    let world = World::new();
    let (a, b) = (ended('a', 1), ended('b', 2));

    let outcomes = world.start([&b, &a]).await;

    let expected = EndedOutcomes {
        claimed: set([&a, &b]),
        ..EndedOutcomes::default()
    };
    assert_eq!(outcomes, expected);
    let id = world.batch([&a, &b]).export_id;
    assert_eq!(world.started().await, [(id, ids([&a, &b]))].into());
}

#[tokio::test]
async fn an_end_that_is_found_again_stays_in_its_export() {
    let world = World::new();
    let (a, b) = (ended('a', 1), ended('b', 2));
    world.start([&a]).await;
    world.started().await;
    world.exports.pipeline.clock.advance(Duration::from_mins(5));

    let outcomes = world.start([&a, &b]).await;

    assert_eq!((outcomes.known, outcomes.claimed), (set([&a]), set([&b])));
    let (first, second) = (world.batch([&a]).export_id, world.batch([&b]).export_id);
    // The first export is not planned yet, so its start message may be lost.
    let expected = [(first, ids([&a])), (second, ids([&b]))];
    assert_eq!(world.started().await, expected.into());
}

#[tokio::test]
async fn a_conversation_that_continues_is_exported_again_at_its_later_end() {
    let world = World::new();
    let (first, later) = (ended('a', 1), ended('a', 2));
    world.start([&first]).await;

    let outcomes = world.start([&later]).await;

    assert_eq!(outcomes.claimed, set([&later]));
    let exports = [world.batch([&first]), world.batch([&later])].map(|it| it.export_id);
    let started = world.started().await;
    assert_eq!(started, exports.map(|id| (id, ids([&first]))).into());
}

#[tokio::test]
async fn the_export_of_a_killed_handler_is_completed_from_its_batch() {
    let world = World::new();
    let (a, b, c) = (ended('a', 1), ended('b', 2), ended('c', 3));
    let batch = world.batch([&a, &b]);
    let id = batch.export_id.clone();
    world.die_after_claiming(&a, batch).await;

    let outcomes = world.start([&a, &b, &c]).await;

    assert_eq!(outcomes.known, set([&a, &b]));
    assert_eq!(outcomes.claimed, set([&c]));
    let other = world.batch([&b, &c]).export_id;
    let expected = [(id, ids([&a, &b])), (other, ids([&c]))];
    assert_eq!(world.started().await, expected.into());
}

#[tokio::test]
async fn a_completed_export_leaves_out_what_another_one_claimed() {
    let world = World::new();
    let (a, b) = (ended('a', 1), ended('b', 2));
    let batch = world.batch([&a, &b]);
    let id = batch.export_id.clone();
    world.die_after_claiming(&a, batch).await;
    world.start([&b]).await;

    world.start([&a]).await;

    let expected = [(id, ids([&a])), (world.batch([&b]).export_id, ids([&b]))];
    assert_eq!(world.started().await, expected.into());
}

#[tokio::test]
async fn a_damaged_claim_loses_its_conversation_alone() {
    let world = World::new();
    let (a, b, c) = (ended('a', 1), ended('b', 2), ended('c', 3));
    world.plant(ObjectKey::Claim(&a), "{}").await;
    let foreign = Claim::new(c.clone(), "x".parse().unwrap(), Timestamp::UNIX_EPOCH);
    let name = ObjectKey::Claim(&b);
    world.archive().replace(name, &foreign).await.unwrap();

    let outcomes = world.start([&a, &b, &c]).await;

    let expected = EndedOutcomes {
        claimed: set([&c]),
        lost: set([&a, &b]),
        ..EndedOutcomes::default()
    };
    assert_eq!(outcomes, expected);
    let started = world.started().await;
    assert_eq!(started.into_values().collect::<Vec<_>>(), [ids([&c])]);
}

#[tokio::test]
async fn a_claim_without_a_usable_batch_loses_its_conversation_alone() {
    let (a, b, c) = (ended('a', 1), ended('b', 2), ended('c', 3));
    for damage in ["missing", "no document", "another id", "without the end"] {
        let world = World::new();
        let batch = world.batch([&a, &b]);
        let id = batch.export_id.clone();
        let name = ObjectKey::EndedBatch(&id);
        world.die_after_claiming(&a, batch.clone()).await;
        let replaced = match damage {
            "missing" => world.archive().delete(name).await,
            "no document" => world.archive().replace(name, &json!({"seal": 1})).await,
            "another id" => {
                let conversations = vec![a.clone()];
                let altered = EndedBatch {
                    conversations,
                    ..batch
                };
                world.archive().replace(name, &altered).await
            }
            _ => world.archive().replace(name, &world.batch([&b])).await,
        };
        replaced.unwrap();

        let outcomes = world.start([&a, &c]).await;

        assert_eq!(outcomes.lost, set([&a]), "{damage}");
        assert_eq!(outcomes.claimed, set([&c]), "{damage}");
    }
}

#[tokio::test]
async fn an_unusable_object_in_place_of_a_batch_keeps_no_export_out() {
    let world = World::new();
    let a = ended('a', 1);
    let id = world.batch([&a]).export_id;
    world.plant(ObjectKey::EndedBatch(&id), "{}").await;
    world.plant(ObjectKey::Open(&id), "{}").await;

    let outcomes = world.start([&a]).await;

    assert_eq!(outcomes.claimed, set([&a]));
    assert_eq!(world.started().await, [(id, ids([&a]))].into());
}
