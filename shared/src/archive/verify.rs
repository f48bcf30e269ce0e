//! Verify: recomputes an export from its objects and reports the first mismatch.
//!
//! It only reads, and trusts no document about another: seals, hashes, chains, sums and ids are recomputed. A few pages
//! are in memory at a time. This alone cannot detect an attacker who rewrites every object including the manifest and
//! the audit copies; for that, [`Anchors`] are compared: a public key, or the manifest's digest from the webhook.

use serde::Serialize;

use crate::archive::Archive;
use crate::base::ids::ExportId;
use crate::export::objects::ObjectKey;
use crate::export::outcome::ExportStatus;
use crate::export::plan::AppliedRedaction;
use crate::records::page::is_zero;

mod anchors;
mod chain;
mod copies;
mod documents;
mod history;
mod incomplete;
mod keys;
mod ledger;
mod live;
mod outcomes;
mod page;
mod rest;
mod runs;
mod subject;
mod sums;

#[cfg(test)]
mod tests;

pub use anchors::{Anchors, RequiredSignatures, SignatureReport};
pub use ledger::{LedgerReport, verify_ledger};
pub use live::{
    ClosedLiveGap, DayRange, LiveProgress, LiveReport, LiveScope, OpenLiveGap, StreamReport,
    verify_live,
};
pub use subject::{Damage, VerifyError};

use history::History;
use sums::Sums;

/// Progress: pages checked, and pages in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub pages: u64,
    pub total_pages: u64,
}

/// The contents of an intact export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub export_id: ExportId,
    pub status: ExportStatus,
    pub attempt: u32,
    pub pages: u64,
    /// Number of lines; byte-identical repetitions are not counted.
    pub records: u64,
    /// Number of lines that repeat an earlier line byte for byte.
    #[serde(skip_serializing_if = "is_zero")]
    pub identical_lines: u64,
    /// Number of ids with more than one stored version.
    #[serde(skip_serializing_if = "is_zero")]
    pub ids_with_versions: u64,
    /// Before compression.
    pub record_bytes: u64,
    pub stored_bytes: u64,
    /// Records set aside because they lack their id or start.
    pub rejects: u64,
    /// Audit events checked, excluding their copies.
    pub events: u64,
    /// Keys that no document names: left behind by a crash, or not written by this program.
    pub orphans: Vec<String>,
    /// Page records that are not in the manifest: from replaced runs, or committed too late.
    pub superseded: Vec<String>,
    pub signatures: SignatureReport,
    /// The redaction of texts, according to the plan.
    pub redaction: AppliedRedaction,
    /// Warnings from the manifest, and unusual but undamaged details of the export.
    pub warnings: Vec<String>,
}

/// Checks every object of a complete export. An export without a manifest is not complete; the error then describes its
/// state.
pub async fn verify(
    archive: &Archive,
    id: &ExportId,
    anchors: &Anchors,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, VerifyError> {
    let history = History::read(archive, id).await?;
    let signatures = history.check_anchors(anchors).await?;
    let mut sums = Sums::new(&history, progress);
    let mut ends = Vec::new();
    for slice in &history.slices {
        let runs = history.runs(slice).await?;
        history.check_slice(&runs, &mut sums).await?;
        ends.extend(runs.into_ends());
    }
    sums.check_manifest()?;
    history.check_ids().await?;
    history.check_summary(ObjectKey::Manifest(history.id()), &history.manifest.outcome)?;
    let audit = history.check_audit(&ends).await?;
    let rest = history.check_rest().await?;
    Ok(sums.report(&ends, audit, rest, signatures))
}
