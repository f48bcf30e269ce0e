//! What earlier exports of an interval hold, for a revisit.

use std::sync::{Arc, PoisonError};

use futures::TryStreamExt as _;

use super::{Archive, ArchiveError};
use crate::objects::Name;
use crate::outcome::Manifest;
use crate::page::KnownVersions;
use crate::plan::{ExportPlan, Revisit};

impl Archive {
    /// The latest versions that the complete ones among those exports hold; `None` for what is no revisit. Read once per
    /// process.
    pub async fn known_versions(
        &self,
        plan: &ExportPlan,
    ) -> Result<Option<Arc<KnownVersions>>, ArchiveError> {
        let Some(revisit) = &plan.revisit else {
            return Ok(None);
        };
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, known)) = &recent().known
            && *id == plan.export_id
        {
            return Ok(Some(Arc::clone(known)));
        }
        let known = Arc::new(self.versions_of(revisit).await?);
        recent().known = Some((plan.export_id.clone(), Arc::clone(&known)));
        Ok(Some(known))
    }

    async fn versions_of(&self, revisit: &Revisit) -> Result<KnownVersions, ArchiveError> {
        let mut known = KnownVersions::default();
        for id in &revisit.exports {
            let Some(manifest) = self.read::<Manifest>(Name::Manifest(id)).await? else {
                continue;
            };
            let mut indexes = self.indexes(&manifest.content);
            while let Some((key, index)) = indexes.try_next().await? {
                known
                    .add_index(&index)
                    .map_err(|error| ArchiveError::Page {
                        key,
                        source: error.into(),
                    })?;
            }
        }
        Ok(known)
    }
}
