//! The exports of an archive.

use super::{Archive, ArchiveError};
use crate::base::ids::ExportId;
use crate::export::objects::EXPORTS_PREFIX;

/// The ids of all exports in ascending order. Costs one listing per export.
pub async fn ids(archive: &Archive) -> Result<Vec<ExportId>, ArchiveError> {
    let mut ids = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let listing = archive
            .store()
            .list(EXPORTS_PREFIX, after.as_deref())
            .await?;
        let Some(first) = listing.objects.first() else {
            return Ok(ids);
        };
        let name = first.key.strip_prefix(EXPORTS_PREFIX).unwrap_or_default();
        let name = name.split('/').next().unwrap_or_default().to_owned();
        // Continues the listing after all keys with this name and a slash: `0` is the character after `/`.
        after = Some(format!("{EXPORTS_PREFIX}{name}0"));
        // Skips names that are not export ids.
        ids.extend(ExportId::try_from(name));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::export::objects::ObjectKey;
    use crate::storage::store::FolderStore;

    #[tokio::test]
    async fn exports_with_similar_ids_are_each_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(Arc::new(FolderStore::open(folder.path()).unwrap()));
        let ids = ["a", "a-b", "a0", "b_1", "Z"].map(|id| id.parse::<ExportId>().unwrap());
        for id in &ids {
            for name in [ObjectKey::Request(id), ObjectKey::Cancel(id)] {
                archive.replace(name, &json!({"a": 1})).await.unwrap();
            }
        }

        let mut listed = super::ids(&archive).await.unwrap();

        listed.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        let listed: Vec<_> = listed.iter().map(ExportId::as_str).collect();
        assert_eq!(listed, ["Z", "a", "a-b", "a0", "b_1"]);
    }

    #[tokio::test]
    async fn an_empty_archive_lists_no_exports() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(Arc::new(FolderStore::open(folder.path()).unwrap()));

        assert!(ids(&archive).await.unwrap().is_empty());
    }
}
