//! The contents of earlier exports of an interval, for a revisit.

use std::sync::Arc;

use futures::TryStreamExt as _;

use super::{Archive, ArchiveError, Stage};
use crate::archive::page_objects;
use crate::base::ids::ExportId;
use crate::export::outcome::Manifest;
use crate::export::plan::ExportPlan;
use crate::records::page::KnownVersions;

/// The earlier exports that a page is compared with.
#[derive(Clone, Debug)]
pub enum EarlierExports {
    /// The export is not a revisit.
    Nothing,
    /// This earlier export has not ended, so its contents are not final.
    Open(ExportId),
    /// The versions in the complete exports. Exports that failed or were cancelled contribute none, so the revisit
    /// covers them.
    Versions(Arc<KnownVersions>),
}

/// The latest versions in the exports that a revisit builds on. Cached, so that a process that serves few revisits
/// reads them once.
pub async fn known_versions(
    archive: &Archive,
    plan: &ExportPlan,
) -> Result<EarlierExports, ArchiveError> {
    let Some(revisit) = &plan.revisit else {
        return Ok(EarlierExports::Nothing);
    };
    if let Some(known) = archive.lock().known.get(&plan.export_id) {
        return Ok(EarlierExports::Versions(Arc::clone(known)));
    }
    let mut known = KnownVersions::default();
    for id in &revisit.exports {
        match archive.stage(id).await? {
            Stage::Complete(manifest) => {
                known.replace_with_later(versions(archive, &manifest).await?);
            }
            Stage::Open => return Ok(EarlierExports::Open(id.clone())),
            Stage::Ended => {}
        }
    }
    let known = Arc::new(known);
    archive
        .lock()
        .known
        .put(plan.export_id.clone(), Arc::clone(&known));
    Ok(EarlierExports::Versions(known))
}

async fn versions(archive: &Archive, manifest: &Manifest) -> Result<KnownVersions, ArchiveError> {
    let mut known = KnownVersions::default();
    let mut indexes = page_objects::indexes(archive, &manifest.content);
    while let Some((key, index)) = indexes.try_next().await? {
        known
            .add_index(&index)
            .map_err(|error| ArchiveError::Page {
                key,
                source: error.into(),
            })?;
    }
    Ok(known)
}
