//! Verify: recomputes an export from its objects and names the first thing that does not fit.
//!
//! It only reads, and it believes no document about another: seals, hashes, chains, sums and ids are computed anew. A
//! few pages are in memory at a time. Who can rewrite every object, the manifest and the audit copies included, is
//! found out only by what left the bucket: the webhook carries the manifest's digest and the outcome's hash.

use serde::Serialize;

use crate::archive::Archive;
use crate::ids::ExportId;
use crate::outcome::ExportStatus;
use crate::page::is_zero;

mod chain;
mod copies;
mod documents;
mod history;
mod incomplete;
mod keys;
mod outcomes;
mod page;
mod rest;
mod runs;
mod subject;
mod sums;

#[cfg(test)]
mod tests;

pub use subject::{Damage, VerifyError};

use history::History;
use sums::Sums;

/// How far it has come: pages checked, of those that the manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub pages: u64,
    pub of: u64,
}

/// What an intact export holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub export_id: ExportId,
    pub status: ExportStatus,
    pub attempt: u32,
    pub pages: u64,
    /// Lines, where those that repeat another byte for byte count once.
    pub records: u64,
    /// Lines that repeat an earlier line byte for byte.
    #[serde(skip_serializing_if = "is_zero")]
    pub identical_lines: u64,
    /// Ids of which more than one version is stored.
    #[serde(skip_serializing_if = "is_zero")]
    pub ids_with_versions: u64,
    /// Before compression.
    pub record_bytes: u64,
    pub stored_bytes: u64,
    /// Records kept aside because they lack their id or start.
    pub rejects: u64,
    /// Audit events checked, without their copies.
    pub events: u64,
    /// Keys that no document names: what a crash leaves behind, or what is not ours.
    pub orphans: Vec<String>,
    /// Records of pages that are in no manifest: those of replaced runs, and pages that came too late.
    pub superseded: Vec<String>,
    /// What the manifest warns of, and what is unusual about the export without being damage.
    pub warnings: Vec<String>,
}

/// Checks everything that belongs to a complete export. An export without a manifest is never complete; the error says
/// what it is instead.
pub async fn verify(
    archive: &Archive,
    id: &ExportId,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, VerifyError> {
    let history = History::read(archive, id).await?;
    let mut sums = Sums::new(&history, progress);
    let mut ends = Vec::new();
    for slice in &history.slices {
        let runs = history.runs(slice).await?;
        history.check_slice(&runs, &mut sums).await?;
        ends.extend(runs.into_ends());
    }
    sums.check_manifest()?;
    history.check_ids().await?;
    let audit = history.check_audit(&ends).await?;
    let rest = history.check_rest().await?;
    Ok(sums.report(&ends, audit, rest))
}
