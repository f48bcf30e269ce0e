//! A store in memory that sometimes fails to write a page, so that handlers report errors while they hold texts.

use std::sync::atomic::{AtomicU64, Ordering};

use conversation_archive::storage::store::StoreError;
use end_to_end::hooked_store::{Hook, HookedStore, Operation};

/// One write out of this number fails; the next one succeeds.
const EVERY: u64 = 5;

pub(crate) type FailingStore = HookedStore<FailingWrites>;

#[derive(Debug, Default)]
pub(crate) struct FailingWrites {
    writes: AtomicU64,
}

impl Hook for FailingWrites {
    fn before(&self, operation: Operation, key: &str) -> Result<(), StoreError> {
        let is_of_a_page = operation == Operation::Create && key.contains("/page-");
        if is_of_a_page
            && self
                .writes
                .fetch_add(1, Ordering::SeqCst)
                .is_multiple_of(EVERY)
        {
            return Err(operation.fail(key, "the store is busy"));
        }
        Ok(())
    }
}
