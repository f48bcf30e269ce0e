//! Automatic resumes of failed attempts: when one is due, each sweep sends a start message until the next attempt
//! exists. archive-page handles it, because a query may have to be submitted again.

use conversation_archive::archive::{ArchiveError, outcomes};
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::RESUMES_PREFIX;
use conversation_archive::export::scheduled_resume::ScheduledResume;
use conversation_archive::pipeline::{metrics, scheduling};

use crate::{RETRY_PERIOD, SweepExports, SweepOutcome};

impl SweepExports {
    /// Sends a start message for each failed export whose resume is due. An unreadable one does not stop the others.
    pub(crate) async fn resume_failed(&self) -> anyhow::Result<Vec<(ExportId, SweepOutcome)>> {
        let mut requested = Vec::new();
        let mut first_error = None;
        for object in self.archive().list_all(RESUMES_PREFIX).await? {
            match self.resume_if_due(&object.key).await {
                Ok(id) => requested.extend(id.map(|id| (id, SweepOutcome::ResumeRequested))),
                Err(error) => {
                    tracing::error!(
                        s3.key = object.key,
                        error = error_chain(error.as_ref()),
                        "could not resume export"
                    );
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(requested), Err)
    }

    /// Returns the export if its start message was sent.
    async fn resume_if_due(&self, key: &str) -> anyhow::Result<Option<ExportId>> {
        let Some(scheduled) = self.archive().read_key::<ScheduledResume>(key).await? else {
            return Ok(None);
        };
        let now = self.pipeline.clock.now();
        if now < scheduled.not_before {
            return Ok(None);
        }
        if now.duration_since(scheduled.not_before) >= RETRY_PERIOD {
            metrics::record(&[(metrics::GIVEN_UP, 1)]);
            tracing::error!(export.id = %scheduled.export_id, attempt = scheduled.attempt, "failed export could not be resumed for a week; resume it manually");
            self.archive().delete(scheduled.object_key()).await?;
            return Ok(None);
        }
        let is_wanted = match self.is_wanted(&scheduled).await {
            // A retry does not help; the operator finds the export failed.
            Err(error) if error.is_damage() => {
                tracing::error!(export.id = %scheduled.export_id, error = error_chain(&error), "damaged export not resumed");
                false
            }
            is_wanted => is_wanted?,
        };
        if is_wanted {
            scheduling::send_start(&self.pipeline, &scheduled.export_id).await?;
        } else {
            self.archive().delete(scheduled.object_key()).await?;
        }
        Ok(is_wanted.then_some(scheduled.export_id))
    }

    /// Whether the attempt is still the newest one, failed, and the export is not cancelled.
    async fn is_wanted(&self, scheduled: &ScheduledResume) -> Result<bool, ArchiveError> {
        let id = &scheduled.export_id;
        let newest = self.archive().newest_attempt(id).await?;
        if newest.is_none_or(|newest| newest.attempt != scheduled.attempt) {
            return Ok(false);
        }
        let outcome = outcomes::resumable(self.archive(), id, scheduled.attempt).await?;
        Ok(outcome.is_some())
    }
}
