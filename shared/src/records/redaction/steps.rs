//! Counts the work of a search in tests. `work.rs` holds that it is linear in the length of the text.

#[cfg(test)]
use std::cell::Cell;

/// The number of bytes and list elements that were read. Counts nothing outside tests.
#[derive(Debug, Default)]
pub(super) struct Steps(#[cfg(test)] Cell<u64>);

impl Steps {
    pub(super) fn add(&self, count: usize) {
        #[cfg(test)]
        self.0.set(self.0.get() + count as u64);
        #[cfg(not(test))]
        let _ = (self, count);
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        self.0.get()
    }
}
