//! What a page depends on besides its checkpoint: earlier exports, names, the redactor.

use std::sync::Arc;

use conversation_archive::archive::base_export::{self, BaseConversations};
use conversation_archive::archive::revisit::{self, EarlierExports};
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::checkpoint::Checkpoint;
use conversation_archive::export::portion::Portion;
use conversation_archive::export::waiting::{Wait, WaitReason, Waits};
use conversation_archive::records::page::{KnownVersions, Names};
use conversation_archive::records::redaction::Redactor;
use conversation_archive::source::{NamesOrWarning, PageContext, SourceError};

use crate::not_archived::NotArchived;
use crate::{ArchivePage, Task};

/// The inputs of one page.
pub(crate) struct Inputs {
    known: Option<Arc<KnownVersions>>,
    portion: Option<Portion>,
    names: Option<Arc<Names>>,
    redactor: Option<Arc<Redactor>>,
    waits: Waits,
    /// For the page record: why an optional input is missing.
    pub(crate) warning: Option<String>,
}

impl Inputs {
    pub(crate) fn context<'a>(&'a self, task: &Task<'a>) -> PageContext<'a> {
        PageContext {
            run: task.run,
            known: self.known.as_deref(),
            portion: self.portion.as_ref(),
            names: self.names.as_deref(),
            redactor: self.redactor.as_deref(),
            waits: &self.waits,
        }
    }
}

impl ArchivePage {
    pub(crate) async fn inputs(
        &self,
        task: &Task<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<Inputs, NotArchived> {
        let known = self.known_versions(task).await?;
        let portion = self.portion(task, checkpoint).await?;
        let waits = self.archive().waits(task.message).await?;
        let names = self.sources.names(task.run.plan, &waits, task.run.deadline);
        let NamesOrWarning { names, warning } = names.await?;
        let redactor = self.redactors.of(task.run.plan).await?;
        Ok(Inputs {
            known,
            portion,
            names,
            redactor,
            waits,
            warning,
        })
    }

    /// The versions that a revisit compares with. Waits until the earlier exports have ended.
    async fn known_versions(
        &self,
        task: &Task<'_>,
    ) -> Result<Option<Arc<KnownVersions>>, NotArchived> {
        match revisit::known_versions(self.archive(), task.run.plan).await? {
            EarlierExports::Nothing => Ok(None),
            EarlierExports::Versions(known) => Ok(Some(known)),
            EarlierExports::Open(id) => {
                Err(not_ended(&id, "whose conversations are revisited").into())
            }
        }
    }

    /// The conversations of an earlier export whose transcripts this page fetches. Waits until that export has ended.
    async fn portion(
        &self,
        task: &Task<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<Option<Portion>, NotArchived> {
        // Postponed conversations are in the checkpoint itself; the other checkpoints have no conversations.
        let Checkpoint::Conversations {
            next: Some(place), ..
        } = checkpoint
        else {
            return Ok(None);
        };
        match base_export::conversations(self.archive(), task.run.plan, *place).await? {
            BaseConversations::ByRequest => Ok(None),
            BaseConversations::Listed(portion) => Ok(Some(portion)),
            BaseConversations::Open(id) => {
                Err(not_ended(&id, "whose conversations' transcripts are requested").into())
            }
            BaseConversations::Incomplete(id) => Err(incomplete(&id).into()),
        }
    }
}

/// The export that this one depends on has not ended yet.
fn not_ended(id: &ExportId, why: &str) -> SourceError {
    SourceError::NotReady(Wait {
        reason: WaitReason::Export,
        hint: None,
        detail: format!("the export {id}, {why}, has not ended"),
    })
}

/// The referenced export failed or was cancelled. After it is resumed and completed, this export can be resumed too.
fn incomplete(id: &ExportId) -> Failure {
    let message =
        format!("the export {id}, whose conversations' transcripts are requested, is not complete");
    Failure::new(FailureKind::BaseExportIncomplete, message)
}
