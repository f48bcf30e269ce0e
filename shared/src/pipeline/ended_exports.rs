//! Starts the exports of ended conversations, each end in exactly one of them.
//!
//! The steps: the batch is stored, each of its ends is claimed, the request for the claimed ones is accepted, and a start
//! message is sent. Each step may be repeated, interleaved with those of other handlers, or the last one of a handler
//! that is killed. Batches and claims never change, so whoever repeats the steps for an export composes the same
//! request.

use std::collections::{BTreeMap, BTreeSet};

use crate::archive::claims::{self, BatchClaims};
use crate::archive::open_marker;
use crate::base::failure::error_chain;
use crate::base::ids::ExportId;
use crate::export::ended::{EndedBatch, EndedConversation};
use crate::export::request::RequestedRedaction;
use crate::pipeline::{ErrorClass, Pipeline, PipelineError, scheduling};

/// Starts the exports of ended conversations.
#[derive(Clone, Debug)]
pub struct EndedExports {
    pub pipeline: Pipeline,
    /// Redaction of their requests; `None` for the default.
    pub redaction: Option<RequestedRedaction>,
}

/// The result for each of the given ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedOutcomes {
    /// An export of this call claimed it.
    pub claimed: BTreeSet<EndedConversation>,
    /// Another export claimed it.
    pub known: BTreeSet<EndedConversation>,
    /// Its claim, or a document of the export in the claim, cannot be read: no live export archives it.
    pub lost: BTreeSet<EndedConversation>,
    /// A step failed; a repetition continues.
    pub failed: BTreeMap<EndedConversation, ErrorClass>,
}

/// Whether an export that claimed an end needs further steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExportState {
    /// It has a plan, or an accepted request.
    Started,
    /// The handler that claimed the end has not accepted the request yet, or was killed before.
    Unfinished,
}

impl EndedExports {
    /// Makes sure that each of these ends is in an export that was started. A failure concerns only the ends of one
    /// export.
    pub async fn start(&self, ended: &BTreeSet<EndedConversation>) -> EndedOutcomes {
        let mut outcomes = EndedOutcomes::default();
        let mut unclaimed = BTreeSet::new();
        let mut by_export = BTreeMap::<ExportId, BTreeSet<EndedConversation>>::new();
        for (ended, claim) in claims::read_all(&self.pipeline.archive, ended).await {
            match claim {
                Ok(None) => unclaimed.extend([ended]),
                Ok(Some(id)) => by_export.entry(id).or_default().extend([ended]),
                Err(error) => outcomes.add_error([ended], &error.into()),
            }
        }
        for (id, ended) in by_export {
            match self.finish(&id, &ended).await {
                Ok(()) => outcomes.known.extend(ended),
                Err(error) => outcomes.add_error(ended, &error),
            }
        }
        for batch in EndedBatch::split(&unclaimed, self.pipeline.clock.now()) {
            let ended: BTreeSet<_> = batch.conversations.iter().cloned().collect();
            match self.start_batch(batch).await {
                Ok(BatchClaims { own, damaged }) => {
                    outcomes.known.extend(&(&ended - &own) - &damaged);
                    outcomes.claimed.extend(own);
                    outcomes.lost.extend(damaged);
                }
                Err(error) => outcomes.add_error(ended, &error),
            }
        }
        outcomes
    }

    /// Repeats the steps of the export that has claimed these ends, if it is unfinished.
    async fn finish(
        &self,
        id: &ExportId,
        ended: &BTreeSet<EndedConversation>,
    ) -> Result<(), PipelineError> {
        if self.state(id).await? == ExportState::Unfinished {
            let batch = claims::batch_with(&self.pipeline.archive, id, ended).await?;
            tracing::warn!(export.id = %id, "unfinished export of ended conversations found");
            self.claim_and_start(&batch).await?;
        }
        Ok(())
    }

    /// The state of the export. If its request is accepted and not planned yet, sends another start message: the handler
    /// that accepted it may have been killed before it sent one.
    async fn state(&self, id: &ExportId) -> Result<ExportState, PipelineError> {
        let archive = &self.pipeline.archive;
        if archive.plan(id).await?.is_some() {
            return Ok(ExportState::Started);
        }
        match open_marker::accepted_request(archive, id).await {
            Ok(Some(_)) => {
                scheduling::send_start(&self.pipeline, id).await?;
                Ok(ExportState::Started)
            }
            Ok(None) => Ok(ExportState::Unfinished),
            // A new request overwrites it.
            Err(error) if error.is_damage() || error.is_untrusted() => Ok(ExportState::Unfinished),
            Err(error) => Err(error.into()),
        }
    }

    async fn start_batch(&self, batch: EndedBatch) -> Result<BatchClaims, PipelineError> {
        let stored = claims::create_batch(&self.pipeline.archive, batch.clone()).await;
        let batch = match stored {
            Ok(stored) => stored,
            // The id proves the ends. Only the time of the stored batch is lost.
            Err(error) if error.is_damage() || error.is_untrusted() => {
                tracing::error!(export.id = %batch.export_id, error = error_chain(&error), "unusable batch ignored");
                batch
            }
            Err(error) => return Err(error.into()),
        };
        self.claim_and_start(&batch).await
    }

    /// Claims the ends of the batch, and starts the export of those that it has.
    async fn claim_and_start(&self, batch: &EndedBatch) -> Result<BatchClaims, PipelineError> {
        let (archive, id) = (&self.pipeline.archive, &batch.export_id);
        let now = self.pipeline.clock.now();
        let claimed = claims::claim_all(archive, batch, now).await?;
        let request = batch.request(&claimed.own, self.redaction.clone());
        // Another handler may have started the export meanwhile: a marker would open it again.
        if let Some(request) = request
            && archive.plan(id).await?.is_none()
        {
            open_marker::accept_request(archive, id, &request, now).await?;
            scheduling::send_start(&self.pipeline, id).await?;
            tracing::info!(export.id = %id, conversations = claimed.own.len(), "export of ended conversations accepted");
        }
        Ok(claimed)
    }
}

impl EndedOutcomes {
    fn add_error(
        &mut self,
        ended: impl IntoIterator<Item = EndedConversation>,
        error: &PipelineError,
    ) {
        let ended: BTreeSet<_> = ended.into_iter().collect();
        let is_lost = match error {
            PipelineError::Archive(error) => error.is_damage() || error.is_untrusted(),
            _ => false,
        };
        let (conversations, text) = (ended.len(), error_chain(error));
        if is_lost {
            tracing::error!(
                conversations,
                error = text,
                "ended conversations cannot be exported"
            );
            self.lost.extend(ended);
        } else {
            tracing::warn!(
                conversations,
                error = text,
                "ended conversations not exported yet"
            );
            let class = ErrorClass::of_pipeline(error);
            self.failed.extend(ended.into_iter().map(|it| (it, class)));
        }
    }
}

#[cfg(test)]
mod tests;
