//! The contents of earlier exports of an interval, for a revisit.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::TryStreamExt as _;
use lru::LruCache;

use super::{Archive, ArchiveError, Stage};
use crate::base::ids::ExportId;
use crate::export::outcome::Manifest;
use crate::export::plan::ExportPlan;
use crate::records::page::KnownVersions;

/// The earlier exports that a page is compared with.
#[derive(Clone, Debug)]
pub enum Earlier {
    /// The export is not a revisit.
    Nothing,
    /// This earlier export has not ended, so its contents are not final.
    Open(ExportId),
    /// The versions in the complete exports. Exports that failed or were cancelled contribute none, so the revisit
    /// covers them.
    Versions(Arc<KnownVersions>),
}

/// Cache by the revisit's id. Each entry takes about 40 bytes per conversation.
#[derive(Debug)]
pub(super) struct RecentlyKnown(LruCache<ExportId, Arc<KnownVersions>>);

/// A schedule rarely revisits an interval more often, and its revisits run in parallel.
const REVISITS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

impl Default for RecentlyKnown {
    fn default() -> Self {
        Self(LruCache::new(REVISITS))
    }
}

impl Archive {
    /// The latest versions in the exports that a revisit builds on. Cached, so that a process that serves few revisits
    /// reads them once.
    pub async fn earlier(&self, plan: &ExportPlan) -> Result<Earlier, ArchiveError> {
        let Some(revisit) = &plan.revisit else {
            return Ok(Earlier::Nothing);
        };
        if let Some(known) = self.lock().known.0.get(&plan.export_id) {
            return Ok(Earlier::Versions(Arc::clone(known)));
        }
        let mut known = KnownVersions::default();
        for id in &revisit.exports {
            match self.stage(id).await? {
                Stage::Complete(manifest) => known.supersede(self.versions(&manifest).await?),
                Stage::Open => return Ok(Earlier::Open(id.clone())),
                Stage::Ended => {}
            }
        }
        let known = Arc::new(known);
        self.lock()
            .known
            .0
            .put(plan.export_id.clone(), Arc::clone(&known));
        Ok(Earlier::Versions(known))
    }

    async fn versions(&self, manifest: &Manifest) -> Result<KnownVersions, ArchiveError> {
        let mut known = KnownVersions::default();
        let mut indexes = self.indexes(&manifest.content);
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
}
