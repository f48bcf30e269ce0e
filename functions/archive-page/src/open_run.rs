//! Opens a run: `run.json` is the commit point of the job submission.

use conversation_archive::base::format::FormatVersion;
use conversation_archive::export::checkpoint::Checkpoint;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::run::RunRecord;
use conversation_archive::source::RunState;
use conversation_archive::storage::store::Stored;

use crate::not_archived::NotArchived;
use crate::{ArchivePage, Task};

impl ArchivePage {
    /// The checkpoint to read from, after the run is open and, for the run's first page, the source is ready.
    pub(crate) async fn open_run(&self, task: &Task<'_>) -> Result<Checkpoint, NotArchived> {
        let checkpoint = task.message.checkpoint.clone();
        if !task.message.is_first_of_run() {
            return Ok(checkpoint);
        }
        let record = match self.archive().run(&task.message.id.run).await? {
            Some(record) => record,
            None => self.create_run(task).await?,
        };
        let Checkpoint::Cursor {
            cursor,
            trail,
            ids_before,
            ..
        } = checkpoint
        else {
            return Ok(checkpoint);
        };
        let opened = RunState {
            job: record.job,
            watermark: record.watermark,
        };
        let source = self.sources.of(task.run.plan.source);
        source.check_ready(&opened, &task.run).await?;
        Ok(Checkpoint::Cursor {
            job: opened.job,
            cursor,
            trail,
            ids_before,
        })
    }

    /// Opens the source (for example submits the job) and commits `run.json`. If another handler committed first,
    /// closes the own job and uses the stored one.
    async fn create_run(&self, task: &Task<'_>) -> Result<RunRecord, NotArchived> {
        let source = self.sources.of(task.run.plan.source);
        let opened = match task.message.checkpoint.job() {
            // A run that continues another one keeps using its job.
            Some(job) => RunState {
                job: Some(job.to_owned()),
                watermark: None,
            },
            None => source.open(&task.run).await?,
        };
        let record = RunRecord {
            format_version: FormatVersion,
            id: task.message.id.run.clone(),
            origin: task.message.origin,
            job: opened.job.clone(),
            query_id: task.run.query.map(|query| query.query_id.clone()),
            watermark: opened.watermark,
            created_at: self.pipeline.clock.now(),
        };
        let key = ObjectKey::Run(&task.message.id.run);
        let (stored, creation) = self.archive().create_or_read(key, record).await?;
        if let (Stored::AlreadyExists, Some(own)) = (creation, opened.job)
            && stored.job.as_ref() != Some(&own)
            && let Err(error) = source.close(&own, task.invocation.deadline).await
        {
            tracing::warn!(run = %stored.id, %error, "could not delete the duplicate job; it will expire on its own");
        }
        Ok(stored)
    }
}
