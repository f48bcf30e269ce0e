//! The page record: the commit point of a page. It names the page's objects and the next checkpoint together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::PageId;
use crate::export::audit::{AuditEvent, Audited};
use crate::export::checkpoint::Checkpoint;
use crate::export::effort::Effort;
use crate::export::totals::Totals;
use crate::records::page::{Counts, RejectReason};
use crate::records::redaction::Tally;

/// `page-….record.json`. Downstream consumers are triggered by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageRecord {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: PageId,
    pub content: PageContent,
    /// Totals of the slice up to and including this page.
    pub totals: Totals,
    pub committed_at: Timestamp,
    /// The time up to which the source reported its data as complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Timestamp>,
    /// The API's correlation id of the archived response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The cost of reading the page.
    #[serde(default)]
    pub effort: Effort,
    pub event: AuditEvent,
}

impl Audited for PageRecord {
    fn audit_event(&self) -> Option<&AuditEvent> {
        Some(&self.event)
    }
}

/// The part of a page record that depends only on the source's response. The audit event contains its hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageContent {
    pub checkpoint: Checkpoint,
    pub next: NextStep,
    /// `None` when the page held no record that belongs to the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<PageObjects>,
    pub counts: Counts,
    pub record_bytes: u64,
    /// Number of redacted values by label.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub redactions: Tally,
    /// For transcripts: their number by status.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub statuses: Tally,
    /// For transcripts: the files that were sent with their messages, ordered by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<StoredObject>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<RejectedRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl StoredObject {
    /// The object with this key and these bytes.
    pub fn of(key: String, bytes: &[u8]) -> Self {
        Self {
            key,
            size_bytes: bytes.len() as u64,
            sha256: Sha256::of(bytes),
        }
    }
}

impl PageContent {
    /// The page's contribution to the totals of its slice, for a page that cost `effort`.
    pub fn totals(&self, effort: Effort) -> Totals {
        let stored_bytes = self.stored_bytes();
        Totals {
            pages: 1,
            counts: self.counts,
            stored_bytes,
            record_bytes: self.record_bytes,
            quota_bytes: stored_bytes,
            effort,
        }
    }

    /// The size of the page object and of the files.
    pub fn stored_bytes(&self) -> u64 {
        let page = self.objects.as_ref();
        let page = page.map_or(0, |objects| objects.page.size_bytes);
        let files = self.files.iter().map(|file| file.size_bytes);
        page + files.sum::<u64>()
    }

    /// The digest that the audit event contains.
    pub fn digest(&self) -> Sha256 {
        Sha256::of_json(self)
    }
}

/// The page object and its index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageObjects {
    pub page: StoredObject,
    pub index: StoredObject,
}

/// A stored object, with size and digest so that a reader can verify it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredObject {
    pub key: String,
    pub size_bytes: u64,
    pub sha256: Sha256,
}

/// A record that was rejected and stored under `failures/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRecord {
    /// Position in the page as received, starting at 0.
    pub position: u64,
    pub reason: RejectReason,
    #[serde(flatten)]
    pub object: StoredObject,
}

/// The step after a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "camelCase")]
pub enum NextStep {
    Continue { checkpoint: Checkpoint },
    EndRun,
}
