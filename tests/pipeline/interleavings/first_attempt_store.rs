//! A store that hides later attempts, so that a process over it has no fence. The checks must detect its wrong
//! conclusions.

use std::sync::Arc;

use end_to_end::hooked_store::{Hook, HookedStore};
use end_to_end::memory_store::MemoryStore;

/// Hides all attempts after the first one.
#[derive(Debug)]
pub(super) struct FirstAttemptOnly;

impl FirstAttemptOnly {
    pub(super) fn of(store: &Arc<MemoryStore>) -> Arc<HookedStore<Self>> {
        Arc::new(HookedStore::new(Arc::clone(store), Self))
    }
}

impl Hook for FirstAttemptOnly {
    fn hides(&self, key: &str) -> bool {
        let name = key.rsplit('/').next().unwrap_or_default();
        name.starts_with("attempt-") && name != "attempt-01.json" && key.starts_with("exports/")
    }
}
