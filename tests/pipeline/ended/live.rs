//! A world that hears of conversations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::exports;
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::message::EndedMessage;
use conversation_archive::storage::queue::{Delivery, MessageQueue as _};
use conversation_archive::storage::store::ArchiveStore;
use end_to_end::memory_store::MemoryStore;
use end_to_end::world::{Turn, World, organisation};
use genesys_simulator::Settings;

use super::api::Api;

/// Longer than the default of `LIVE_SETTLE_SECONDS`.
pub(super) const SETTLE: Duration = Duration::from_secs(121);

pub(super) struct LiveWorld<S: ArchiveStore + 'static = MemoryStore> {
    pub(super) world: World<S>,
    pub(super) api: Api,
}

impl LiveWorld {
    pub(super) async fn new(seed: u64) -> Self {
        Self::with_store(Arc::default(), seed).await
    }

    /// The keys of all objects with this prefix.
    pub(super) fn keys(&self, prefix: &str) -> Vec<String> {
        let objects = self.world.store.snapshot().into_keys();
        objects.filter(|key| key.starts_with(prefix)).collect()
    }
}

impl<S: ArchiveStore + 'static> LiveWorld<S> {
    pub(super) async fn with_store(store: Arc<S>, seed: u64) -> Self {
        let api = Api::default();
        let settings = Settings {
            response_filter: Some(api.filter()),
            ..organisation(seed, 30)
        };
        let world = World::with_store(store, settings, 2).await;
        Self { world, api }
    }

    /// The first conversations of the organisation that have ended.
    pub(super) fn ended_ids(&self, count: usize) -> Vec<String> {
        let conversations = self.world.simulator.truth().conversations.into_iter();
        let now = self.world.now();
        let ended = conversations.filter(|it| it.end.is_some_and(|end| end < now));
        let ids: Vec<_> = ended.map(|it| it.id).take(count).collect();
        assert_eq!(ids.len(), count);
        ids
    }

    /// Sends the messages of a writer that heard of these conversations now.
    pub(super) async fn hear(&self, ids: &[String]) {
        let ids = ids.iter().map(|id| id.parse().expect("an id"));
        let settle = self.world.process.ended.settle;
        for message in EndedMessage::heard(ids, self.world.now(), settle) {
            self.send_message(&message).await;
        }
    }

    /// Sends a message with any texts.
    pub(super) async fn send(&self, conversation_ids: Vec<String>) {
        let now = self.world.now();
        let message = EndedMessage {
            format_version: FormatVersion,
            conversation_ids,
            heard_at: now,
            lookups: 0,
            not_before: now,
        };
        self.send_message(&message).await;
    }

    async fn send_message(&self, message: &EndedMessage) {
        let outgoing = message.outgoing(self.world.now()).expect("a message");
        self.world.queues.send(outgoing).await.expect("sent");
    }

    /// Handles all messages that are due after the settle time together.
    pub(super) async fn fetch_after_settling(&mut self) -> Turn {
        self.world.clock.advance(SETTLE);
        self.world.fetch_ended().await
    }

    /// Receives all messages after the settle time.
    pub(super) fn receive_after_settling(&self) -> Vec<Delivery> {
        self.world.clock.advance(SETTLE);
        self.world.receive_ended()
    }

    /// The conversations of each live export. Panics if one is not complete and intact, or lacks its transcripts.
    pub(super) async fn exports(&self) -> BTreeMap<ExportId, BTreeSet<String>> {
        let archive = self.world.archive();
        let ids = exports::ids(&archive).await.expect("a listing").into_iter();
        let (transcripts, live): (Vec<_>, Vec<_>) =
            ids.partition(|id| id.as_str().ends_with("-transcripts"));
        assert_eq!(transcripts.len(), live.len());
        for id in &transcripts {
            self.world.manifest(id).await;
            self.world.verify(id).await;
        }
        let mut exports = BTreeMap::new();
        for id in live {
            assert!(id.as_str().starts_with("live-"), "{id}");
            let manifest = self.world.manifest(&id).await;
            self.world.verify(&id).await;
            let archived = self.world.archived_ids(&manifest, "conversationId").await;
            assert!(archived.values().all(|times| *times == 1), "{archived:?}");
            exports.insert(id, archived.into_keys().collect());
        }
        exports
    }

    /// Checks that each of these conversations is in this number of complete exports, no other one is in any, and nothing
    /// is left to do.
    pub(super) async fn assert_exported(&self, expected: &[(&String, usize)]) {
        let exports = self.exports().await;
        let mut counts = BTreeMap::<&String, usize>::new();
        for id in exports.values().flatten() {
            *counts.entry(id).or_default() += 1;
        }
        assert_eq!(counts, expected.iter().copied().collect());
        let open = self.world.archive().list_all("open/").await;
        assert_eq!(open.expect("a listing"), []);
        assert!(self.world.queues.is_empty());
    }
}
