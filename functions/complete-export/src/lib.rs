//! complete-export: after each end of a run, starts the next slice or concludes the export.

use conversation_archive::archive::{outcomes, slice_status};
use conversation_archive::export::message::CompletionMessage;
use conversation_archive::export::outcome::Outcome;
use conversation_archive::pipeline::conclusion::{self, ConclusionInput, Progress};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::scheduling::{self, SliceSelection};
use conversation_archive::pipeline::{Pipeline, PipelineError};

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct CompleteExport {
    pub pipeline: Pipeline,
}

/// The result of handling a completion message.
#[derive(Clone, Debug)]
pub enum CompletionProgress {
    /// `open` slices have not ended yet.
    Waiting { open: usize },
    /// The invocation ran out of time. It sent a message for the next invocation to continue.
    Continued,
    /// The outcome is stored and announced.
    Concluded(Box<Outcome>),
}

impl CompleteExport {
    #[tracing::instrument(skip_all, fields(export.id = %message.export_id))]
    pub async fn handle(
        &self,
        message: &CompletionMessage,
        invocation: &Invocation,
    ) -> anyhow::Result<CompletionProgress> {
        loop {
            match self.handle_once(message, invocation).await {
                // The newer attempt may have ended too, and then no other message would conclude it.
                Err(error) if is_superseded(&error) => {
                    tracing::info!(%error, "attempt superseded, continuing with the newer one");
                }
                handled => return handled,
            }
        }
    }

    async fn handle_once(
        &self,
        message: &CompletionMessage,
        invocation: &Invocation,
    ) -> anyhow::Result<CompletionProgress> {
        let archive = &self.pipeline.archive;
        let plan = archive.existing_plan(&message.export_id).await?;
        let Some(attempt) = archive.newest_attempt(&message.export_id).await? else {
            anyhow::bail!("{} has no attempt", message.export_id);
        };
        let slice_statuses = slice_status::all(archive, &plan, &attempt).await?;
        let input = ConclusionInput {
            plan: &plan,
            attempt: &attempt,
            slice_statuses: &slice_statuses,
            invocation,
        };
        if let Some(outcome) =
            outcomes::of_attempt(archive, &plan.export_id, attempt.attempt).await?
        {
            if archive.is_open(&message.export_id).await? {
                conclusion::announce(&self.pipeline, input, &outcome).await?;
            }
            return Ok(CompletionProgress::Concluded(Box::new(outcome)));
        }
        let open = slice_statuses
            .iter()
            .filter(|slice_status| slice_status.end.is_none())
            .count();
        if open > 0 {
            scheduling::start_slices(&self.pipeline, &plan, &attempt, SliceSelection::Unstarted)
                .await?;
            return Ok(CompletionProgress::Waiting { open });
        }
        match conclusion::conclude(&self.pipeline, input).await? {
            Progress::Decided(outcome) => {
                conclusion::announce(&self.pipeline, input, &outcome).await?;
                Ok(CompletionProgress::Concluded(outcome))
            }
            Progress::Unfinished => {
                scheduling::send_recheck(&self.pipeline, &plan.export_id).await?;
                Ok(CompletionProgress::Continued)
            }
        }
    }
}

fn is_superseded(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(PipelineError::Superseded { .. }))
}
