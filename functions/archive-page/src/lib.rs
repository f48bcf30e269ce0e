//! archive-page: turns one page message into one committed page and the message for the next page.
//!
//! Order of writes: page object and index, page record, events, next message; then the message is deleted. A handler
//! that finds a page record follows it and does not fetch the page again.

use std::sync::Arc;

use conversation_archive::archive::Archive;
use conversation_archive::archive::base_export;
use conversation_archive::archive::base_export::Conversations;
use conversation_archive::archive::cancellation;
use conversation_archive::archive::revisit;
use conversation_archive::archive::revisit::Earlier;
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::checkpoint::Checkpoint;
use conversation_archive::export::message::{Before, PageMessage};
use conversation_archive::export::page_record::{NextStep, PageRecord};
use conversation_archive::export::parking::{Parking, park};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::run::{End, RunEnd};
use conversation_archive::export::waiting::{Wait, WaitReason, Waiting, Waits};
use conversation_archive::pipeline::Pipeline;
use conversation_archive::pipeline::Redactors;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::metrics;
use conversation_archive::pipeline::run_ends;
use conversation_archive::pipeline::run_ends::RunEndDraft;
use conversation_archive::pipeline::scheduling;
use conversation_archive::source::{NamesOrWarning, PageContext, SourceError, Sources};
use conversation_archive::storage::topic::Topic;

mod bounds;
mod commit;
mod lost;
mod opening;
mod telling;

pub use conversation_archive::runtime::config::PageSettings;

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct ArchivePage {
    pub pipeline: Pipeline,
    pub sources: Sources,
    pub redactors: Redactors,
    /// Topic for the transcript events; `None` publishes none.
    pub topic: Option<Arc<dyn Topic>>,
    pub settings: PageSettings,
}

/// The result of handling a page message.
#[derive(Clone, Debug)]
pub enum PageOutcome {
    /// The page is committed, by this or an earlier invocation, and the next message is sent.
    Continued(Box<PageRecord>),
    Parked(Box<Waiting>),
    /// The run has ended, in this or an earlier invocation, and its job and next message are dealt with.
    Ended(Box<RunEnd>),
}

/// The waits of a page that has not been read yet.
static NO_WAITS: Waits = Waits::new();

/// A message with the immutable documents of its export.
struct Task<'a> {
    message: &'a PageMessage,
    plan: &'a ExportPlan,
    attempt: &'a Attempt,
    reading: PageContext<'a>,
    invocation: &'a Invocation,
}

impl ArchivePage {
    #[tracing::instrument(
        skip_all,
        fields(
            export.id = %message.id.run.export_id,
            slice = message.id.run.slice,
            run = message.id.run.run,
            page.number = message.id.page,
        )
    )]
    pub async fn handle(
        &self,
        message: &PageMessage,
        invocation: &Invocation,
    ) -> anyhow::Result<PageOutcome> {
        let export_id = &message.id.run.export_id;
        let plan = self.archive().planned(export_id).await?;
        let attempt = self.archive().attempt(export_id, message.attempt).await?;
        let Some(slice) = attempt.slice(&plan, message.id.run.slice) else {
            anyhow::bail!("{} has no slice {}", export_id, message.id.run.slice);
        };
        let query = attempt.query(&plan);
        let reading = PageContext {
            plan: &plan,
            slice: &slice,
            run: message.id.run.run,
            query,
            known: None,
            portion: None,
            waits: &NO_WAITS,
            names: None,
            redactor: None,
            deadline: invocation.deadline,
        };
        let task = Task {
            message,
            plan: &plan,
            attempt: &attempt,
            reading,
            invocation,
        };
        self.advance(&task).await
    }

    async fn advance(&self, task: &Task<'_>) -> anyhow::Result<PageOutcome> {
        if let Some(end) = self.archive().end(&task.message.id.run).await? {
            return self.settle(task, end).await;
        }
        let record = self.archive().record(&task.message.id).await?;
        if cancellation::is_requested(&self.archive(), &task.plan.export_id).await? {
            let ending = match &record {
                Some(record) => RunEndDraft::after(&task.message.id.run, record),
                None => RunEndDraft::before(task.message),
            };
            return self.end(task, ending, End::Cancelled).await;
        }
        if let Some(record) = record {
            return self.follow(task, record).await;
        }
        self.tell_before(task).await?;
        match self.archive_page(task).await? {
            Ok(record) => self.follow(task, record).await,
            Err(SourceError::NotReady(wait)) => self.wait(task, &wait).await,
            Err(SourceError::Expired(what)) => self.start_over(task, what).await,
            Err(SourceError::Fatal(failure)) => self.fail(task, failure).await,
        }
    }

    /// Archives the page: checks limits, opens the run, reads the source, commits.
    async fn archive_page(
        &self,
        task: &Task<'_>,
    ) -> anyhow::Result<Result<PageRecord, SourceError>> {
        if let Some(failure) = self.breach(task).await? {
            return Ok(Err(SourceError::Fatal(failure)));
        }
        let checkpoint = match self.opened(task).await? {
            Ok(checkpoint) => checkpoint,
            Err(setback) => return Ok(Err(setback)),
        };
        let known = match revisit::known_versions(&self.archive(), task.plan).await? {
            Earlier::Nothing => None,
            Earlier::Versions(known) => Some(known),
            Earlier::Open(id) => {
                return Ok(Err(not_ended(&id, "whose conversations are revisited")));
            }
        };
        let portion = match self.conversations(task, &checkpoint).await? {
            Conversations::ByRequest => None,
            Conversations::Of(portion) => Some(portion),
            Conversations::Open(id) => {
                return Ok(Err(not_ended(
                    &id,
                    "whose conversations' transcripts are requested",
                )));
            }
            Conversations::Incomplete(id) => return Ok(Err(never_listed(&id))),
        };
        let waits = self.archive().waits(task.message).await?;
        let names = self.sources.names(task.plan, &waits, task.reading.deadline);
        let NamesOrWarning { names, warning } = match names.await {
            Ok(names) => names,
            Err(setback) => return Ok(Err(setback)),
        };
        let redactor = match self.redactors.of(task.plan).await {
            Ok(redactor) => redactor,
            Err(setback) => return Ok(Err(setback)),
        };
        let reading = PageContext {
            known: known.as_deref(),
            portion: portion.as_ref(),
            waits: &waits,
            names: names.as_deref(),
            redactor: redactor.as_deref(),
            ..task.reading
        };
        let source = self.sources.of(task.plan.source);
        match source.page(&checkpoint, &reading).await {
            Ok(mut page) => {
                page.warnings.extend(warning);
                self.commit(task, checkpoint, page).await
            }
            Err(setback) => Ok(Err(setback)),
        }
    }

    async fn conversations(
        &self,
        task: &Task<'_>,
        checkpoint: &Checkpoint,
    ) -> anyhow::Result<Conversations> {
        match checkpoint {
            Checkpoint::Conversations {
                next: Some(place), ..
            } => Ok(base_export::conversations(&self.archive(), task.plan, *place).await?),
            // Postponed conversations are in the checkpoint itself; the other checkpoints have no conversations.
            _ => Ok(Conversations::ByRequest),
        }
    }

    /// Continues after a committed page. Only the page record decides what comes next, whichever invocation wrote it.
    async fn follow(&self, task: &Task<'_>, record: PageRecord) -> anyhow::Result<PageOutcome> {
        self.tell(task, &record).await?;
        match &record.content.next {
            NextStep::Continue { checkpoint } => {
                let PageMessage {
                    attempt,
                    origin,
                    id,
                    ..
                } = task.message;
                let next =
                    PageMessage::following(&record, &id.run, *attempt, *origin, checkpoint.clone());
                scheduling::send_page(&self.pipeline, &next).await?;
                Ok(PageOutcome::Continued(Box::new(record)))
            }
            NextStep::EndRun => {
                let ending = RunEndDraft::after(&task.message.id.run, &record);
                self.end(task, ending, End::Complete).await
            }
        }
    }

    async fn wait(&self, task: &Task<'_>, wait: &Wait) -> anyhow::Result<PageOutcome> {
        let prior = self.archive().waiting(task.message).await?;
        let now = self.pipeline.clock.now();
        match park(
            prior.as_ref(),
            task.message,
            wait,
            &self.settings.patience,
            now,
        ) {
            Parking::GiveUp(failure) => self.fail(task, failure).await,
            Parking::Park(waiting) => {
                let name =
                    conversation_archive::export::objects::ObjectKey::Waiting(&waiting.id.run);
                self.archive().replace(name, &waiting).await?;
                // The events of the page before are published by now and must not be published again on each return of
                // this page.
                let message = PageMessage {
                    before: Before::Settled,
                    ..task.message.clone()
                };
                scheduling::send_waiting(&self.pipeline, &waiting.message(message)).await?;
                metrics::record(&[(metrics::PAGES_PARKED, 1)]);
                tracing::info!(
                    reason = ?waiting.reason,
                    times_parked = waiting.times_parked,
                    not_before = %waiting.not_before,
                    "page parked"
                );
                Ok(PageOutcome::Parked(Box::new(waiting)))
            }
        }
    }

    async fn fail(&self, task: &Task<'_>, failure: Failure) -> anyhow::Result<PageOutcome> {
        self.end(
            task,
            RunEndDraft::before(task.message),
            End::Failed { failure },
        )
        .await
    }

    async fn end(
        &self,
        task: &Task<'_>,
        ending: RunEndDraft<'_>,
        end: End,
    ) -> anyhow::Result<PageOutcome> {
        let end =
            run_ends::end_run(&self.pipeline, task.plan, ending, end, task.invocation).await?;
        self.settle(task, end).await
    }

    async fn settle(&self, task: &Task<'_>, end: RunEnd) -> anyhow::Result<PageOutcome> {
        run_ends::clean_up_run(
            &self.pipeline,
            task.plan,
            &end,
            &self.sources,
            task.invocation,
        )
        .await?;
        Ok(PageOutcome::Ended(Box::new(end)))
    }

    fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }
}

/// The referenced export failed or was cancelled. After it is resumed and completed, this export can be resumed too.
fn never_listed(id: &ExportId) -> SourceError {
    let message =
        format!("the export {id}, whose conversations' transcripts are requested, is not complete");
    SourceError::Fatal(Failure::new(FailureKind::RecordsMissing, message))
}

/// The export that this one depends on has not ended yet.
fn not_ended(id: &ExportId, why: &str) -> SourceError {
    SourceError::NotReady(Wait {
        reason: WaitReason::Export,
        hint: None,
        detail: format!("the export {id}, {why}, has not ended"),
    })
}
