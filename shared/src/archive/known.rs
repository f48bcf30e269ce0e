//! What earlier exports of an interval hold, for a revisit.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::TryStreamExt as _;
use lru::LruCache;

use super::{Archive, ArchiveError, Stage};
use crate::ids::ExportId;
use crate::outcome::Manifest;
use crate::page::KnownVersions;
use crate::plan::ExportPlan;

/// What a page goes by besides its source.
#[derive(Clone, Debug)]
pub enum Earlier {
    /// It is no revisit.
    Nothing,
    /// This export is still open: what it will hold is not known.
    Open(ExportId),
    /// What the complete ones hold. One that failed or was cancelled holds nothing, so that a revisit stands in for it.
    Versions(Arc<KnownVersions>),
}

/// By the revisit. Each holds some forty bytes for each conversation.
#[derive(Debug)]
pub(super) struct RecentlyKnown(LruCache<ExportId, Arc<KnownVersions>>);

/// A schedule seldom looks more often at an interval, and its revisits go side by side.
const REVISITS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

impl Default for RecentlyKnown {
    fn default() -> Self {
        Self(LruCache::new(REVISITS))
    }
}

impl Archive {
    /// The latest versions that the exports hold which a revisit goes by. Read once per process, as long
    /// as it does not serve more than a few revisits by turns.
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
