//! Sources: where pages come from. Each gives pages and, with each, the next checkpoint.
//!
//! A source knows its part of the API and nothing of stores, queues or messages.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::checkpoint::{Checkpoint, DeadEnd};
use crate::clock::Deadline;
use crate::effort::Effort;
use crate::failure::{Failure, FailureKind, in_one_line};
use crate::genesys::{ApiError, GenesysClient};
use crate::page::{KnownVersions, Names, PageBody, PageRules};
use crate::plan::{Draft, ExportPlan, GatewayQuery, Slice};
use crate::portion::Portion;
use crate::redaction::Redactor;
use crate::request::SourceKind;
use crate::waiting::{Wait, WaitReason, Waits};
use cache::ResponseCache;
use names::NameDirectory;

pub use names::NamesOrWarning;

mod analytics_job;
mod analytics_query;
mod answer;
mod cache;
mod conversation_query;
mod export_gateway;
mod history_gateway;
mod names;
mod transcripts;

pub use analytics_job::AnalyticsJob;
pub use analytics_query::AnalyticsQuery;
pub use export_gateway::ExportGateway;
pub use history_gateway::{HistoryForm, HistoryGateway, UnknownForm};
pub use transcripts::Transcripts;

/// One kind of source. What is not said otherwise is that of a source that holds nothing at the other side: no query, no
/// job, nothing to wait for or to give back.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Asks the source for a query over the whole export, where offsets mean something only within one. Where they do not,
    /// it may find out whether it may ask at all.
    async fn query(&self, _: &Asked<'_>, _: Deadline) -> Result<Option<GatewayQuery>, Setback> {
        Ok(None)
    }

    /// Begins a run: what comes back is committed by `run.json`.
    async fn open(&self, _: &Reading<'_>) -> Result<Opened, Setback> {
        Ok(Opened::default())
    }

    /// Whether the first page can be read now.
    async fn ready(&self, _: &Opened, _: &Reading<'_>) -> Result<(), Setback> {
        Ok(())
    }

    /// Reads the page at `checkpoint` and brings it into its stored form.
    async fn page(
        &self,
        checkpoint: &Checkpoint,
        reading: &Reading<'_>,
    ) -> Result<SourcePage, Setback>;

    /// Gives back what `open` took. That it is gone already is as good.
    async fn close(&self, _: &str, _: Deadline) -> Result<(), Setback> {
        Ok(())
    }
}

/// What an export asks for as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub interval: crate::time::Interval,
    pub filters: &'a crate::request::Filters,
    pub page_size: u32,
    pub include_media: bool,
}

/// What a page is read for.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub plan: &'a ExportPlan,
    pub slice: &'a Slice,
    /// The number of the run, from 1.
    pub run: u32,
    pub query: Option<&'a GatewayQuery>,
    /// For a revisit: what is archived already.
    pub known: Option<&'a KnownVersions>,
    /// For transcripts of an earlier export's conversations: those of this page.
    pub portion: Option<&'a Portion>,
    /// For normalized records, if they are asked for.
    pub names: Option<&'a Names>,
    /// What takes personal data out of the records, if the plan wants that.
    pub redactor: Option<&'a Redactor>,
    /// Since when this page has waited, for each reason.
    pub waits: &'a Waits,
    pub deadline: Deadline,
}

/// What a run holds at the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    pub job: Option<String>,
    pub watermark: Option<Timestamp>,
}

/// A page as the source gave it, transformed, and what follows it.
#[derive(Debug)]
pub struct SourcePage {
    pub body: PageBody,
    /// `None` behind the last page.
    pub next: Option<Checkpoint>,
    pub requested: u64,
    pub watermark: Option<Timestamp>,
    pub correlation_id: Option<String>,
    pub effort: Effort,
    pub warnings: Vec<String>,
}

/// Why a source did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setback {
    /// Not now.
    Wait(Wait),
    /// The job or query is gone: begin anew.
    Lost(String),
    /// Not without a person.
    Failed(Failure),
}

/// What is not known of the sources for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// So long after a conversation began the details query finds it.
    pub query_lag: Duration,
    pub history_form: HistoryForm,
    /// How long an answer that cannot change any more is known, in memory.
    pub cache_time_to_live: Duration,
}

/// The sources by their kind.
#[derive(Clone, Debug)]
pub struct Sources {
    pub client: GenesysClient,
    analytics_job: AnalyticsJob,
    analytics_query: AnalyticsQuery,
    export_gateway: ExportGateway,
    history_gateway: HistoryGateway,
    transcripts: Transcripts,
    names: NameDirectory,
}

impl Sources {
    pub fn new(
        client: GenesysClient,
        clock: crate::clock::Clock,
        settings: SourceSettings,
    ) -> Self {
        let cache = ResponseCache::new(settings.cache_time_to_live, clock.clone());
        Self {
            analytics_job: AnalyticsJob::new(client.clone(), clock.clone()),
            analytics_query: AnalyticsQuery::new(
                client.clone(),
                clock.clone(),
                settings,
                cache.clone(),
            ),
            export_gateway: ExportGateway::new(client.clone(), clock.clone()),
            history_gateway: HistoryGateway::new(client.clone(), clock.clone(), settings, cache),
            transcripts: Transcripts::new(client.clone(), clock.clone()),
            names: NameDirectory::new(client.clone(), clock),
            client,
        }
    }

    /// The names that the plan wants looked up. They are an addition: where they cannot be had, records are archived with
    /// ids alone, and `warning` says so.
    pub async fn names(
        &self,
        plan: &ExportPlan,
        waits: &Waits,
        deadline: Deadline,
    ) -> Result<NamesOrWarning, Setback> {
        if plan.lookup_names {
            self.names.names_or_warning(waits, deadline).await
        } else {
            Ok(NamesOrWarning::default())
        }
    }

    /// Whether the client may look up the names that the plan wants. Only a permission that is missing is an error.
    pub async fn check_names(&self, plan: &ExportPlan, deadline: Deadline) -> Result<(), Setback> {
        if plan.lookup_names {
            self.names.check(deadline).await
        } else {
            Ok(())
        }
    }

    pub fn of(&self, kind: SourceKind) -> &dyn Source {
        match kind {
            SourceKind::AnalyticsJob => &self.analytics_job,
            SourceKind::AnalyticsQuery => &self.analytics_query,
            SourceKind::ExportGateway => &self.export_gateway,
            SourceKind::HistoryGateway => &self.history_gateway,
            SourceKind::Transcripts => &self.transcripts,
        }
    }
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            // The vendor advises to end an interval at least a minute before the present; how late conversations can be
            // is not documented.
            query_lag: Duration::from_mins(2),
            history_form: HistoryForm::default(),
            cache_time_to_live: Duration::from_mins(5),
        }
    }
}

impl<'a> Asked<'a> {
    pub fn by_draft(draft: &'a Draft) -> Self {
        Self {
            interval: draft.interval,
            filters: draft.filters(),
            page_size: draft.page_size,
            include_media: draft.include_media(),
        }
    }

    pub fn by_plan(plan: &'a ExportPlan) -> Self {
        Self {
            interval: plan.interval,
            filters: &plan.filters,
            page_size: plan.page_size,
            include_media: plan.include_media,
        }
    }
}

impl<'a> Reading<'a> {
    /// How long this page has waited for that reason.
    fn waited(&self, reason: WaitReason, now: Timestamp) -> Option<Duration> {
        let waited = now.duration_since(*self.waits.get(&reason)?);
        Some(Duration::try_from(waited).unwrap_or_default())
    }

    fn is_first_run(&self) -> bool {
        self.run == 1
    }

    fn rules(&self) -> PageRules<'a> {
        PageRules {
            known: self.known,
            names: self.names,
            redactor: self.redactor,
            ..self.plan.page_rules(self.slice)
        }
    }
}

impl From<ApiError> for Setback {
    fn from(error: ApiError) -> Self {
        let hint = error.wait();
        let wait = |reason| {
            Self::Wait(Wait {
                reason,
                hint,
                detail: in_one_line(&error),
            })
        };
        let failed = |kind| {
            let context_id = error.context_id().map(ToOwned::to_owned);
            let mut text = in_one_line(&error);
            if error.lacks_permission() {
                text.extend(["; ", GRANT]);
            }
            Self::Failed(Failure::new(kind, text).with_context_id(context_id))
        };
        match &error {
            ApiError::Throttled { .. } => wait(WaitReason::Throttled),
            ApiError::Unavailable { .. } => wait(WaitReason::Unavailable),
            ApiError::Login { .. } => failed(FailureKind::LoginRefused),
            ApiError::TooLarge { .. } => failed(FailureKind::PageTooLarge),
            ApiError::Refused { .. } => failed(FailureKind::Refused),
            ApiError::Broken { .. } => failed(FailureKind::SourceBroken),
        }
    }
}

/// What to do about a permission that is missing: the API names it, and not where to grant it.
const GRANT: &str = "in Genesys Cloud, add the permission to a role (Admin > Roles) and give the OAuth client that role in all \
                     divisions (Admin > OAuth)";

/// A job or query that the API does not know any more is lost, not refused.
fn lost_when_unknown(error: ApiError) -> Setback {
    match &error {
        ApiError::Refused {
            status: 404 | 410, ..
        } => Setback::Lost(error.to_string()),
        _ => error.into(),
    }
}

/// The same of the page at a cursor, which is refused when it has expired.
fn lost_at_cursor(error: ApiError, cursor: Option<&str>) -> Setback {
    match (&error, cursor) {
        (ApiError::Refused { status: 400, .. }, Some(_)) => Setback::Lost(error.to_string()),
        _ => lost_when_unknown(error),
    }
}

fn broken(what: impl Into<String>) -> Setback {
    Setback::Failed(Failure::new(FailureKind::SourceBroken, what))
}

impl From<DeadEnd> for Setback {
    fn from(dead_end: DeadEnd) -> Self {
        broken(dead_end.to_string())
    }
}

impl std::fmt::Display for Setback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wait(wait) => f.write_str(&wait.detail),
            Self::Lost(what) => f.write_str(what),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for Setback {}
