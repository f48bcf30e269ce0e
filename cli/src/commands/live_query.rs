//! Pages straight from the API, for commands that store nothing.

use std::ops::ControlFlow;
use std::time::Duration;

use conversation_archive::base::deadline::Deadline;
use conversation_archive::export::checkpoint::Checkpoint;
use conversation_archive::export::plan::{Draft, ExportIdentity, ExportPlan, Residency};
use conversation_archive::export::request::{ExportRequest, scheduled_time};
use conversation_archive::export::waiting::{WaitReason, Waits};
use conversation_archive::genesys::StatsSnapshot;
use conversation_archive::net::clock::Clock;
use conversation_archive::pipeline::Redactors;
use conversation_archive::source::{
    NamesOrWarning, PageContext, QuerySpec, RunContext, SourceError, SourcePage, Sources,
};
use jiff::Timestamp;
use start_export::StartError;

use crate::problem::Problem;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::unredacted;

/// Pause before a retry if the source does not say how long to wait.
const PAUSE: Duration = Duration::from_secs(5);
const MAX_WAITS: u32 = 60;

/// A plan whose pages are read from the API and not archived.
pub(super) struct LiveQuery<'a> {
    sources: Sources,
    redactors: Redactors,
    pub(super) plan: ExportPlan,
    max_pages: u32,
    screen: &'a Screen,
}

impl<'a> LiveQuery<'a> {
    /// Does every check and request that comes before the first page, and records that texts will be read without
    /// redaction. `name` replaces the id of an invocation.
    pub(super) async fn new(
        request: ExportRequest,
        name: &str,
        settings: &Settings,
        screen: &'a Screen,
    ) -> Result<Self, Problem> {
        let now = Clock::System.now();
        let limits = &settings.engine.limits;
        let scheduled = scheduled_time(request.scheduled_time.as_deref(), now, false)?;
        let identity = ExportIdentity::of(&request, scheduled)?;
        let draft = Draft::check(request, identity, now, limits)?;
        let client = settings.genesys_client()?;
        let sources = Sources::new(client, Clock::System, settings.engine.sources);
        let source = sources.of(draft.source());
        source
            .query(&QuerySpec::of_draft(&draft), Deadline::NONE)
            .await
            .map_err(StartError::from)?;
        let redactors = settings.engine.redactors.clone();
        let draft = redactors
            .pin_key_version(draft)
            .await
            .map_err(StartError::from)?;
        let residency = Residency::decide(None, None, &[])?;
        let plan = draft.plan(None, residency, limits, now, name)?;
        if plan.applied_redaction().is_off() {
            unredacted::record(settings, &plan, name, now)?;
        }
        Ok(Self {
            sources,
            redactors,
            plan,
            max_pages: settings.engine.pages.max_pages_per_slice,
            screen,
        })
    }

    /// Statistics of the API client so far.
    pub(super) fn client_stats(&self) -> StatsSnapshot {
        self.sources.client.stats()
    }

    /// Reads slice by slice, page by page, until `take` returns `Break`.
    pub(super) async fn for_each_page(
        &self,
        mut handle_page: impl FnMut(&SourcePage) -> Result<ControlFlow<()>, Problem>,
    ) -> Result<ControlFlow<()>, Problem> {
        // A user at a terminal does not wait for a single unavailable conversation, or for names.
        let waits = Waits::from([(WaitReason::Unavailable, Timestamp::MIN)]);
        let names = self.sources.names(&self.plan, &waits, Deadline::NONE).await;
        let NamesOrWarning { names, warning } = names.map_err(StartError::from)?;
        if let Some(warning) = warning {
            self.screen.print_line(&warning);
        }
        let redactor = self.redactors.of(&self.plan).await;
        let redactor = redactor.map_err(StartError::from)?;
        for slice in &self.plan.slices {
            let mut next = Some(self.plan.first_checkpoint(slice.range, None));
            let mut pages = 0;
            while let Some(checkpoint) = next.take() {
                pages += 1;
                if pages > self.max_pages {
                    return Err(too_many_pages(self.max_pages));
                }
                let context = PageContext {
                    run: RunContext {
                        plan: &self.plan,
                        slice,
                        number: 1,
                        query: None,
                        deadline: Deadline::NONE,
                    },
                    known: None,
                    portion: None,
                    names: names.as_deref(),
                    redactor: redactor.as_deref(),
                    waits: &waits,
                };
                let page = self.read_page(&checkpoint, &context).await?;
                if handle_page(&page)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                next = page.next;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads a page, and retries for as long as a user at a terminal would wait.
    async fn read_page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, Problem> {
        let source = self.sources.of(self.plan.source);
        for _ in 0..MAX_WAITS {
            match source.page(checkpoint, context).await {
                Ok(page) => return Ok(page),
                Err(SourceError::NotReady(wait)) => {
                    self.screen.print_line(&format!("waiting: {}", wait.detail));
                    Clock::System.sleep(wait.hint.unwrap_or(PAUSE)).await;
                }
                Err(error) => return Err(StartError::from(error).into()),
            }
        }
        Err(Problem::failed("the API postponed the request too often").with_hint("try again later"))
    }
}

/// The error if each page leads to another one.
fn too_many_pages(max_pages: u32) -> Problem {
    Problem::failed(format!("the API has more than {max_pages} pages"))
        .with_hint("request a shorter interval")
}
