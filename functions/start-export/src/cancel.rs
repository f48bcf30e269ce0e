//! Cancel: `cancel.json` marks the export as cancelled; the handler of each page reads it, deletes the job and ends the
//! run as cancelled.

use conversation_archive::archive::{cancellation, outcomes, slice_status};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::request::InvalidRequest;
use conversation_archive::export::run::{End, RunEnd};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::scheduling::{self, SliceSelection};

use crate::{StartError, StartExport, Started, State, final_state};

impl StartExport {
    /// Takes no lock: a running engine reads the object at its next page.
    #[tracing::instrument(skip_all, fields(export.id = %id))]
    pub(crate) async fn cancel(
        &self,
        id: &ExportId,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        let Some(plan) = self.archive().plan(id).await? else {
            return Err(InvalidRequest::new(
                "exportId",
                id,
                "there is no export with this id in this archive",
            )
            .into());
        };
        let attempt = self.newest_attempt(&plan).await?;
        if let Some(outcome) =
            outcomes::of_attempt(self.archive(), &plan.export_id, attempt.attempt).await?
        {
            let state = final_state(outcome.status);
            return match state {
                Some(state) => Ok(self.started(&plan, outcome.attempt, state)),
                None => Err(InvalidRequest::new(
                    "exportId",
                    id,
                    "the export has already failed; there is nothing to cancel",
                )
                .into()),
            };
        }
        cancellation::request(self.archive(), id, self.pipeline.clock.now()).await?;
        self.delete_failed_jobs(&plan, &attempt, invocation).await?;
        // Messages may be lost or delayed for hours, so every open slice gets a message now.
        let open = scheduling::start_slices(&self.pipeline, &plan, &attempt, SliceSelection::Every)
            .await?;
        if open.is_empty() {
            scheduling::send_recheck(&self.pipeline, id).await?;
        }
        Ok(self.started(&plan, attempt.attempt, State::Cancelling))
    }
    /// Deletes the jobs of failed runs, which were kept for a resume: a cancelled export is not resumed.
    async fn delete_failed_jobs(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        invocation: &Invocation,
    ) -> Result<(), StartError> {
        for slice_status in slice_status::all(self.archive(), plan, attempt).await? {
            let Some(RunEnd {
                end: End::Failed { .. },
                job: Some(job),
                ..
            }) = &slice_status.end
            else {
                continue;
            };
            if let Err(error) = self
                .sources
                .of(plan.source)
                .close(job, invocation.deadline)
                .await
            {
                tracing::warn!(run = %slice_status.run, %error, "could not delete the job; it will expire on its own");
            }
        }
        Ok(())
    }
}
