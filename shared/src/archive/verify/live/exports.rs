//! The complete exports that closed gaps and day seals name.

use futures::TryStreamExt as _;

use super::super::subject::{Subject, VerifyError};
use super::day::Conversations;
use super::documents::Documents;
use crate::archive::{ArchiveError, page_objects};
use crate::base::ids::ExportId;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{ExportStatus, Manifest};
use crate::export::plan::ExportPlan;
use crate::records::page::for_each_indexed_id;

/// The plan and the manifest of a complete export.
#[derive(Debug)]
pub(super) struct CompleteExport {
    pub(super) plan: ExportPlan,
    manifest: Manifest,
}

impl CompleteExport {
    /// Reads the export. If it has no manifest, `named` says which object names it as complete.
    pub(super) async fn read(
        documents: &mut Documents<'_>,
        id: &ExportId,
        named: &str,
    ) -> Result<Self, VerifyError> {
        let (of_manifest, of_plan) = (ObjectKey::Manifest(id), ObjectKey::Request(id));
        let manifest: Option<Manifest> = documents.read_signed(of_manifest).await?;
        let missing = || Subject::of(of_manifest).damaged(format!("missing, though {named}"));
        let manifest = manifest.ok_or_else(missing)?;
        Subject::of(of_manifest).same_id(&manifest.outcome.export_id, id)?;
        let plan: Option<ExportPlan> = documents.read_signed(of_plan).await?;
        let plan = plan.ok_or_else(|| ArchiveError::Missing(of_plan.key()))?;
        Subject::of(of_plan).same_id(&plan.export_id, id)?;
        Ok(Self { plan, manifest })
    }

    pub(super) fn status(&self) -> ExportStatus {
        self.manifest.outcome.status
    }

    /// The distinct conversations in its page indexes.
    pub(super) async fn conversations(
        &self,
        documents: &Documents<'_>,
    ) -> Result<Conversations, VerifyError> {
        let mut conversations = Conversations::default();
        let mut indexes = page_objects::indexes(documents.archive, &self.manifest.content);
        while let Some((key, index)) = indexes.try_next().await? {
            let visit = |id: &str| id.parse().iter().for_each(|id| conversations.insert(id));
            for_each_indexed_id(&index, visit).map_err(|error| ArchiveError::page(key, error))?;
        }
        Ok(conversations)
    }
}
