//! complete-export: after each end of a run, starts the next slice or concludes the export.

use conversation_archive::conclusion::{Concluding, Progress};
use conversation_archive::dispatch::{Dispatch, DispatchError, Which};
use conversation_archive::invocation::Invocation;
use conversation_archive::message::CompletionMessage;
use conversation_archive::outcome::Outcome;

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct CompleteExport {
    pub dispatch: Dispatch,
}

/// The result of handling a completion message.
#[derive(Clone, Debug)]
pub enum Handled {
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
    ) -> anyhow::Result<Handled> {
        loop {
            match self.look(message, invocation).await {
                // The later attempt may have ended too, in which case no other message would conclude it.
                Err(error) if is_superseded(&error) => {
                    tracing::info!(%error, "attempt superseded, continuing with the newer one");
                }
                handled => return handled,
            }
        }
    }

    async fn look(
        &self,
        message: &CompletionMessage,
        invocation: &Invocation,
    ) -> anyhow::Result<Handled> {
        let archive = &self.dispatch.archive;
        let plan = archive.planned(&message.export_id).await?;
        let Some(attempt) = archive.newest_attempt(&message.export_id).await? else {
            anyhow::bail!("{} has no attempt", message.export_id);
        };
        let views = archive.survey(&plan, &attempt).await?;
        let concluding = Concluding {
            plan: &plan,
            attempt: &attempt,
            views: &views,
            invocation,
        };
        if let Some(outcome) = archive.decided(&plan.export_id, attempt.attempt).await? {
            if archive.is_open(&message.export_id).await? {
                self.dispatch.announce(concluding, &outcome).await?;
            }
            return Ok(Handled::Concluded(Box::new(outcome)));
        }
        let open = views.iter().filter(|view| view.end.is_none()).count();
        if open > 0 {
            self.dispatch
                .open_slices(&plan, &attempt, Which::Unstarted)
                .await?;
            return Ok(Handled::Waiting { open });
        }
        match self.dispatch.conclude(concluding).await? {
            Progress::Decided(outcome) => {
                self.dispatch.announce(concluding, &outcome).await?;
                Ok(Handled::Concluded(outcome))
            }
            Progress::Unfinished => {
                self.dispatch.nudge(&plan.export_id).await?;
                Ok(Handled::Continued)
            }
        }
    }
}

fn is_superseded(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(DispatchError::Superseded { .. }))
}
