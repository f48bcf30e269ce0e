//! Accepted requests: a request with a scheduled time is stored before the API is called, so that an outage does not
//! lose its interval.
//!
//! The export's marker holds the request until the plan is committed. A start message in the pages queue and the hourly
//! sweep start it again. A request without a scheduled time gets its response at once and is not stored: its caller
//! gets the error. So does the caller of the embedded engine, whatever the request: no sweep would start it later.

use conversation_archive::archive::open_marker;
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::time::format_timestamp;
use conversation_archive::export::plan::{ExportIdentity, Revisit, due_revisits};
use conversation_archive::export::request::{ExportRequest, InvalidRequest, scheduled_time};
use conversation_archive::pipeline::DefaultWebhookError;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::scheduling;
use conversation_archive::source::SourceError;
use jiff::Timestamp;

use crate::{StartError, StartExport, Started, State, companion};

/// One export to start.
pub(crate) struct Start<'a> {
    pub(crate) request: &'a ExportRequest,
    pub(crate) identity: ExportIdentity,
    pub(crate) revisit: Option<Revisit>,
    pub(crate) rule: &'a AcceptRule,
    pub(crate) on_unavailable: OnUnavailable,
}

/// Handling of requests with a scheduled time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduledRequests {
    /// Stored before the API is called: a schedule does not repeat them.
    Stored,
    /// Not stored: the caller gets the error and repeats them.
    LeftToCaller,
}

/// Handling of a storable request when the API is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnUnavailable {
    /// Store the request, and send a message that starts it later.
    StartLater,
    /// The request is stored already; fail, so that its start message is redelivered.
    Fail,
}

/// Whether this invocation stored the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptance {
    Stored,
    /// The request was stored before, or is not one that is stored.
    NotStored,
}

/// How the request of an invocation is stored.
pub(crate) struct AcceptRule {
    pub(crate) scheduled: Timestamp,
    /// The request to store, with its scheduled time; `None` for a request that is not stored.
    request_to_store: Option<ExportRequest>,
    pub(crate) on_existing: OnExisting,
}

/// Handling of an export that is planned already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnExisting {
    /// Resume it, as the caller requested.
    Resume,
    /// Leave it unchanged.
    Keep,
}

/// The result of restarting an accepted request or resuming a failed export automatically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestartOutcome {
    Started,
    Resumed,
    /// There is nothing to start or resume: the export is planned or resumed already, or the marker is gone.
    NothingToDo,
    /// The API refuses it, or a setting is not usable. The sweep retries until the request is a week old.
    Refused(String),
    /// The request itself is invalid and is no longer stored.
    Discarded(String),
}

impl Start<'_> {
    /// The first export of the interval, started instead of its revisit.
    pub(crate) fn into_first_export(self, export_id: ExportId) -> Self {
        Self {
            identity: ExportIdentity {
                export_id,
                ..self.identity
            },
            revisit: None,
            ..self
        }
    }
}

impl StartExport {
    pub(crate) fn accept_rule(
        &self,
        request: &ExportRequest,
    ) -> Result<AcceptRule, InvalidRequest> {
        let now = self.pipeline.clock.now();
        let requested_time = request.scheduled_time.as_deref();
        let scheduled = scheduled_time(requested_time, now, self.emulated)?;
        let is_stored =
            requested_time.is_some() && self.scheduled_requests == ScheduledRequests::Stored;
        let request_to_store = is_stored.then(|| ExportRequest {
            scheduled_time: Some(format_timestamp(scheduled).to_string()),
            ..request.clone()
        });
        Ok(AcceptRule {
            scheduled,
            request_to_store,
            on_existing: OnExisting::Resume,
        })
    }

    /// Stores the request if it has a scheduled time and can be started later.
    pub(crate) async fn accept(&self, start: &Start<'_>) -> Result<Acceptance, StartError> {
        let (Some(request), OnUnavailable::StartLater) =
            (&start.rule.request_to_store, start.on_unavailable)
        else {
            return Ok(Acceptance::NotStored);
        };
        let id = &start.identity.export_id;
        let now = self.pipeline.clock.now();
        open_marker::accept_request(self.archive(), id, request, now).await?;
        Ok(Acceptance::Stored)
    }

    pub(crate) async fn start_later(
        &self,
        id: &ExportId,
        error: &StartError,
    ) -> Result<Started, StartError> {
        tracing::warn!(export.id = %id, error = error_chain(error), "export accepted; it will start later");
        scheduling::send_start(&self.pipeline, id).await?;
        Ok(Started {
            export_id: id.clone(),
            state: State::Accepted,
            attempt: 0,
            slices: 0,
            manifest_uri: self.manifest_uri(id),
            transcripts: None,
            revisits: Vec::new(),
        })
    }

    /// Starts the accepted request of this id, or resumes the failed export. An error is transient: a retry may
    /// succeed.
    #[tracing::instrument(skip_all, fields(export.id = %id))]
    pub async fn restart(
        &self,
        id: &ExportId,
        invocation: &Invocation,
    ) -> Result<RestartOutcome, StartError> {
        let Some(request) = open_marker::accepted_request(self.archive(), id).await? else {
            return self.resume_scheduled(id, invocation).await;
        };
        match Box::pin(self.start_accepted(id, request, invocation)).await {
            Ok(()) => Ok(RestartOutcome::Started),
            Err(error) if error.is_transient() => Err(error),
            Err(StartError::Refused(refusal)) => {
                tracing::error!(%refusal, "accepted request refused and discarded");
                // The sweep removes a marker that has neither a request nor a plan.
                let now = self.pipeline.clock.now();
                open_marker::write(self.archive(), id, now).await?;
                Ok(RestartOutcome::Discarded(refusal.to_string()))
            }
            Err(error) => {
                let error = error_chain(&error);
                tracing::error!(error, "accepted export cannot be started");
                Ok(RestartOutcome::Refused(error))
            }
        }
    }

    async fn resume_scheduled(
        &self,
        id: &ExportId,
        invocation: &Invocation,
    ) -> Result<RestartOutcome, StartError> {
        match Box::pin(self.resume_automatically(id, invocation)).await {
            Ok(true) => Ok(RestartOutcome::Resumed),
            Ok(false) => Ok(RestartOutcome::NothingToDo),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                // A secret or a permission may be changed: the sweep requests it again, for a week.
                let error = error_chain(&error);
                tracing::error!(error, "failed export cannot be resumed automatically");
                Ok(RestartOutcome::Refused(error))
            }
        }
    }

    /// Starts the export of this id, and its companion exports if the request is for this id itself.
    async fn start_accepted(
        &self,
        id: &ExportId,
        request: ExportRequest,
        invocation: &Invocation,
    ) -> Result<(), StartError> {
        let rule = AcceptRule {
            on_existing: OnExisting::Keep,
            ..self.accept_rule(&request)?
        };
        let identity = ExportIdentity::of(&request, rule.scheduled)?;
        if *id == identity.export_id {
            let started = self.start_all(&request, &rule, OnUnavailable::Fail, invocation);
            return started.await.map(|_| ());
        }
        let start = |request, identity, revisit| Start {
            request,
            identity,
            revisit,
            rule: &rule,
            on_unavailable: OnUnavailable::Fail,
        };
        if let Some(transcripts) = companion::transcripts_request(&request, &identity.export_id)? {
            let identity = ExportIdentity::of(&transcripts, rule.scheduled)?;
            if *id == identity.export_id {
                let start = start(&transcripts, identity, None);
                return self.start_one(start, invocation).await.map(|_| ());
            }
        }
        for (identity, revisit) in due_revisits(&request, rule.scheduled)? {
            if *id == identity.export_id || revisit.exports.first() == Some(id) {
                let start = start(&request, identity, Some(revisit));
                return self.revisit(start, invocation).await.map(|_| ());
            }
        }
        Err(
            InvalidRequest::new("exportId", id, "the accepted request is for another export")
                .into(),
        )
    }
}

impl StartError {
    /// Whether the same command may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => !matches!(error, SourceError::Fatal(_)),
            Self::Companion { source, .. } => source.is_transient(),
            Self::Pipeline(error) => error.is_transient(),
            Self::Archive(error) => error.is_transient(),
            Self::DefaultWebhook(error) => matches!(error, DefaultWebhookError::Transient(_)),
            Self::Refused(_) => false,
        }
    }

    /// The refusal, if the request or a setting must change; otherwise the error.
    pub fn into_refusal(self) -> Result<InvalidRequest, Self> {
        match self {
            Self::Refused(refusal)
            | Self::DefaultWebhook(DefaultWebhookError::Unusable(refusal)) => Ok(refusal),
            error => Err(error),
        }
    }
}
