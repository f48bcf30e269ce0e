//! Sources of pages. Each source returns a page together with the next checkpoint.
//!
//! A source knows its part of the API and nothing of stores, queues or messages.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::base::deadline::Deadline;
use crate::base::failure::{Failure, FailureKind, error_chain};
use crate::base::time::{Interval, elapsed};
use crate::export::checkpoint::{Checkpoint, EndlessChain};
use crate::export::effort::Effort;
use crate::export::plan::{Draft, ExportPlan, GatewayQuery, Slice};
use crate::export::portion::Portion;
use crate::export::request::{Filters, HistoryForm, InvalidRequest};
use crate::export::waiting::{Wait, WaitReason, Waits};
use crate::genesys::{ApiError, InvalidSegment};
use crate::records::page::{KnownVersions, Names, PageBody, PageRules};
use crate::records::redaction::Redactor;

/// One kind of source. The default methods suit sources without server-side state: no query, no job, nothing to wait
/// for or to release.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Creates a query over the whole export, for sources whose offsets are only valid within one query. Other sources
    /// may use this call to check, before the plan is stored, that the client may read and that the request is accepted.
    async fn query(
        &self,
        _: &QuerySpec<'_>,
        _: Deadline,
    ) -> Result<Option<GatewayQuery>, SourceError> {
        Ok(None)
    }

    /// Starts a run. The result is committed in `run.json`.
    async fn open(&self, _: &RunContext<'_>) -> Result<RunState, SourceError> {
        Ok(RunState::default())
    }

    /// Whether the first page can be read now.
    async fn check_ready(&self, _: &RunState, _: &RunContext<'_>) -> Result<(), SourceError> {
        Ok(())
    }

    /// Reads the page at `checkpoint` and converts it to its stored form.
    async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, SourceError>;

    /// Releases what `open` created. Success if it no longer exists.
    async fn close(&self, _: &str, _: Deadline) -> Result<(), SourceError> {
        Ok(())
    }
}

/// The request of a whole export, as passed to [`Source::query`].
#[derive(Clone, Copy, Debug)]
pub struct QuerySpec<'a> {
    pub interval: Interval,
    pub filters: &'a Filters,
    pub page_size: u32,
    pub include_media: bool,
    /// For a history gateway: the form of its requests, and whether they are limited to the interval.
    pub history_form: Option<HistoryForm>,
    pub requested_interval: Option<Interval>,
}

/// The run that a source reads for.
#[derive(Clone, Copy, Debug)]
pub struct RunContext<'a> {
    pub plan: &'a ExportPlan,
    pub slice: &'a Slice,
    /// The number of the run, from 1.
    pub number: u32,
    pub query: Option<&'a GatewayQuery>,
    pub deadline: Deadline,
}

/// A page's run, and what else the page depends on.
#[derive(Clone, Copy, Debug)]
pub struct PageContext<'a> {
    pub run: RunContext<'a>,
    /// For a revisit: the versions that are already archived.
    pub known: Option<&'a KnownVersions>,
    /// For transcripts of an earlier export's conversations: the conversations of this page.
    pub portion: Option<&'a Portion>,
    /// For normalized records, if name lookup was requested.
    pub names: Option<&'a Names>,
    /// Removes personal data from the records, if the plan requires it.
    pub redactor: Option<&'a Redactor>,
    /// The time since which this page has been waiting, by reason.
    pub waits: &'a Waits,
}

/// The server-side state of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunState {
    pub job: Option<String>,
    pub watermark: Option<Timestamp>,
}

/// A transformed page and the checkpoint that follows it.
#[derive(Debug)]
pub struct SourcePage {
    pub body: PageBody,
    /// `None` after the last page.
    pub next: Option<Checkpoint>,
    pub requested: u64,
    pub watermark: Option<Timestamp>,
    pub correlation_id: Option<String>,
    pub effort: Effort,
    pub warnings: Vec<String>,
}

/// Why a source could not do what the caller requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// Retry later.
    NotReady(Wait),
    /// The job or query no longer exists: start a new run.
    Expired(String),
    /// Permanent: needs an operator.
    Fatal(Failure),
}

/// Settings for facts about the sources that are not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// Delay from a conversation's start until the details query finds it.
    pub query_lag: Duration,
    /// The form of a history gateway, for plans that do not state it.
    pub history_form: HistoryForm,
    /// How long a response that can no longer change is cached, in memory.
    pub cache_time_to_live: Duration,
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            // Genesys recommends ending an interval at least one minute before the present (in the article that
            // analytics_query.rs cites). How late conversations can appear is not documented.
            query_lag: Duration::from_mins(2),
            history_form: HistoryForm::default(),
            cache_time_to_live: Duration::from_mins(5),
        }
    }
}

impl<'a> QuerySpec<'a> {
    pub fn of_draft(draft: &'a Draft) -> Self {
        Self {
            interval: draft.interval,
            filters: draft.filters(),
            page_size: draft.page_size,
            include_media: draft.include_media(),
            history_form: draft.history_form(),
            requested_interval: draft.requested_interval(),
        }
    }

    pub fn of_plan(plan: &'a ExportPlan) -> Self {
        Self {
            interval: plan.interval,
            filters: &plan.filters,
            page_size: plan.page_size,
            include_media: plan.include_media,
            history_form: plan.history_form,
            requested_interval: plan.requested_interval(),
        }
    }
}

impl<'a> PageContext<'a> {
    /// How long this page has been waiting for `reason`.
    pub(super) fn waiting_time(&self, reason: WaitReason, now: Timestamp) -> Option<Duration> {
        let since = *self.waits.get(&reason)?;
        Some(elapsed(since, now))
    }

    pub(super) fn is_first_run(&self) -> bool {
        self.run.number == 1
    }

    pub(super) fn rules(&self) -> PageRules<'a> {
        PageRules {
            known: self.known,
            names: self.names,
            redactor: self.redactor,
            ..self.run.plan.page_rules(self.run.slice)
        }
    }
}

impl From<ApiError> for SourceError {
    fn from(error: ApiError) -> Self {
        let hint = error.wait();
        let wait = |reason| {
            Self::NotReady(Wait {
                reason,
                hint,
                detail: error_chain(&error),
            })
        };
        let failed = |kind| {
            let context_id = error.context_id().map(ToOwned::to_owned);
            let mut text = error_chain(&error);
            if error.lacks_permission() {
                text.extend(["; ", GRANT]);
            }
            Self::Fatal(Failure::new(kind, text).with_context_id(context_id))
        };
        match &error {
            ApiError::Throttled { .. } => wait(WaitReason::Throttled),
            ApiError::Unavailable { .. } => wait(WaitReason::Unavailable),
            ApiError::Login { .. } => failed(FailureKind::LoginRefused),
            ApiError::TooLarge { .. } => failed(FailureKind::PageTooLarge),
            ApiError::Refused { .. } | ApiError::ForbiddenAddress { .. } => {
                failed(FailureKind::Refused)
            }
            ApiError::Broken { .. } => failed(FailureKind::SourceBroken),
        }
    }
}

/// How to fix a missing permission: the API names the permission, but not where to grant it.
const GRANT: &str = "in Genesys Cloud, add the permission to a role (Admin > Roles) and give the OAuth client that role in all \
                     divisions (Admin > OAuth)";

/// Maps a job or query that the API no longer knows to [`SourceError::Expired`], not to a failure.
pub(super) fn expired_if_unknown(error: ApiError) -> SourceError {
    match &error {
        ApiError::Refused {
            status: 404 | 410, ..
        } => SourceError::Expired(error.to_string()),
        _ => error.into(),
    }
}

/// Like [`expired_if_unknown`], for the page at a cursor: the API refuses an expired cursor with 400.
pub(super) fn expired_at_cursor(error: ApiError, cursor: Option<&str>) -> SourceError {
    match (&error, cursor) {
        (ApiError::Refused { status: 400, .. }, Some(_)) => SourceError::Expired(error.to_string()),
        _ => expired_if_unknown(error),
    }
}

pub(super) fn source_broken(what: impl Into<String>) -> SourceError {
    SourceError::Fatal(Failure::new(FailureKind::SourceBroken, what))
}

impl From<InvalidSegment> for SourceError {
    fn from(error: InvalidSegment) -> Self {
        source_broken(error.to_string())
    }
}

/// Plans of earlier versions may hold a query that a history gateway cannot answer.
impl From<InvalidRequest> for SourceError {
    fn from(refusal: InvalidRequest) -> Self {
        Self::Fatal(Failure::new(FailureKind::Refused, refusal.to_string()))
    }
}

impl From<EndlessChain> for SourceError {
    fn from(error: EndlessChain) -> Self {
        source_broken(error.to_string())
    }
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotReady(wait) => f.write_str(&wait.detail),
            Self::Expired(what) => f.write_str(what),
            Self::Fatal(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for SourceError {}
