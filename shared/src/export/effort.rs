//! The cost of reading pages: requests, retries and time. Only for metrics; no decision depends on it.

use serde::{Deserialize, Serialize};

/// The cost of one or more pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Effort {
    /// Successful requests.
    pub answers: u64,
    /// Failed requests that were retried.
    pub repeats: u64,
    /// Pages read from the cache without a request.
    pub cached: u64,
    /// Total time of the successful requests, from the request to the last byte of the response.
    pub latency_ms: u64,
}

impl Effort {
    /// The cost of a page from the cache.
    pub(crate) const CACHED: Self = Self {
        answers: 0,
        repeats: 0,
        cached: 1,
        latency_ms: 0,
    };

    /// Whether there was no request and no cached page.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
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
