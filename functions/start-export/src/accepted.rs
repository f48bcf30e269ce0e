//! Accepted requests: a request with a scheduled time is stored before the API is called, so that an outage does not
//! lose its interval.
//!
//! The export's marker holds the request until the plan is committed. A start message in the pages queue and the hourly
//! sweep start it again. A request without a scheduled time is answered at once and not stored: its caller gets the
//! error.

use conversation_archive::archive::open_marker;
use conversation_archive::base::failure::in_one_line;
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::time::millis;
use conversation_archive::export::plan::{Identity, Revisit, revisits};
use conversation_archive::export::request::{ExportRequest, InvalidRequest, scheduled_time};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::scheduling;
use conversation_archive::source::SourceError;
use jiff::Timestamp;

use crate::{StartError, StartExport, Started, State, beside};

/// One export to start.
pub(crate) struct Start<'a> {
    pub(crate) request: &'a ExportRequest,
    pub(crate) identity: Identity,
    pub(crate) revisit: Option<Revisit>,
    pub(crate) accepting: &'a Accepting,
    pub(crate) on_trouble: OnTrouble,
}

/// Handling of a storable request when the API is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnTrouble {
    /// Store the request, and send a message that starts it later.
    StartLater,
    /// The request is stored already; fail, so that its start message is redelivered.
    Fail,
}

/// Whether this invocation stored the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Now,
    /// The request was stored before, or is not one that is stored.
    No,
}

/// How the request of an invocation is stored.
pub(crate) struct Accepting {
    pub(crate) scheduled: Timestamp,
    /// The request to store, with its scheduled time; `None` if it has no scheduled time.
    kept: Option<ExportRequest>,
    pub(crate) existing: Existing,
}

/// Handling of an export that is planned already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Resume it, as the caller asked.
    Resume,
    /// Leave it unchanged.
    LeaveAlone,
}

/// The result of restarting an accepted request or resuming a failed export automatically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restarted {
    Started,
    Resumed,
    /// There is nothing to start or resume: the export is planned or resumed already, or the marker is gone.
    NothingWaits,
    /// The API refuses it. The sweep retries until the request is a week old.
    Refused(String),
    /// The request itself is invalid and is no longer stored.
    Dropped(String),
}

impl Start<'_> {
    /// The first export of the interval, started instead of its revisit.
    pub(crate) fn first(self, export_id: ExportId) -> Self {
        Self {
            identity: Identity {
                export_id,
                ..self.identity
            },
            revisit: None,
            ..self
        }
    }
}

impl StartExport {
    pub(crate) fn accepting(&self, request: &ExportRequest) -> Result<Accepting, InvalidRequest> {
        let now = self.pipeline.clock.now();
        let sent = request.scheduled_time.as_deref();
        let scheduled = scheduled_time(sent, now, self.emulated)?;
        let kept = sent.map(|_| ExportRequest {
            scheduled_time: Some(millis(scheduled).to_string()),
            ..request.clone()
        });
        Ok(Accepting {
            scheduled,
            kept,
            existing: Existing::Resume,
        })
    }

    /// Stores the request if it has a scheduled time and can be started later.
    pub(crate) async fn accept(&self, start: &Start<'_>) -> Result<Accepted, StartError> {
        let (Some(request), OnTrouble::StartLater) = (&start.accepting.kept, start.on_trouble)
        else {
            return Ok(Accepted::No);
        };
        let id = &start.identity.export_id;
        let now = self.pipeline.clock.now();
        open_marker::accept_request(&self.archive(), id, request, now).await?;
        Ok(Accepted::Now)
    }

    pub(crate) async fn start_later(
        &self,
        id: &ExportId,
        error: &StartError,
    ) -> Result<Started, StartError> {
        tracing::warn!(export.id = %id, error = in_one_line(error), "export accepted; it will start later");
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
    ) -> Result<Restarted, StartError> {
        let Some(request) = open_marker::accepted_request(&self.archive(), id).await? else {
            return self.resume_scheduled(id, invocation).await;
        };
        match Box::pin(self.start_accepted(id, request, invocation)).await {
            Ok(()) => Ok(Restarted::Started),
            Err(error) if error.is_transient() => Err(error),
            Err(StartError::Refused(refusal)) => {
                tracing::error!(%refusal, "accepted request refused and discarded");
                // The sweep removes a marker that has neither a request nor a plan.
                let now = self.pipeline.clock.now();
                open_marker::write(&self.archive(), id, now).await?;
                Ok(Restarted::Dropped(refusal.to_string()))
            }
            Err(error) => {
                let error = in_one_line(&error);
                tracing::error!(error, "accepted export cannot be started");
                Ok(Restarted::Refused(error))
            }
        }
    }

    async fn resume_scheduled(
        &self,
        id: &ExportId,
        invocation: &Invocation,
    ) -> Result<Restarted, StartError> {
        match Box::pin(self.resume_automatically(id, invocation)).await {
            Ok(true) => Ok(Restarted::Resumed),
            Ok(false) => Ok(Restarted::NothingWaits),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                // A secret or a permission may be changed: the sweep requests it again, for a week.
                let error = in_one_line(&error);
                tracing::error!(error, "failed export cannot be resumed automatically");
                Ok(Restarted::Refused(error))
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
        let accepting = Accepting {
            existing: Existing::LeaveAlone,
            ..self.accepting(&request)?
        };
        let identity = Identity::of(&request, accepting.scheduled)?;
        if *id == identity.export_id {
            let started = self.start_all(&request, &accepting, OnTrouble::Fail, invocation);
            return started.await.map(|_| ());
        }
        let start = |request, identity, revisit| Start {
            request,
            identity,
            revisit,
            accepting: &accepting,
            on_trouble: OnTrouble::Fail,
        };
        if let Some(transcripts) = beside::transcripts(&request, &identity.export_id)? {
            let identity = Identity::of(&transcripts, accepting.scheduled)?;
            if *id == identity.export_id {
                let start = start(&transcripts, identity, None);
                return self.start_one(start, invocation).await.map(|_| ());
            }
        }
        for (identity, revisit) in revisits(&request, accepting.scheduled)? {
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
            Self::Source(setback) => !matches!(setback, SourceError::Fatal(_)),
            Self::Beside { source, .. } => source.is_transient(),
            Self::Pipeline(error) => error.is_transient(),
            Self::Archive(error) => error.is_transient(),
            Self::Refused(_) => false,
        }
    }
}
