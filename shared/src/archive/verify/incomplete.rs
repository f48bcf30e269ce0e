//! Describes the state of an export without a manifest.

use super::keys::{Kind, kind};
use super::subject::{Subject, VerifyError};
use crate::archive::{Archive, ArchiveError, cancellation};
use crate::base::ids::ExportId;
use crate::export::objects::{ObjectKey, export_prefix};
use crate::export::outcome::Outcome;
use crate::export::plan::ExportPlan;

/// The reason why there is nothing to verify, as a sentence for the user.
pub(super) async fn incomplete(
    archive: &Archive,
    id: &ExportId,
) -> Result<VerifyError, ArchiveError> {
    let manifest = Subject::of(ObjectKey::Manifest(id));
    if archive
        .store()
        .list(&export_prefix(id), None)
        .await?
        .objects
        .is_empty()
    {
        return Ok(manifest.damaged("missing: there is no export with this id"));
    }
    if archive
        .read::<ExportPlan>(ObjectKey::Request(id))
        .await?
        .is_none()
    {
        let request = Subject::of(ObjectKey::Request(id));
        return Ok(request.damaged("missing, though other objects of the export exist"));
    }
    let state = state(archive, id).await?;
    Ok(manifest.damaged(format!("missing: the export is not complete; {state}")))
}

async fn state(archive: &Archive, id: &ExportId) -> Result<String, ArchiveError> {
    if archive
        .read::<Outcome>(ObjectKey::Cancelled(id))
        .await?
        .is_some()
    {
        return Ok("it was cancelled".to_owned());
    }
    if let Some(failed) = failure_of_newest_attempt(archive, id).await? {
        let reason = failed
            .failures
            .first()
            .map(|first| first.failure.to_string());
        let reason = reason.unwrap_or_else(|| "no reason is given".to_owned());
        return Ok(format!(
            "it failed: {reason} (failed-{:02}.json)",
            failed.attempt
        ));
    }
    let state = match archive.is_open(id).await? {
        true if cancellation::is_requested(archive, id).await? => "it is being cancelled",
        true => "it is still open; continue it with resume",
        // The marker is deleted last, after the outcome is stored.
        false => "it is neither open nor ended: its outcome or its marker under open/ was lost",
    };
    Ok(state.to_owned())
}

async fn failure_of_newest_attempt(
    archive: &Archive,
    id: &ExportId,
) -> Result<Option<Outcome>, ArchiveError> {
    let listed = archive
        .list_all(&format!("{}attempt-", export_prefix(id)))
        .await?;
    let number = |key: &str| match kind(id, key) {
        Some(Kind::Attempt(attempt)) => Some(attempt),
        _ => None,
    };
    match listed.iter().filter_map(|object| number(&object.key)).max() {
        Some(attempt) => archive.read(ObjectKey::Failed(id, attempt)).await,
        None => Ok(None),
    }
}
