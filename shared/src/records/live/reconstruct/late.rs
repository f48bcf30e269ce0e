//! The ended conversations that have changed since they were emitted, in the order in which they are due.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

/// Each conversation has at most one entry.
#[derive(Debug, Default)]
pub(super) struct LateConversations {
    by_time: BTreeSet<(Timestamp, String)>,
    due: HashMap<String, Timestamp>,
}

impl LateConversations {
    /// Adds a conversation that is due at this time. One that was added before keeps its earlier time.
    pub(super) fn add(&mut self, id: &str, due_at: Timestamp) {
        if !self.due.contains_key(id) {
            self.due.insert(id.to_owned(), due_at);
            self.by_time.insert((due_at, id.to_owned()));
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some((id, due_at)) = self.due.remove_entry(id) {
            self.by_time.remove(&(due_at, id));
        }
    }

    /// Removes and returns a conversation that is due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<String> {
        let (due_at, _) = self.by_time.first()?;
        if *due_at > now {
            return None;
        }
        let (_, id) = self.by_time.pop_first()?;
        self.due.remove(&id);
        Some(id)
    }
}
