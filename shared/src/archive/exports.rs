//! The exports of an archive, and their outcomes.

use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::ids::ExportId;
use crate::export::marker::OpenMarker;
use crate::export::objects::{EXPORTS_PREFIX, Name};
use crate::export::outcome::{ExportStatus, Manifest, Outcome};
use crate::export::request::ExportRequest;

impl Archive {
    /// Writes the marker of an export: from now on it has steps to complete.
    pub async fn mark_open(&self, id: &ExportId, now: Timestamp) -> Result<(), ArchiveError> {
        let marker = OpenMarker::new(id.clone(), now);
        self.replace(Name::Open(id), &marker).await
    }

    /// Removes the marker of an export without a plan. If a concurrent start has planned the export, writes the marker
    /// again.
    pub async fn remove_marker_without_plan(
        &self,
        id: &ExportId,
        now: Timestamp,
    ) -> Result<(), ArchiveError> {
        self.delete(Name::Open(id)).await?;
        if self.plan(id).await?.is_some() {
            self.mark_open(id, now).await?;
        }
        Ok(())
    }

    /// Stores a request whose export is to be started, before any API call. The export counts as open from now on.
    pub async fn accept(
        &self,
        id: &ExportId,
        request: &ExportRequest,
        now: Timestamp,
    ) -> Result<(), ArchiveError> {
        let known = self.read::<OpenMarker>(Name::Open(id)).await?;
        let accepted = known.filter(|marker| marker.request.is_some());
        let marker = OpenMarker {
            request: Some(Box::new(request.clone())),
            ..OpenMarker::new(id.clone(), accepted.map_or(now, |marker| marker.since))
        };
        self.replace(Name::Open(id), &marker).await
    }

    /// The accepted request of this id; `None` once its export is planned.
    pub async fn accepted(&self, id: &ExportId) -> Result<Option<ExportRequest>, ArchiveError> {
        let marker = self.read::<OpenMarker>(Name::Open(id)).await?;
        let request = marker.and_then(|marker| marker.request);
        match request {
            Some(request) if self.plan(id).await?.is_none() => Ok(Some(*request)),
            _ => Ok(None),
        }
    }

    /// The outcome of the newest attempt; `None` if it is still running or there is no export.
    pub async fn outcome(&self, id: &ExportId) -> Result<Option<Outcome>, ArchiveError> {
        match self.newest_attempt(id).await? {
            Some(attempt) => self.decided(id, attempt.attempt).await,
            None => Ok(None),
        }
    }

    /// The outcome of the attempt, if there is one already.
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

    /// The outcome of the attempt if it failed and may be resumed automatically: a cancelled export may not.
    pub async fn resumable(
        &self,
        id: &ExportId,
        attempt: u32,
    ) -> Result<Option<Outcome>, ArchiveError> {
        let outcome = self.decided(id, attempt).await?;
        match outcome.filter(|outcome| outcome.status == ExportStatus::Failed) {
            Some(outcome) if !self.is_cancelled(id).await? => Ok(Some(outcome)),
            _ => Ok(None),
        }
    }

    /// The ids of all exports in ascending order. Costs one listing per export.
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
            // Continues the listing after all keys with this name and a slash: `0` is the character after `/`.
            after = Some(format!("{EXPORTS_PREFIX}{name}0"));
            // Skips names that are not export ids.
            ids.extend(ExportId::try_from(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::storage::store::FolderStore;

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
