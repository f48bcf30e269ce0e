//! The outcomes of attempts.

use super::{Archive, ArchiveError};
use crate::archive::cancellation;
use crate::base::ids::ExportId;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{ExportStatus, Manifest, Outcome};

/// The outcome of the newest attempt; `None` if it is still running or there is no export.
pub async fn newest(archive: &Archive, id: &ExportId) -> Result<Option<Outcome>, ArchiveError> {
    match archive.newest_attempt(id).await? {
        Some(attempt) => of_attempt(archive, id, attempt.attempt).await,
        None => Ok(None),
    }
}

/// The outcome of the attempt, if there is one already.
pub async fn of_attempt(
    archive: &Archive,
    id: &ExportId,
    attempt: u32,
) -> Result<Option<Outcome>, ArchiveError> {
    if let Some(manifest) = archive.read::<Manifest>(ObjectKey::Manifest(id)).await? {
        return Ok(Some(manifest.outcome));
    }
    if let Some(cancelled) = archive.read(ObjectKey::Cancelled(id)).await? {
        return Ok(Some(cancelled));
    }
    archive.read(ObjectKey::Failed(id, attempt)).await
}

/// The outcome of the attempt if it failed and may be resumed automatically: a cancelled export may not.
pub async fn resumable(
    archive: &Archive,
    id: &ExportId,
    attempt: u32,
) -> Result<Option<Outcome>, ArchiveError> {
    let outcome = of_attempt(archive, id, attempt).await?;
    match outcome.filter(|outcome| outcome.status == ExportStatus::Failed) {
        Some(outcome) if !cancellation::is_requested(archive, id).await? => Ok(Some(outcome)),
        _ => Ok(None),
    }
}
