//! The exports of an archive.

use jiff::civil::Date;

use super::{Archive, ArchiveError};
use crate::base::ids::ExportId;
use crate::export::objects::{EXPORTS_PREFIX, audit_day_prefix};

/// The ids of all exports in ascending order. Costs one listing per export.
pub async fn ids(archive: &Archive) -> Result<Vec<ExportId>, ArchiveError> {
    let names = archive.folders(EXPORTS_PREFIX).await?;
    // Skips names that are not export ids.
    Ok(names
        .into_iter()
        .filter_map(|name| ExportId::try_from(name).ok())
        .collect())
}

/// The ids of the exports of which an attempt ended in the UTC day, in ascending order. Costs one listing per export.
pub async fn concluded_on(archive: &Archive, day: Date) -> Result<Vec<ExportId>, ArchiveError> {
    let names = archive.folders(&audit_day_prefix(day)).await?;
    Ok(names
        .into_iter()
        .filter_map(|name| ExportId::try_from(name).ok())
        .collect())
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
