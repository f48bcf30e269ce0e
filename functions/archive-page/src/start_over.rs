//! Handles a lost job or query: a new run replaces the run and starts again; the pages of the old run are superseded.

use conversation_archive::archive::slice_status;
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::base::ids::RunId;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::message::PageMessage;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::request::SourceKind;
use conversation_archive::export::run::End;
use conversation_archive::pipeline::run_ends::{self, RunEndDraft};
use conversation_archive::pipeline::scheduling::{self, SliceSelection};
use conversation_archive::source::{QuerySpec, SourceError};

use crate::{ArchivePage, PageOutcome, Task};

impl ArchivePage {
    pub(crate) async fn start_over(
        &self,
        task: &Task<'_>,
        what: String,
    ) -> anyhow::Result<PageOutcome> {
        let run = &task.message.id.run;
        let started_with = task
            .attempt
            .run_of(run.slice)
            .map_or(run.run, |(first, _)| first.run);
        let lost = task.attempt.queries_lost + (run.run - started_with) + 1;
        if lost >= self.settings.max_runs_per_slice {
            let message = format!("{what}; the source was lost {lost} times in a row");
            return self
                .fail(task, Failure::new(FailureKind::SourceLost, message))
                .await;
        }
        tracing::warn!(%run, what, "run replaced because the source lost its job, query or cursor");
        match task.run.plan.source {
            SourceKind::AnalyticsJob
            | SourceKind::AnalyticsQuery
            | SourceKind::HistoryGateway
            | SourceKind::Transcripts => {
                let end = End::Replaced {
                    successor: run.run + 1,
                    reason: what,
                };
                self.end(task, RunEndDraft::before(task.message), end).await
            }
            SourceKind::ExportGateway => self.replace_query(task, what).await,
        }
    }

    /// All slices read from one query, so all of them start again under the next attempt, which holds the new query.
    async fn replace_query(&self, task: &Task<'_>, what: String) -> anyhow::Result<PageOutcome> {
        let newest = self
            .archive()
            .newest_attempt(&task.run.plan.export_id)
            .await?;
        if let Some(newest) = newest.filter(|newest| newest.attempt > task.attempt.attempt) {
            let run = &task.message.id.run;
            let of_newest = newest.run_of(run.slice);
            if of_newest.is_some_and(|(first, _)| first.run <= run.run) {
                return self.handle_under(task, &newest).await;
            }
            return self.replace_runs(task, &newest, &what).await;
        }
        let source = self.sources.of(task.run.plan.source);
        let spec = QuerySpec::of_plan(task.run.plan);
        let lost = |what| Failure::new(FailureKind::SourceLost, what);
        let query = match source.query(&spec, task.invocation.deadline).await {
            Ok(Some(query)) => query,
            Ok(None) => return self.fail(task, lost(what)).await,
            Err(SourceError::Expired(what)) => return self.fail(task, lost(what)).await,
            Err(SourceError::NotReady(wait)) => return self.wait(task, &wait).await,
            Err(SourceError::Fatal(failure)) => return self.fail(task, failure).await,
        };
        let progress =
            slice_status::all_progress(self.archive(), task.run.plan, task.attempt).await?;
        let next = task
            .attempt
            .with_new_query(&progress, query, self.pipeline.clock.now());
        let name = ObjectKey::Attempt(&task.run.plan.export_id, next.attempt);
        // The first writer wins: a handler that finds the attempt already created uses that attempt's query.
        let (next, _) = self.archive().create_or_read(name, next).await?;
        self.replace_runs(task, &next, &what).await
    }

    /// Handles a message that names an earlier attempt than its run belongs to: the sender had found the run as the
    /// replacement of an earlier one. The run reads the query of its own attempt.
    async fn handle_under(&self, task: &Task<'_>, newest: &Attempt) -> anyhow::Result<PageOutcome> {
        let message = PageMessage {
            attempt: newest.attempt,
            ..task.message.clone()
        };
        Box::pin(self.handle(&message, task.invocation)).await
    }

    async fn replace_runs(
        &self,
        task: &Task<'_>,
        next: &Attempt,
        what: &str,
    ) -> anyhow::Result<PageOutcome> {
        for slice_status in slice_status::all(self.archive(), task.run.plan, task.attempt).await? {
            let own = slice_status.run == task.message.id.run;
            // Runs of the new attempt are not ended here: another handler may have started them already.
            let earlier = |successor: &RunId| {
                slice_status.end.is_none() && !own && slice_status.run.run < successor.run
            };
            let successor = next
                .run_of(slice_status.slice.number)
                .map(|(successor, _)| successor);
            let Some(successor) = successor.filter(earlier) else {
                continue;
            };
            let end = End::Replaced {
                successor: successor.run,
                reason: what.to_owned(),
            };
            run_ends::end_slice(
                &self.pipeline,
                task.run.plan,
                &slice_status,
                end,
                task.invocation,
            )
            .await?;
        }
        // The own run ends last: until then, a redelivery of this message repeats these steps.
        scheduling::start_slices(
            &self.pipeline,
            task.run.plan,
            next,
            SliceSelection::Unstarted,
        )
        .await?;
        let run = &task.message.id.run;
        let successor = next
            .run_of(run.slice)
            .map_or(run.run + 1, |(successor, _)| successor.run);
        let end = End::Replaced {
            successor,
            reason: what.to_owned(),
        };
        let end = run_ends::end_run(
            &self.pipeline,
            task.run.plan,
            RunEndDraft::before(task.message),
            end,
            task.invocation,
        )
        .await?;
        Ok(PageOutcome::Ended(Box::new(end)))
    }
}
