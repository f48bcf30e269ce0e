//! Running sums of a slice, carried from page to page.

use serde::{Deserialize, Serialize};

use crate::page::Counts;

/// What the pages of a slice add up to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Pages committed in the chain that counts.
    pub pages: u64,
    #[serde(flatten)]
    pub counts: Counts,
    /// Stored bytes of the chain's page objects.
    pub stored_bytes: u64,
    /// Bytes of the chain's records before compression.
    pub record_bytes: u64,
    /// Stored bytes that count against the quota: those of superseded runs too.
    pub quota_bytes: u64,
}

impl Totals {
    /// What a run that replaces this one starts with: nothing but its share of the quota.
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
        }
    }
}
