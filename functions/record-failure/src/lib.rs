//! record-failure: reads the dead-letter queues, stores each dead letter, and ends its run as failed.
//!
//! It never sends to the queue whose dead letters it reads. A dead webhook message does not change its export.

use conversation_archive::archive::{SliceStatus, open_marker, slice_status};
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::{ExportId, RunId};
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::audit::Audited;
use conversation_archive::export::message::{
    CompletionMessage, PageMessage, WaitingMessage, WebhookMessage,
};
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::page_record::{NextStep, PageRecord};
use conversation_archive::export::plan::{ExportIdentity, ExportPlan};
use conversation_archive::export::request::{ExportRequest, SourceKind};
use conversation_archive::export::run::End;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::run_ends::{self, RunEndDraft};
use conversation_archive::pipeline::{Pipeline, metrics, scheduling};
use conversation_archive::storage::queue::Queue;
use conversation_archive::storage::store::Stored;
use serde::{Deserialize, Serialize};

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct RecordFailure {
    pub pipeline: Pipeline,
}

/// A message or event that its function could not handle.
#[derive(Clone, Debug)]
pub struct DeadLetter<'a> {
    /// The queue whose consumer gave up; `None` for an asynchronous invocation of start-export.
    pub queue: Option<Queue>,
    pub body: &'a str,
}

/// The stored dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterRecord {
    pub format_version: FormatVersion,
    pub from: String,
    pub kept_at: jiff::Timestamp,
    pub body: String,
}

impl Audited for DeadLetterRecord {}

/// The result of handling a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedFailure {
    /// Stored, and its run ended as failed.
    RunFailed,
    /// Stored. No run depends on it, or sweep-exports handles the export.
    StoredOnly,
}

impl RecordFailure {
    #[tracing::instrument(skip_all, fields(queue = letter.queue.map_or("start-export", Queue::name)))]
    pub async fn handle(
        &self,
        letter: &DeadLetter<'_>,
        invocation: &Invocation,
    ) -> anyhow::Result<RecordedFailure> {
        let (export_id, page) = export_and_page(letter);
        self.store_letter(letter, export_id.as_ref()).await?;
        if letter.queue.is_none() {
            self.accept_start(letter.body).await?;
        }
        match page {
            Some(page) => self.fail_run(&page, letter, invocation).await,
            None => Ok(RecordedFailure::StoredOnly),
        }
    }

    async fn store_letter(
        &self,
        letter: &DeadLetter<'_>,
        export_id: Option<&ExportId>,
    ) -> anyhow::Result<()> {
        let digest = Sha256::of(letter.body);
        let name = export_id.map_or(ObjectKey::UnassignedDeadLetter(digest), |id| {
            ObjectKey::DeadLetter(id, digest)
        });
        let from = letter.queue.map_or("start-export", Queue::name).to_owned();
        tracing::error!(key = name.key(), from, "dead letter stored");
        let kept_at = self.pipeline.clock.now();
        let record = DeadLetterRecord {
            format_version: FormatVersion,
            from,
            kept_at,
            body: letter.body.to_owned(),
        };
        let (_, stored) = self.pipeline.archive.create_or_read(name, record).await?;
        if stored == Stored::Created {
            metrics::record(&[(metrics::GIVEN_UP, 1)]);
        }
        Ok(())
    }

    /// Stores the request of a failed start so that the sweep starts it again, provided that the request has a
    /// scheduled time: without one, a later start would export another interval.
    async fn accept_start(&self, payload: &str) -> anyhow::Result<()> {
        let Ok(request) = ExportRequest::parse(payload) else {
            return Ok(());
        };
        let scheduled = request.scheduled_time.as_deref();
        let Some(scheduled) = scheduled.and_then(|text| text.parse().ok()) else {
            return Ok(());
        };
        let Ok(identity) = ExportIdentity::of(&request, scheduled) else {
            return Ok(());
        };
        let archive = &self.pipeline.archive;
        if archive.plan(&identity.export_id).await?.is_none() {
            let now = self.pipeline.clock.now();
            open_marker::accept_request(archive, &identity.export_id, &request, now).await?;
        }
        Ok(())
    }

    async fn fail_run(
        &self,
        page: &PageMessage,
        letter: &DeadLetter<'_>,
        invocation: &Invocation,
    ) -> anyhow::Result<RecordedFailure> {
        let archive = &self.pipeline.archive;
        let id = &page.id.run.export_id;
        let (Some(plan), Some(attempt)) =
            (archive.plan(id).await?, archive.newest_attempt(id).await?)
        else {
            return Ok(RecordedFailure::StoredOnly);
        };
        self.end_slice(&plan, &attempt, page, letter, invocation)
            .await
    }

    async fn end_slice(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        page: &PageMessage,
        letter: &DeadLetter<'_>,
        invocation: &Invocation,
    ) -> anyhow::Result<RecordedFailure> {
        let archive = &self.pipeline.archive;
        let current = slice_status::of_slice(archive, plan, attempt, page.id.run.slice).await?;
        // The run was replaced in the meantime, so the letter no longer matters.
        let Some(slice_status) = current.filter(|slice_status| slice_status.run == page.id.run)
        else {
            return Ok(RecordedFailure::StoredOnly);
        };
        if slice_status.end.is_none() {
            let queue = letter.queue.map_or("start-export", Queue::name);
            let message = format!(
                "{} ended in the dead-letter queue of the {queue} queue",
                page.id
            );
            let failure = Failure::new(FailureKind::DeadLetter, message);
            let end = End::Failed { failure };
            match archive.record(&page.id).await? {
                Some(record) if self.has_continued(plan, &record).await? => {
                    return Ok(RecordedFailure::StoredOnly);
                }
                Some(_) => {
                    run_ends::end_slice(&self.pipeline, plan, &slice_status, end, invocation)
                        .await?;
                }
                None => {
                    self.end_run_before(plan, &slice_status, page, end, invocation)
                        .await?;
                }
            }
        }
        self.send_run_failed(&slice_status.run).await
    }

    /// Ends a run whose chain stopped before this page. Takes the page before it as the last one, without listing the
    /// run; lists the run only if that page is not in it.
    async fn end_run_before(
        &self,
        plan: &ExportPlan,
        slice_status: &SliceStatus,
        page: &PageMessage,
        end: End,
        invocation: &Invocation,
    ) -> anyhow::Result<()> {
        let previous = slice_status.run.page(page.id.page.saturating_sub(1));
        match self.pipeline.archive.record(&previous).await? {
            Some(record) => {
                let ending = RunEndDraft::after(&slice_status.run, &record);
                run_ends::end_run(&self.pipeline, plan, ending, end, invocation).await?;
            }
            None => {
                run_ends::end_slice(&self.pipeline, plan, slice_status, end, invocation).await?;
            }
        }
        Ok(())
    }

    /// Whether the chain has continued after this page with another message. For transcripts, events are published
    /// before that message is sent, and publishing may be the step that failed; so the next page must exist.
    async fn has_continued(&self, plan: &ExportPlan, record: &PageRecord) -> anyhow::Result<bool> {
        if record.content.next == NextStep::EndRun {
            return Ok(false);
        }
        if plan.source != SourceKind::Transcripts {
            return Ok(true);
        }
        let next = record.id.run.page(record.id.page + 1);
        Ok(self.pipeline.archive.record(&next).await?.is_some())
    }

    async fn send_run_failed(&self, run: &RunId) -> anyhow::Result<RecordedFailure> {
        scheduling::send_completion(&self.pipeline, &CompletionMessage::run_ended(run)).await?;
        Ok(RecordedFailure::RunFailed)
    }
}

/// The export and the page of a dead letter, as far as its body can be parsed.
fn export_and_page(letter: &DeadLetter<'_>) -> (Option<ExportId>, Option<PageMessage>) {
    let of_page = |page: PageMessage| (Some(page.id.run.export_id.clone()), Some(page));
    let unknown = (None, None);
    match letter.queue {
        Some(Queue::Pages) => serde_json::from_str(letter.body).map_or(unknown, of_page),
        Some(Queue::Waiting) => serde_json::from_str(letter.body)
            .map_or(unknown, |waiting: WaitingMessage| of_page(waiting.page)),
        Some(Queue::Completion) => serde_json::from_str(letter.body)
            .map_or(unknown, |completion: CompletionMessage| {
                (Some(completion.export_id), None)
            }),
        Some(Queue::Webhooks) => serde_json::from_str(letter.body)
            .map_or(unknown, |webhook: WebhookMessage| {
                (Some(webhook.export_id), None)
            }),
        // Its conversations belong to no export yet; the next scheduled one has them.
        Some(Queue::Ended) | None => unknown,
    }
}
