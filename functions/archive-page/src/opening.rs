//! Opens a run: `run.json` is the commit point of the job submission.

use conversation_archive::base::format::FormatVersion;
use conversation_archive::export::checkpoint::Checkpoint;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::run::RunRecord;
use conversation_archive::source::{Opened, SourceError};
use conversation_archive::storage::store::Stored;

use crate::{ArchivePage, Task};

impl ArchivePage {
    /// The checkpoint to read from, after the run is open and, for the run's first page, the source is ready.
    pub(crate) async fn opened(
        &self,
        task: &Task<'_>,
    ) -> anyhow::Result<Result<Checkpoint, SourceError>> {
        if !task.message.is_first_of_run() {
            return Ok(Ok(task.message.checkpoint.clone()));
        }
        let record = match self.archive().run(&task.message.id.run).await? {
            Some(record) => record,
            None => match self.open(task).await? {
                Ok(record) => record,
                Err(setback) => return Ok(Err(setback)),
            },
        };
        let Checkpoint::Cursor { cursor, trail, .. } = &task.message.checkpoint else {
            return Ok(Ok(task.message.checkpoint.clone()));
        };
        let opened = Opened {
            job: record.job.clone(),
            watermark: record.watermark,
        };
        let ready = self
            .sources
            .of(task.plan.source)
            .ready(&opened, &task.reading)
            .await;
        Ok(ready.map(|()| Checkpoint::Cursor {
            job: record.job,
            cursor: cursor.clone(),
            trail: trail.clone(),
        }))
    }

    /// Opens the source (for example submits the job) and commits `run.json`. If another handler committed first,
    /// closes the own job and uses the stored one.
    async fn open(&self, task: &Task<'_>) -> anyhow::Result<Result<RunRecord, SourceError>> {
        let source = self.sources.of(task.plan.source);
        let opened = match task.message.checkpoint.job() {
            // A run that continues another one keeps using its job.
            Some(job) => Opened {
                job: Some(job.to_owned()),
                watermark: None,
            },
            None => match source.open(&task.reading).await {
                Ok(opened) => opened,
                Err(setback) => return Ok(Err(setback)),
            },
        };
        let record = RunRecord {
            format_version: FormatVersion,
            id: task.message.id.run.clone(),
            origin: task.message.origin,
            job: opened.job.clone(),
            query_id: task.reading.query.map(|query| query.query_id.clone()),
            watermark: opened.watermark,
            created_at: self.pipeline.clock.now(),
        };
        let (stored, creation) = self
            .archive()
            .create_or_read(ObjectKey::Run(&task.message.id.run), record)
            .await?;
        if let (Stored::AlreadyThere, Some(own)) = (creation, opened.job)
            && stored.job.as_ref() != Some(&own)
            && let Err(setback) = source.close(&own, task.invocation.deadline).await
        {
            tracing::warn!(run = %stored.id, %setback, "could not delete the duplicate job; it will expire on its own");
        }
        Ok(Ok(stored))
    }
}
