//! Running sums of a slice, carried from page to page.

use serde::{Deserialize, Serialize};

use crate::export::effort::Effort;
use crate::records::page::Counts;

/// The sums over the pages of a slice so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Number of committed pages in the current chain.
    pub pages: u64,
    #[serde(flatten)]
    pub counts: Counts,
    /// Stored bytes of the chain's page objects.
    pub stored_bytes: u64,
    /// Bytes of the chain's records before compression.
    pub record_bytes: u64,
    /// Stored bytes that count against the quota, including those of superseded runs.
    pub quota_bytes: u64,
    /// The cost of reading the chain's pages. Pages of earlier versions count as none.
    #[serde(default, skip_serializing_if = "Effort::is_none")]
    pub effort: Effort,
}

impl Totals {
    /// The initial totals of a run that replaces this one: only the share of the quota.
    #[must_use]
    pub fn superseded(self) -> Self {
        Self {
            quota_bytes: self.quota_bytes,
            ..Self::default()
        }
    }

    /// The sum of two slices.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            pages: self.pages + other.pages,
            counts: self.counts + other.counts,
            stored_bytes: self.stored_bytes + other.stored_bytes,
            record_bytes: self.record_bytes + other.record_bytes,
            quota_bytes: self.quota_bytes + other.quota_bytes,
            effort: self.effort.plus(other.effort),
        }
    }
}
