//! The ledger: one entry for each outcome of the archive, numbered without a gap. Each names the digest of the entry
//! before it, so that a deleted export or entry shows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::ExportId;
use crate::export::audit::Audited;
use crate::export::outcome::{ExportStatus, Outcome};

/// `ledger/{sequence}.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    pub format_version: FormatVersion,
    /// Counted from 1.
    pub sequence: u64,
    /// Digest of the stored bytes of the entry before; `None` for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sha256>,
    pub export_id: ExportId,
    pub attempt: u32,
    pub status: ExportStatus,
    /// The key of the outcome.
    pub outcome_key: String,
    /// Digest of the stored bytes of the outcome.
    pub outcome_sha256: Sha256,
    pub appended_at: Timestamp,
}

impl Audited for LedgerEntry {}

impl LedgerEntry {
    /// The entry after `previous`, which is given with the digest of its bytes.
    pub(crate) fn after(
        previous: Option<&(Self, Sha256)>,
        outcome: &Outcome,
        outcome_sha256: Sha256,
        now: Timestamp,
    ) -> Self {
        Self {
            format_version: FormatVersion,
            sequence: previous.map_or(1, |(entry, _)| entry.sequence + 1),
            previous: previous.map(|(_, digest)| *digest),
            export_id: outcome.export_id.clone(),
            attempt: outcome.attempt,
            status: outcome.status,
            outcome_key: outcome.object_key().key(),
            outcome_sha256,
            appended_at: now,
        }
    }
}
