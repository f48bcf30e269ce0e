//! The exports of an archive, and how they ended.

use super::{Archive, ArchiveError};
use crate::ids::ExportId;
use crate::objects::{EXPORTS_PREFIX, Name};
use crate::outcome::{Manifest, Outcome};

impl Archive {
    /// How the newest attempt at an export ended; `None` while it goes on, and without an export.
    pub async fn outcome(&self, id: &ExportId) -> Result<Option<Outcome>, ArchiveError> {
        match self.newest_attempt(id).await? {
            Some(attempt) => self.decided(id, attempt.attempt).await,
            None => Ok(None),
        }
    }

    /// How the attempt ended, if that is decided already.
    pub async fn decided(
        &self,
        id: &ExportId,
        attempt: u32,
    ) -> Result<Option<Outcome>, ArchiveError> {
        if let Some(manifest) = self.read::<Manifest>(Name::Manifest(id)).await? {
            return Ok(Some(manifest.outcome));
        }
        if let Some(cancelled) = self.read(Name::Cancelled(id)).await? {
            return Ok(Some(cancelled));
        }
        self.read(Name::Failed(id, attempt)).await
    }

    /// The ids of all exports, in their order: one listing for each.
    pub async fn exports(&self) -> Result<Vec<ExportId>, ArchiveError> {
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let listing = self.store().list(EXPORTS_PREFIX, after.as_deref()).await?;
            let Some(first) = listing.objects.first() else {
                return Ok(ids);
            };
            let name = first.key.strip_prefix(EXPORTS_PREFIX).unwrap_or_default();
            let name = name.split('/').next().unwrap_or_default().to_owned();
            // Behind everything that begins with this name and a slash: a zero comes next to it.
            after = Some(format!("{EXPORTS_PREFIX}{name}0"));
            // Whatever else somebody put there is no export.
            ids.extend(ExportId::try_from(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::store::FolderStore;

    #[tokio::test]
    async fn every_export_is_listed_once_whatever_its_neighbours_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(Arc::new(FolderStore::open(folder.path()).unwrap()));
        let ids = ["a", "a-b", "a0", "b_1", "Z"].map(|id| id.parse::<ExportId>().unwrap());
        for id in &ids {
            for name in [Name::Request(id), Name::Cancel(id)] {
                archive.replace(name, &json!({"a": 1})).await.unwrap();
            }
        }

        let mut listed = archive.exports().await.unwrap();

        listed.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        let listed: Vec<_> = listed.iter().map(ExportId::as_str).collect();
        assert_eq!(listed, ["Z", "a", "a-b", "a0", "b_1"]);
    }

    #[tokio::test]
    async fn an_archive_without_exports_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(Arc::new(FolderStore::open(folder.path()).unwrap()));

        assert!(archive.exports().await.unwrap().is_empty());
    }
}
