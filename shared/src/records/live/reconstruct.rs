//! Reconstructs conversations from the events of the direct stream.
//!
//! Events may be repeated and out of order. Of everything that they say, the latest by the events' own timestamps counts,
//! so the merged conversation does not depend on the order in which they arrive.
//!
//! A conversation is emitted when an event ends it. An event that changes it afterwards opens a new version, which holds all
//! of the conversation and is emitted when an event ends it again, or when it is settled: ended, and unchanged for
//! [`SETTLE_TIME`]. Memory is limited; the idlest conversation is emitted as it is and forgotten.

mod event;
mod late;
mod merged;

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;
use lru::LruCache;

pub use event::NotAnEvent;
pub use merged::ConversationState;

use crate::base::time::later;
use event::{Change, Event};
use late::LateConversations;
use merged::{Merge, Merged};

/// Conversations of which events have arrived, up to the limits.
#[derive(Debug)]
pub struct Reconstruction {
    limits: ReconstructionLimits,
    /// The idlest last.
    conversations: LruCache<String, Entry>,
    /// Versions of conversations that are no longer in memory.
    last_versions: LruCache<String, u32>,
    late: LateConversations,
    bytes: usize,
}

/// Limits for the conversations in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconstructionLimits {
    pub conversations: NonZeroUsize,
    /// Of all conversations together: their texts, and an estimate of everything else.
    pub bytes: usize,
    /// Of one conversation, whose body is written as one line.
    pub conversation_bytes: usize,
}

/// One version of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct ReconstructedConversation {
    pub conversation_id: String,
    /// From 1. A later version holds everything that an earlier one holds, unless the conversation was forgotten in between.
    pub version: u32,
    pub state: ConversationState,
    /// The `eventBody` of a frame `direct.conversation`: a JSON object.
    pub body: String,
}

#[derive(Debug)]
struct Entry {
    merged: Merged,
    version: u32,
    emission: Emission,
    last_arrival: Timestamp,
}

/// Whether a version that was emitted holds all changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Emission {
    Due,
    Done,
}

/// How long an ended conversation must be unchanged until its late events are emitted.
pub const SETTLE_TIME: Duration = Duration::from_mins(1);

/// An estimate of the memory for an entry of the maps, besides the texts.
const ENTRY_BYTES: usize = 400;

impl Default for ReconstructionLimits {
    fn default() -> Self {
        Self {
            conversations: const { NonZeroUsize::new(50_000).unwrap() },
            bytes: 256 * 1024 * 1024,
            conversation_bytes: 8 * 1024 * 1024,
        }
    }
}

impl Reconstruction {
    pub fn new(limits: ReconstructionLimits) -> Self {
        Self {
            limits,
            conversations: LruCache::unbounded(),
            last_versions: LruCache::new(limits.conversations),
            late: LateConversations::default(),
            bytes: 0,
        }
    }

    /// Merges an event into its conversation. Returns the conversations that it completes or evicts, which are usually none.
    pub fn receive(
        &mut self,
        text: &str,
        arrived_at: Timestamp,
    ) -> Result<Vec<ReconstructedConversation>, NotAnEvent> {
        let event = Event::read(text, arrived_at)?;
        let id = event.conversation_id.clone();
        let mut emitted = Vec::new();
        self.merge(event, arrived_at, &mut emitted);
        if self.size_of(&id) > self.limits.conversation_bytes {
            emitted.extend(self.forget(&id));
        }
        while self.is_over_limit()
            && let Some((idlest, _)) = self.conversations.peek_lru()
        {
            let idlest = idlest.clone();
            emitted.extend(self.forget(&idlest));
        }
        Ok(emitted)
    }

    /// Emits the ended conversations that have changed since they were emitted, and not within [`SETTLE_TIME`] before `now`.
    pub fn settle(&mut self, now: Timestamp) -> Vec<ReconstructedConversation> {
        let mut emitted = Vec::new();
        while let Some(id) = self.late.take_due(now) {
            let entry = self.conversations.peek_mut(&id);
            // One that goes on is emitted when it ends again.
            let Some(entry) = entry.filter(|entry| entry.merged.is_ended()) else {
                continue;
            };
            let due_at = later(entry.last_arrival, SETTLE_TIME);
            if due_at > now {
                self.late.add(&id, due_at);
            } else {
                emitted.push(entry.emit(&id));
            }
        }
        emitted
    }

    /// Forgets the idlest conversation and returns it, unless it was emitted as it is. `None` if there are no others.
    pub fn forget_idlest(&mut self) -> Option<Option<ReconstructedConversation>> {
        let (idlest, _) = self.conversations.peek_lru()?;
        let idlest = idlest.clone();
        Some(self.forget(&idlest))
    }

    /// The number of conversations in memory.
    pub fn len(&self) -> usize {
        self.conversations.len()
    }

    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }

    /// The memory of all conversations, as limited by [`ReconstructionLimits::bytes`].
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn merge(
        &mut self,
        event: Event<'_>,
        arrived_at: Timestamp,
        emitted: &mut Vec<ReconstructedConversation>,
    ) {
        let id = event.conversation_id.clone();
        let is_status = matches!(event.change, Change::Status(_));
        if !self.conversations.contains(&id) {
            let version = self
                .last_versions
                .pop(&id)
                .map_or(1, |last| last.saturating_add(1));
            self.bytes += fixed_bytes(&id);
            self.conversations
                .put(id.clone(), Entry::new(version, arrived_at));
        }
        let Some(entry) = self.conversations.get_mut(&id) else {
            return;
        };
        let before = entry.merged.bytes();
        let merge = entry.merged.merge(event);
        self.bytes = self.bytes + entry.merged.bytes() - before;
        entry.last_arrival = entry.last_arrival.max(arrived_at);
        if merge == Merge::Changed && entry.emission == Emission::Done {
            entry.version = entry.version.saturating_add(1);
            entry.emission = Emission::Due;
        }
        if entry.emission == Emission::Due && entry.merged.is_ended() {
            if is_status && merge == Merge::Changed {
                emitted.push(entry.emit(&id));
                self.late.remove(&id);
            } else {
                self.late.add(&id, later(arrived_at, SETTLE_TIME));
            }
        }
    }

    fn forget(&mut self, id: &str) -> Option<ReconstructedConversation> {
        let mut entry = self.conversations.pop(id)?;
        self.bytes -= fixed_bytes(id) + entry.merged.bytes();
        self.last_versions.put(id.to_owned(), entry.version);
        self.late.remove(id);
        (entry.emission == Emission::Due).then(|| entry.emit(id))
    }

    fn is_over_limit(&self) -> bool {
        self.len() > self.limits.conversations.get() || self.bytes > self.limits.bytes
    }

    fn size_of(&self, id: &str) -> usize {
        self.conversations
            .peek(id)
            .map_or(0, |entry| entry.merged.bytes())
    }
}

impl Default for Reconstruction {
    fn default() -> Self {
        Self::new(ReconstructionLimits::default())
    }
}

impl Entry {
    fn new(version: u32, arrived_at: Timestamp) -> Self {
        Self {
            merged: Merged::default(),
            version,
            emission: Emission::Due,
            last_arrival: arrived_at,
        }
    }

    fn emit(&mut self, id: &str) -> ReconstructedConversation {
        self.emission = Emission::Done;
        ReconstructedConversation {
            conversation_id: id.to_owned(),
            version: self.version,
            state: self.merged.state(),
            body: self.merged.body(id, self.version),
        }
    }
}

/// The memory of a conversation without content.
fn fixed_bytes(id: &str) -> usize {
    ENTRY_BYTES + 2 * id.len()
}

/// Without the body, which participants wrote.
impl fmt::Debug for ReconstructedConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconstructedConversation")
            .field("conversation_id", &self.conversation_id)
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
