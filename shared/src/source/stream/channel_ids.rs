//! The ids of the channels of a stream, which the caller keeps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::item::Item;
use super::queue::ItemQueue;

/// The ids by set of topics. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct ChannelIds {
    ids: Arc<Mutex<BTreeMap<usize, String>>>,
    queue: ItemQueue,
}

impl ChannelIds {
    pub(super) fn new(queue: ItemQueue) -> Self {
        Self {
            ids: Arc::default(),
            queue,
        }
    }

    /// Adds an item with all ids, if this one is another one.
    pub(super) fn set(&self, slot: usize, id: String) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.get(&slot) != Some(&id) {
            ids.insert(slot, id);
            self.queue
                .add(Item::Channels(ids.values().cloned().collect()));
        }
    }
}
