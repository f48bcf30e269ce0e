//! The marker of an export that has steps to complete, and the request in it.

use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::failure::error_chain;
use crate::base::ids::ExportId;
use crate::export::marker::OpenMarker;
use crate::export::objects::ObjectKey;
use crate::export::request::ExportRequest;

/// Writes the marker of an export: from now on it has steps to complete.
pub async fn write(archive: &Archive, id: &ExportId, now: Timestamp) -> Result<(), ArchiveError> {
    let marker = OpenMarker::new(id.clone(), now);
    archive.replace(ObjectKey::Open(id), &marker).await
}

/// Removes the marker of an export without a plan. If a concurrent start has planned the export, writes the marker
/// again.
pub async fn remove_without_plan(
    archive: &Archive,
    id: &ExportId,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    archive.delete(ObjectKey::Open(id)).await?;
    if archive.plan(id).await?.is_some() {
        write(archive, id, now).await?;
    }
    Ok(())
}

/// Stores a request whose export is to be started, before any API call. The export counts as open from now on.
pub async fn accept_request(
    archive: &Archive,
    id: &ExportId,
    request: &ExportRequest,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let known = match archive.read::<OpenMarker>(ObjectKey::Open(id)).await {
        // The marker is overwritten in any case, so one that another program wrote does not keep a request out.
        Err(error) if error.is_damage() || error.is_untrusted() => {
            tracing::error!(export.id = %id, error = error_chain(&error), "unusable marker overwritten");
            None
        }
        read => read?,
    };
    let accepted = known.filter(|marker| marker.request.is_some());
    let marker = OpenMarker {
        request: Some(Box::new(request.clone())),
        ..OpenMarker::new(id.clone(), accepted.map_or(now, |marker| marker.since))
    };
    archive.replace(ObjectKey::Open(id), &marker).await
}

/// The accepted request of this id; `None` once its export is planned.
pub async fn accepted_request(
    archive: &Archive,
    id: &ExportId,
) -> Result<Option<ExportRequest>, ArchiveError> {
    let marker = archive.read::<OpenMarker>(ObjectKey::Open(id)).await?;
    let request = marker.and_then(|marker| marker.request);
    match request {
        Some(request) if archive.plan(id).await?.is_none() => Ok(Some(*request)),
        _ => Ok(None),
    }
}
