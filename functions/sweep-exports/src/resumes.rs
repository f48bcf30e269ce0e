//! Failed attempts that are resumed without a person, when their time has come.

use conversation_archive::dispatch::DispatchError;
use conversation_archive::failure::in_one_line;
use conversation_archive::ids::ExportId;
use conversation_archive::objects::{Name, RESUMES_PREFIX};
use conversation_archive::outcome::ExportStatus;
use conversation_archive::plan::ExportPlan;
use conversation_archive::scheduled_resume::ScheduledResume;

use crate::{Attempt, SweepExports, Swept};

impl SweepExports {
    /// Resumes each failed export whose time has come. One that cannot be resumed does not keep the others from it.
    pub(crate) async fn resume_failed(&self) -> anyhow::Result<Vec<(ExportId, Swept)>> {
        let mut resumed = Vec::new();
        let mut first_error = None;
        for object in self.archive().list_all(RESUMES_PREFIX).await? {
            match self.resume_if_due(&object.key).await {
                Ok(id) => resumed.extend(id.map(|id| (id, Swept::Resumed))),
                Err(error) => {
                    tracing::error!(
                        s3.key = object.key,
                        error = in_one_line(error.as_ref()),
                        "export not resumed"
                    );
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(resumed), Err)
    }

    /// The export that was resumed.
    async fn resume_if_due(&self, key: &str) -> anyhow::Result<Option<ExportId>> {
        let Some(scheduled) = self.archive().read_key::<ScheduledResume>(key).await? else {
            return Ok(None);
        };
        if self.dispatch.clock.now() < scheduled.not_before {
            return Ok(None);
        }
        let resumed = match self.resume(&scheduled).await {
            // No repetition changes that; a person finds the export failed.
            Err(DispatchError::Archive(error)) if error.is_damage() => {
                tracing::error!(export.id = %scheduled.export_id, error = in_one_line(&error), "a damaged export is not resumed");
                false
            }
            resumed => resumed?,
        };
        self.archive().delete(scheduled.name()).await?;
        Ok(resumed.then_some(scheduled.export_id))
    }

    /// Whether the attempt is still the newest one and failed, and is followed by another one now.
    async fn resume(&self, scheduled: &ScheduledResume) -> Result<bool, DispatchError> {
        let id = &scheduled.export_id;
        let newest = self.archive().newest_attempt(id).await?;
        let Some(failed) = newest.filter(|newest| newest.attempt == scheduled.attempt) else {
            return Ok(false);
        };
        let outcome = self.archive().decided(id, failed.attempt).await?;
        if outcome.is_none_or(|outcome| outcome.status != ExportStatus::Failed) {
            return Ok(false);
        }
        let plan = self.archive().planned(id).await?;
        self.begin_next(&plan, &failed).await?;
        Ok(true)
    }

    /// The next attempt: `attempt-{n}` is its commit point. The marker stands before and after it, so that an attempt without
    /// messages is found.
    async fn begin_next(&self, plan: &ExportPlan, failed: &Attempt) -> Result<(), DispatchError> {
        let now = self.dispatch.clock.now();
        let id = &plan.export_id;
        // Read first: what is damaged stays as it is.
        let standings = self.archive().standings(plan, failed).await?;
        self.archive().mark_open(id, now).await?;
        let next = failed.resumed_automatically(&standings, now);
        let name = Name::Attempt(id, next.attempt);
        let (next, _) = self.archive().create_or_read(name, next).await?;
        self.archive().mark_open(id, now).await?;
        self.dispatch.revive(plan, &next).await?;
        tracing::info!(
            export.id = %id,
            attempt = next.attempt,
            automatic_resumes = next.automatic_resumes,
            "export resumed automatically"
        );
        Ok(())
    }
}
