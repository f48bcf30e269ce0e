//! A store in memory that can be made to fail every call with `SlowDown`.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use conversation_archive::storage::store::StoreError;

use crate::hooked_store::{Hook, HookedStore, Operation};

/// Evaluated at each call.
pub type Condition = Box<dyn Fn() -> bool + Send + Sync>;

/// A store that can be made to throttle every call.
pub type ThrottlingStore = HookedStore<Throttle>;

/// Throttles calls on demand and while a condition holds.
#[derive(Default)]
pub struct Throttle {
    throttles: AtomicBool,
    /// Further moments at which it throttles.
    condition: OnceLock<Condition>,
    /// The number of calls that were throttled.
    throttled: AtomicU64,
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

impl Throttle {
    pub fn set_throttling(&self, throttles: bool) {
        self.throttles.store(throttles, Ordering::SeqCst);
    }

    /// In addition, throttles whenever the condition holds.
    pub fn throttle_while(&self, condition: Condition) {
        self.condition.get_or_init(|| condition);
    }

    pub fn throttled_count(&self) -> u64 {
        self.throttled.load(Ordering::SeqCst)
    }

    pub fn is_throttling(&self) -> bool {
        let holds = self.condition.get().is_some_and(|condition| condition());
        holds || self.throttles.load(Ordering::SeqCst)
    }
}

impl Hook for Throttle {
    fn before(&self, operation: Operation, key: &str) -> Result<(), StoreError> {
        if !self.is_throttling() {
            return Ok(());
        }
        self.throttled.fetch_add(1, Ordering::SeqCst);
        Err(operation.fail(key, "SlowDown"))
    }
}
