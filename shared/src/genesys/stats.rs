//! Counters of a client, for metrics and the summary of an export.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::time::saturating_millis;

/// Counters that every clone of a client shares.
#[derive(Debug, Default)]
pub(crate) struct ClientStats {
    pub(crate) requests: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) throttled: AtomicU64,
    pub(crate) throttled_ms: AtomicU64,
    pub(crate) logins: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// API requests, excluding logins.
    pub requests: u64,
    /// Tries after the first of their call.
    pub retries: u64,
    /// Responses with status 429.
    pub throttled: u64,
    /// Time that callers waited because of rate limits; concurrent waits add up.
    pub throttled_time: Duration,
    /// Requests for a token.
    pub logins: u64,
    /// Bytes of the bodies that were read completely.
    pub bytes_in: u64,
}

impl ClientStats {
    pub(crate) fn snapshot(&self) -> StatsSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StatsSnapshot {
            requests: read(&self.requests),
            retries: read(&self.retries),
            throttled: read(&self.throttled),
            throttled_time: Duration::from_millis(read(&self.throttled_ms)),
            logins: read(&self.logins),
            bytes_in: read(&self.bytes_in),
        }
    }

    pub(crate) fn count_throttled_time(&self, waited: Duration) {
        add(&self.throttled_ms, saturating_millis(waited));
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
