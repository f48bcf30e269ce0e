//! Requests to cancel an export.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Archive, ArchiveError};
use crate::base::format::FormatVersion;
use crate::base::ids::ExportId;
use crate::export::audit::Audited;
use crate::export::objects::ObjectKey;
use crate::storage::store::Stored;

/// `cancel.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelRequest {
    format_version: FormatVersion,
    export_id: ExportId,
    asked_at: Timestamp,
    /// Set by a resume if the attempt failed before it could be cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<Timestamp>,
}

impl Audited for CancelRequest {}

/// Whether the export is to be cancelled.
pub async fn is_requested(archive: &Archive, id: &ExportId) -> Result<bool, ArchiveError> {
    let request: Option<CancelRequest> = archive.read(ObjectKey::Cancel(id)).await?;
    Ok(request.is_some_and(|request| request.withdrawn_at.is_none()))
}

/// Stores a request to cancel the export.
pub async fn request(archive: &Archive, id: &ExportId, now: Timestamp) -> Result<(), ArchiveError> {
    let request = CancelRequest {
        format_version: FormatVersion,
        export_id: id.clone(),
        asked_at: now,
        withdrawn_at: None,
    };
    let name = ObjectKey::Cancel(id);
    let (known, stored) = archive.create_or_read(name, request.clone()).await?;
    if stored == Stored::AlreadyExists && known.withdrawn_at.is_some() {
        archive.replace(name, &request).await?;
    }
    Ok(())
}

/// Withdraws a request that came too late for its attempt, so that the next attempt is not cancelled.
pub async fn withdraw(
    archive: &Archive,
    id: &ExportId,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let name = ObjectKey::Cancel(id);
    match archive.read::<CancelRequest>(name).await? {
        Some(request) if request.withdrawn_at.is_none() => {
            let withdrawn = CancelRequest {
                withdrawn_at: Some(now),
                ..request
            };
            archive.replace(name, &withdrawn).await
        }
        _ => Ok(()),
    }
}
