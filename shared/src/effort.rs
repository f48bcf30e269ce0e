//! What it took to read pages: requests, repetitions and time. For metrics; nothing is decided by it.

use serde::{Deserialize, Serialize};

use crate::genesys::Reply;
use crate::metrics;

/// What one page, or several, took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Effort {
    /// Requests that were answered as needed.
    pub answers: u64,
    /// Requests that were not, and were made again.
    pub repeats: u64,
    /// Pages that came from the cache, without any request.
    pub cached: u64,
    /// From the requests that were answered to the last byte of their answers.
    pub latency_ms: u64,
}

impl Effort {
    /// A page that was known already.
    pub const CACHED: Self = Self {
        answers: 0,
        repeats: 0,
        cached: 1,
        latency_ms: 0,
    };

    pub fn of<T>(reply: &Reply<T>) -> Self {
        Self {
            answers: 1,
            repeats: u64::from(reply.attempts.saturating_sub(1)),
            cached: 0,
            latency_ms: metrics::millis(reply.latency),
        }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            answers: self.answers + other.answers,
            repeats: self.repeats + other.repeats,
            cached: self.cached + other.cached,
            latency_ms: self.latency_ms + other.latency_ms,
        }
    }
}
