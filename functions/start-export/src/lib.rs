//! start-export: checks a request, plans it, commits the plan and sends the first page messages. Also resumes and
//! cancels.
//!
//! `request.json` commits the plan; a handler that finds one uses it. No message is sent before every check has passed.

use std::sync::Arc;

use conversation_archive::archive::{Archive, open_marker, outcomes};
use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::plan::{
    Draft, ExportIdentity, ExportPlan, Organisation, PlanLimits, archive_id, due_revisits,
};
use conversation_archive::export::request::{ExportRequest, InvalidRequest};
use conversation_archive::net::AddressRules;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::scheduling::{self, SliceSelection};
use conversation_archive::pipeline::{
    DefaultWebhook, DefaultWebhookError, KeyVersionError, Pipeline, Redactors, metrics,
};
use conversation_archive::source::{QuerySpec, SourceError, Sources};

mod accepted;
mod cancel;
mod command;
mod companion;
mod policy;
mod resume;
mod retention;

use accepted::{AcceptRule, Acceptance, OnExisting, OnUnavailable, Start};

use command::final_state;

pub use accepted::{RestartOutcome, ScheduledRequests};
pub use command::{Command, Resume, Started, State};
pub use conversation_archive::runtime::config::Regions;

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct StartExport {
    pub pipeline: Pipeline,
    pub sources: Sources,
    pub redactors: Redactors,
    pub limits: PlanLimits,
    pub default_webhook: Arc<dyn DefaultWebhook>,
    pub address_rules: AddressRules,
    pub regions: Regions,
    /// Whether a custom AWS endpoint is set. If so, an unreplaced scheduled-time placeholder means now.
    pub emulated: bool,
    pub scheduled_requests: ScheduledRequests,
}

/// Why nothing, or not everything, was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Exit code 2: the request or a setting must change.
    #[error(transparent)]
    Refused(#[from] InvalidRequest),
    #[error(transparent)]
    DefaultWebhook(#[from] DefaultWebhookError),
    #[error("the source returned no usable response: {0}")]
    Source(#[from] SourceError),
    #[error("{export_id} was started, but {companion_id} was not: {source}")]
    Companion {
        export_id: ExportId,
        companion_id: ExportId,
        source: Box<StartError>,
    },
    #[error(transparent)]
    Pipeline(#[from] conversation_archive::pipeline::PipelineError),
    #[error(transparent)]
    Archive(#[from] conversation_archive::archive::ArchiveError),
}

impl StartExport {
    pub async fn handle(
        &self,
        command: Command,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        match command {
            // Boxed because this future is large and would enlarge those of the other commands.
            Command::Start(request) => Box::pin(self.start(*request, invocation)).await,
            Command::Resume(resume) => self.resume(&resume, invocation).await,
            Command::Cancel(export_id) => self.cancel(&export_id, invocation).await,
        }
    }

    async fn start(
        &self,
        request: ExportRequest,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        let rule = self.accept_rule(&request)?;
        self.start_all(&request, &rule, OnUnavailable::StartLater, invocation)
            .await
    }

    /// Starts the export of the request and its companion exports.
    async fn start_all(
        &self,
        request: &ExportRequest,
        rule: &AcceptRule,
        on_unavailable: OnUnavailable,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        let scheduled = rule.scheduled;
        let identity = ExportIdentity::of(request, scheduled)?;
        let due_revisits = due_revisits(request, scheduled)?;
        let transcripts = companion::transcripts_request(request, &identity.export_id)?;
        let start = Start {
            request,
            identity,
            revisit: None,
            rule,
            on_unavailable,
        };
        let mut started = self.start_one(start, invocation).await?;
        if started.state == State::Accepted {
            // The companion exports are started together with it later.
            return Ok(started);
        }
        let mut failed = None;
        if let Some(request) = transcripts {
            let identity = ExportIdentity::of(&request, scheduled)?;
            let companion_id = identity.export_id.clone();
            let start = Start {
                request: &request,
                identity,
                revisit: None,
                rule,
                on_unavailable: OnUnavailable::StartLater,
            };
            match self.start_one(start, invocation).await {
                Ok(transcripts) => started.transcripts = Some(Box::new(transcripts)),
                Err(source) => failed = Some(companion_error(&started, companion_id, source)),
            }
        }
        for (identity, revisit) in due_revisits {
            let companion_id = identity.export_id.clone();
            let start = Start {
                request,
                identity,
                revisit: Some(revisit),
                rule,
                on_unavailable: OnUnavailable::StartLater,
            };
            match self.revisit(start, invocation).await {
                Ok(revisiting) => started.revisits.push(revisiting),
                // The remaining companion exports are started anyway.
                Err(source) => {
                    failed.get_or_insert_with(|| companion_error(&started, companion_id, source));
                }
            }
        }
        failed.map_or(Ok(started), Err)
    }

    /// Starts a revisit, or the first export of the interval if that is missing.
    async fn revisit(
        &self,
        start: Start<'_>,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        let first = start.revisit.as_ref().and_then(|it| it.exports.first());
        let start = match first.cloned() {
            Some(first) if self.archive().plan(&first).await?.is_none() => {
                start.into_first_export(first)
            }
            _ => start,
        };
        self.start_one(start, invocation).await
    }

    async fn start_one(
        &self,
        start: Start<'_>,
        invocation: &Invocation,
    ) -> Result<Started, StartError> {
        let id = &start.identity.export_id;
        // The state of an existing export is always returned, even if the current rules would refuse a new one like it.
        if let Some(plan) = self.archive().plan(id).await? {
            if plan.query_hash != start.identity.query_hash {
                return Err(id_in_use(&plan).into());
            }
            // The settings of today do not matter to an export that has ended.
            let newest = outcomes::newest(self.archive(), id).await?;
            if newest.is_none_or(|outcome| final_state(outcome.status).is_none()) {
                self.check_adopted(&start, &plan).await?;
            }
            return match start.rule.on_existing {
                OnExisting::Resume => self.resume(&Resume::of(id.clone()), invocation).await,
                OnExisting::Keep => {
                    self.check_plan(&plan)?;
                    Ok(self.started(&plan, 1, State::Started))
                }
            };
        }
        let draft = self.draft(&start).await?;
        let accepted = self.accept(&start).await?;
        let plan = match self.plan(draft, invocation).await {
            Ok(plan) => plan,
            Err(error) if accepted == Acceptance::Stored && error.is_transient() => {
                return self.start_later(id, &error).await;
            }
            Err(error) => return Err(error),
        };
        // Another invocation, with other settings, may have stored its plan in the meantime.
        self.check_plan(&plan)?;
        self.check_adopted(&start, &plan).await?;
        let attempt = self.create_first_attempt(&plan).await?;
        scheduling::start_slices(&self.pipeline, &plan, &attempt, SliceSelection::Unstarted)
            .await?;
        metrics::record(&[(metrics::EXPORTS_STARTED, 1)]);
        tracing::info!(export.id = %plan.export_id, slices = plan.slice_count, "export started");
        Ok(self.started(&plan, attempt.attempt, State::Started))
    }

    /// Checks that an existing plan does what the request means with the current settings.
    async fn check_adopted(&self, start: &Start<'_>, plan: &ExportPlan) -> Result<(), StartError> {
        let revisited = match &start.revisit {
            Some(revisit) => Some(self.archive().existing_plan(&revisit.exports[0]).await?),
            None => None,
        };
        let request = self.with_default_webhook(start.request).await?;
        let fields = plan.differing_fields(&request, &self.limits, revisited.as_deref());
        if fields.is_empty() {
            return Ok(());
        }
        Err(planned_otherwise(plan, &fields).into())
    }

    /// The checks that need no request to the Genesys Cloud API.
    async fn draft(&self, start: &Start<'_>) -> Result<Draft, StartError> {
        let now = self.pipeline.clock.now();
        let request = self.with_default_webhook(start.request).await?;
        let draft = Draft::check(request, start.identity.clone(), now, &self.limits)?;
        let draft = match &start.revisit {
            Some(revisit) => {
                let first = self.archive().existing_plan(&revisit.exports[0]).await?;
                self.check_redaction(&first)?;
                draft.with_revisit(revisit.clone(), first.redaction.clone())
            }
            None => draft,
        };
        self.check_draft(&draft)?;
        self.check_base(&draft).await?;
        Ok(draft)
    }

    /// Runs all checks and API calls that come before the plan, then commits the plan.
    async fn plan(&self, draft: Draft, invocation: &Invocation) -> Result<ExportPlan, StartError> {
        let residency = self.residency()?;
        let draft = self.redactors.pin_key_version(draft).await?;
        self.check_login().await?;
        self.check_retention(&draft, invocation).await?;
        let draft = draft.with_archive_id(self.archive_id());
        let draft = self.with_conversations(draft, invocation).await?;
        let source = self.sources.of(draft.source());
        let query = source
            .query(&QuerySpec::of_draft(&draft), invocation.deadline)
            .await?;
        let draft = draft.with_organisation(self.organisation().await?);
        let now = self.pipeline.clock.now();
        let plan = draft.plan(query, residency, &self.limits, now, &invocation.request_id)?;
        // Checks the permissions for name lookups now, so that a missing one does not fail the first page later.
        self.sources.check_names(&plan, invocation.deadline).await?;
        // The marker is written first, so that an export with a plan is never overlooked; and again afterwards, because
        // a sweep may remove a marker without a plan.
        let query_hash = plan.query_hash;
        let id = plan.export_id.clone();
        if !self.archive().is_open(&id).await? {
            open_marker::write(self.archive(), &id, now).await?;
        }
        let (stored, _) = self
            .archive()
            .create_or_read(ObjectKey::Request(&id), plan)
            .await?;
        open_marker::write(self.archive(), &id, now).await?;
        if stored.query_hash == query_hash {
            Ok(stored)
        } else {
            Err(id_in_use(&stored).into())
        }
    }

    /// Logs in, so that a refused login is reported before anything is stored, also for a source whose first request is
    /// that of a page. A transient failure is left to the next request, which is repeated.
    async fn check_login(&self) -> Result<(), SourceError> {
        match self.sources.client.token_lifetime().await {
            Err(error) if !error.is_transient() => Err(error.into()),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Looks up the conversations of the sessions that the request names, if it names any.
    async fn with_conversations(
        &self,
        draft: Draft,
        invocation: &Invocation,
    ) -> Result<Draft, StartError> {
        if draft.session_ids().is_empty() {
            return Ok(draft);
        }
        let (ids, interval) = (draft.session_ids(), draft.interval);
        let found = self
            .sources
            .conversations_of(ids, interval, invocation.deadline);
        let sessions = found.await?;
        tracing::info!(
            sessions = draft.session_ids().len(),
            conversations = sessions.conversation_ids.len(),
            missing = sessions.sessions_without.len(),
            unknown = sessions.sessions_unknown,
            incomplete = sessions.sessions_incomplete.len(),
            "conversations of sessions looked up"
        );
        Ok(draft.with_sessions(sessions))
    }

    /// The newest attempt: the first one, unless another invocation created it before.
    async fn create_first_attempt(&self, plan: &ExportPlan) -> Result<Attempt, StartError> {
        let name = ObjectKey::Attempt(&plan.export_id, 1);
        Ok(self
            .archive()
            .create_or_read(name, Attempt::first(plan))
            .await?
            .0)
    }

    /// The newest attempt of an existing export. Creates the first one if the planning invocation died before that.
    async fn newest_attempt(&self, plan: &ExportPlan) -> Result<Attempt, StartError> {
        match self.archive().newest_attempt(&plan.export_id).await? {
            Some(attempt) => Ok(attempt.as_ref().clone()),
            None => self.create_first_attempt(plan).await,
        }
    }

    fn started(&self, plan: &ExportPlan, attempt: u32, state: State) -> Started {
        Started {
            export_id: plan.export_id.clone(),
            state,
            attempt,
            slices: plan.slice_count,
            manifest_uri: self.manifest_uri(&plan.export_id),
            transcripts: None,
            revisits: Vec::new(),
        }
    }

    fn manifest_uri(&self, id: &ExportId) -> String {
        self.archive().store().uri(&ObjectKey::Manifest(id).key())
    }

    /// The digest of the current archive and organisation.
    fn archive_id(&self) -> Sha256 {
        let endpoints = &self.sources.client.settings().endpoints;
        archive_id(&self.archive().store().uri(""), endpoints.api_host())
    }

    /// The organisation of the settings, and the client with which its data is read.
    async fn organisation(&self) -> Result<Organisation, SourceError> {
        let client = &self.sources.client;
        let endpoints = &client.settings().endpoints;
        let region = self.regions.genesys.clone();
        Ok(Organisation {
            environment: region.unwrap_or_else(|| endpoints.api_host().to_owned()),
            client_id: client.client_id().await?,
        })
    }

    fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }
}

impl From<KeyVersionError> for StartError {
    fn from(error: KeyVersionError) -> Self {
        match error {
            KeyVersionError::Refused(refusal) => refusal.into(),
            KeyVersionError::Source(error) => error.into(),
        }
    }
}

fn companion_error(started: &Started, companion_id: ExportId, source: StartError) -> StartError {
    StartError::Companion {
        export_id: started.export_id.clone(),
        companion_id,
        source: Box::new(source),
    }
}

fn planned_otherwise(plan: &ExportPlan, fields: &[&str]) -> InvalidRequest {
    let rule = format!(
        "an export with this id was planned with other values of {}, because the settings have changed since or another \
         program wrote {}; resume it to continue it as planned, or choose another id",
        fields.join(", "),
        ObjectKey::Request(&plan.export_id).key(),
    );
    InvalidRequest::new("exportId", &plan.export_id, rule)
}

fn id_in_use(plan: &ExportPlan) -> InvalidRequest {
    InvalidRequest::new(
        "exportId",
        &plan.export_id,
        "an export with this id exists for another request; choose another id",
    )
}
