//! The page record: the commit point of a page. It names the objects and the next checkpoint as one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::AuditEvent;
use crate::checkpoint::Checkpoint;
use crate::effort::Effort;
use crate::format::FormatVersion;
use crate::hash::Sha256;
use crate::ids::PageId;
use crate::page::{Counts, RejectReason};
use crate::redaction::Tally;
use crate::totals::Totals;

/// `page-….record.json`. Downstream triggers on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageRecord {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: PageId,
    pub content: PageContent,
    /// Sums of the slice up to and with this page.
    pub totals: Totals,
    pub committed_at: Timestamp,
    /// Up to where the source said its data was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Timestamp>,
    /// The API's correlation id of the answer that was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What it took to read the page.
    #[serde(default)]
    pub effort: Effort,
    pub event: AuditEvent,
}

/// The part of a page record that depends on the source's answer alone; its hash stands in the audit event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageContent {
    pub checkpoint: Checkpoint,
    pub next: NextStep,
    /// `None` when the page held nothing that belongs into the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<PageObjects>,
    pub counts: Counts,
    pub record_bytes: u64,
    /// Values that were taken out of the texts, by their label.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub redactions: Tally,
    /// Of transcripts: how many there are of each status.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub statuses: Tally,
    /// Of transcripts: the files that were sent with their messages, in the order of their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<StoredObject>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<RejectedRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl PageContent {
    /// What the page adds to the sums of its slice.
    pub fn totals(&self) -> Totals {
        let page = self.objects.as_ref();
        let page = page.map_or(0, |objects| objects.page.size_bytes);
        let files = self.files.iter().map(|file| file.size_bytes);
        let stored_bytes = page + files.sum::<u64>();
        Totals {
            pages: 1,
            counts: self.counts,
            stored_bytes,
            record_bytes: self.record_bytes,
            quota_bytes: stored_bytes,
        }
    }

    /// What the audit event vouches for.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The page object and its index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageObjects {
    pub page: StoredObject,
    pub index: StoredObject,
}

/// An object that somebody else can check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredObject {
    pub key: String,
    pub size_bytes: u64,
    pub sha256: Sha256,
}

/// A record that was kept aside under `failures/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRecord {
    /// Where it stood in the page as received, from 0.
    pub position: u64,
    pub reason: RejectReason,
    #[serde(flatten)]
    pub object: StoredObject,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "camelCase")]
pub enum NextStep {
    Continue { checkpoint: Checkpoint },
    EndRun,
}
