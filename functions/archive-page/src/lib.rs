//! archive-page: turns one page message into one committed page and the message for the next page.
//!
//! Order of writes: page object and index, page record, events, next message; then the message is deleted. A handler
//! that finds a page record follows it and does not fetch the page again.

use std::sync::Arc;

use conversation_archive::archive::{Archive, cancellation};
use conversation_archive::base::failure::Failure;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::message::{Before, PageMessage};
use conversation_archive::export::page_record::{NextStep, PageRecord};
use conversation_archive::export::parking::{Parking, park};
use conversation_archive::export::run::{End, RunEnd};
use conversation_archive::export::waiting::{Wait, Waiting};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::run_ends::{self, RunEndDraft};
use conversation_archive::pipeline::{Pipeline, Redactors, metrics, scheduling};
use conversation_archive::source::{RunContext, SourceError, Sources};
use conversation_archive::storage::topic::Topic;

mod commit;
mod events;
mod inputs;
mod limits;
mod not_archived;
mod open_run;
mod start_over;

use not_archived::NotArchived;

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

/// A message with the immutable documents of its export.
struct Task<'a> {
    message: &'a PageMessage,
    attempt: &'a Attempt,
    run: RunContext<'a>,
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
        let plan = self.archive().existing_plan(export_id).await?;
        let attempt = self.archive().attempt(export_id, message.attempt).await?;
        let Some(slice) = attempt.slice(&plan, message.id.run.slice) else {
            anyhow::bail!("{} has no slice {}", export_id, message.id.run.slice);
        };
        let task = Task {
            message,
            attempt: &attempt,
            run: RunContext {
                plan: &plan,
                slice: &slice,
                number: message.id.run.run,
                query: attempt.query(&plan),
                deadline: invocation.deadline,
            },
            invocation,
        };
        self.advance(&task).await
    }

    async fn advance(&self, task: &Task<'_>) -> anyhow::Result<PageOutcome> {
        if let Some(end) = self.archive().end(&task.message.id.run).await? {
            return self.clean_up(task, end).await;
        }
        let record = self.archive().record(&task.message.id).await?;
        if cancellation::is_requested(self.archive(), &task.run.plan.export_id).await? {
            let draft = match &record {
                Some(record) => RunEndDraft::after(&task.message.id.run, record),
                None => RunEndDraft::before(task.message),
            };
            return self.end(task, draft, End::Cancelled).await;
        }
        if let Some(record) = record {
            return self.follow(task, record).await;
        }
        self.publish_events_of_previous_page(task).await?;
        match self.archive_page(task).await {
            Ok(record) => self.follow(task, record).await,
            Err(NotArchived::Source(error)) => self.handle_source_error(task, error).await,
            Err(NotArchived::Handler(error)) => Err(error),
        }
    }

    async fn archive_page(&self, task: &Task<'_>) -> Result<PageRecord, NotArchived> {
        self.check_limits(task).await?;
        let checkpoint = self.open_run(task).await?;
        let inputs = self.inputs(task, &checkpoint).await?;
        let source = self.sources.of(task.run.plan.source);
        let mut page = source.page(&checkpoint, &inputs.context(task)).await?;
        page.warnings.extend(inputs.warning);
        // The page record commits the object and the next checkpoint together; the first writer wins.
        self.commit(task, checkpoint, page).await
    }

    /// Continues after a committed page. Only the page record decides what comes next, whichever invocation wrote it.
    async fn follow(&self, task: &Task<'_>, record: PageRecord) -> anyhow::Result<PageOutcome> {
        self.publish_events(task, &record).await?;
        match &record.content.next {
            NextStep::Continue { checkpoint } => {
                let PageMessage {
                    attempt,
                    origin,
                    id,
                    ..
                } = task.message;
                let next = PageMessage::for_next_page(
                    &record,
                    &id.run,
                    *attempt,
                    *origin,
                    checkpoint.clone(),
                );
                scheduling::send_page(&self.pipeline, &next).await?;
                Ok(PageOutcome::Continued(Box::new(record)))
            }
            NextStep::EndRun => {
                let draft = RunEndDraft::after(&task.message.id.run, &record);
                self.end(task, draft, End::Complete).await
            }
        }
    }

    async fn handle_source_error(
        &self,
        task: &Task<'_>,
        error: SourceError,
    ) -> anyhow::Result<PageOutcome> {
        match error {
            SourceError::NotReady(wait) => self.wait(task, &wait).await,
            SourceError::Expired(reason) => self.start_over(task, reason).await,
            SourceError::Fatal(failure) => self.fail(task, failure).await,
        }
    }

    async fn wait(&self, task: &Task<'_>, wait: &Wait) -> anyhow::Result<PageOutcome> {
        let prior = self.archive().waiting(task.message).await?;
        let now = self.pipeline.clock.now();
        match park(
            prior.as_ref(),
            task.message,
            wait,
            &self.settings.wait_limits,
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
        draft: RunEndDraft<'_>,
        end: End,
    ) -> anyhow::Result<PageOutcome> {
        let end =
            run_ends::end_run(&self.pipeline, task.run.plan, draft, end, task.invocation).await?;
        self.clean_up(task, end).await
    }

    async fn clean_up(&self, task: &Task<'_>, end: RunEnd) -> anyhow::Result<PageOutcome> {
        run_ends::clean_up_run(
            &self.pipeline,
            task.run.plan,
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
