//! The organisation behind the server: it handles requests, returns responses and keeps state. It uses no network,
//! and no time but that of the injected clock.

pub(crate) mod connections;
mod cursor;
mod details;
mod files;
mod filter;
pub(crate) mod gateway;
mod history;
pub(crate) mod interval;
pub(crate) mod jobs;
mod limits;
mod listing;
mod login;
mod lookups;
pub(crate) mod notifications;
mod permissions;
pub(crate) mod request;
pub(crate) mod resources;
pub(crate) mod response;
mod selection;
pub(crate) mod speech;
mod tokens;
pub(crate) mod transcripts;
pub(crate) mod web_sessions;

use std::collections::HashMap;
use std::sync::Arc;

use fastrand::Rng;
use jiff::Timestamp;

use crate::data::Dataset;
use crate::faults::OutageKind;
use crate::faults::schedule::{Schedule, ScheduledFault, retry_after};
use crate::live::broker::LiveState;
use crate::route::Route;
use crate::settings::{LOGIN_PATH, Settings};
use crate::stats::Stats;
use details::QueryCache;
use gateway::Queries;
use history::History;
use jobs::Jobs;
use listing::{listing, queue, queues};
use lookups::Lookups;
use notifications::available_topics;
use notifications::subscribing::Mode;
use request::Request;
use response::{ApiError, ApiResponse, ResponseWithFault};
use tokens::{Tokens, Usage};

pub(crate) struct Organisation {
    pub(crate) settings: Settings,
    pub(crate) data: Arc<Dataset>,
    pub(crate) tokens: Tokens,
    pub(crate) jobs: Jobs,
    pub(crate) queries: Queries,
    pub(crate) history: History,
    pub(crate) stats: Stats,
    pub(crate) live: LiveState,
    lookups: Lookups,
    query_cache: QueryCache,
    /// Number of requests for each conversation's recordings, by index of the conversation.
    prepared: HashMap<usize, u32>,
    /// Number of requests for the transcript of each call and of downloads of it, by id of the communication.
    requested_speech: HashMap<String, u32>,
    downloaded_speech: HashMap<String, u32>,
    /// Host and port of the API.
    pub(crate) host: String,
    /// Host and port from which the transcripts of calls are downloaded.
    pub(crate) files_host: String,
    schedule: Schedule,
    ids: Rng,
}

impl Organisation {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            data: Arc::new(Dataset::generate(&settings)),
            tokens: Tokens::default(),
            jobs: Jobs::default(),
            queries: Queries::default(),
            history: History::default(),
            stats: Stats::default(),
            live: LiveState::new(),
            lookups: Lookups::default(),
            query_cache: QueryCache::default(),
            prepared: HashMap::new(),
            requested_speech: HashMap::new(),
            downloaded_speech: HashMap::new(),
            host: String::new(),
            files_host: String::new(),
            schedule: Schedule::default(),
            ids: Rng::with_seed(!settings.seed),
            settings,
        }
    }

    pub(crate) fn respond(&mut self, request: &Request) -> ResponseWithFault {
        let now = self.now();
        let (route, id) = self.route(request);
        *self.stats.requests.entry(route).or_default() += 1;
        let fault = self.next_fault(route, now);
        let (usage, charge_result) = self.charge(route, request, now);
        let outcome = match self.error_of(&fault) {
            Some(refusal) => Err(refusal),
            None => charge_result
                .and_then(|()| self.check_permission(route))
                .and_then(|()| self.handle(route, &id, request, now)),
        };
        let correlation = self.new_id();
        let response = outcome.unwrap_or_else(|error| error.into_response(&correlation));
        if response.status == 429 {
            self.stats.throttled += 1;
        }
        tracing::debug!(%route, status = response.status, fault = fault.kind(), "request served");
        let response =
            usage.add_headers_to(response.with_header("ININ-Correlation-Id", correlation));
        ResponseWithFault {
            response,
            fault,
            slow_pause: self.settings.faults.slow_pause,
        }
    }

    fn route(&self, request: &Request) -> (Route, String) {
        if request.path == self.settings.login_path {
            return Route::of(&request.method, LOGIN_PATH);
        }
        match Route::of(&request.method, &request.path) {
            (Route::Login, _) => (Route::Unknown, String::new()),
            other => other,
        }
    }

    fn next_fault(&mut self, route: Route, now: Timestamp) -> ScheduledFault {
        let fault = self.schedule.next(&self.settings.faults, route, now);
        if let Some(kind) = fault.kind() {
            self.stats.count_fault(kind);
        }
        fault
    }

    /// Counts the request against its token. The login and unknown paths do not require a token.
    fn charge(
        &mut self,
        route: Route,
        request: &Request,
        now: Timestamp,
    ) -> (Usage, Result<(), ApiError>) {
        if matches!(
            route,
            Route::Login
                | Route::Media
                | Route::TranscriptFile
                | Route::ChannelSocket
                | Route::DirectStream
                | Route::Unknown
                | Route::WrongMethod
        ) {
            return (Usage::none(&self.settings), Ok(()));
        }
        self.tokens
            .charge(request.authorization.as_deref(), &self.settings, now)
    }

    fn handle(
        &mut self,
        route: Route,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        match route {
            Route::Login => Ok(self.login(request, now)),
            Route::DetailsQuery => match self.settings.history {
                Some(form) => self.history(form, request),
                None => self.query_details(request, now),
            },
            Route::DetailsByIds => self.details_by_ids(request, now),
            Route::DetailsById => self.details_by_id(id, now),
            Route::Availability => Ok(resources::availability(self.settings.watermark.at(now))),
            Route::Retention => Ok(resources::retention(self.settings.retention_days)),
            Route::LimitDocs => Ok(limits::docs()),
            Route::Limits => limits::current_limits(id, &self.settings),
            Route::LimitDefaults => limits::default_limits(id),
            Route::JobSubmit => self.submit_job(request, now),
            Route::JobStatus => self.job_status(id, now),
            Route::JobResults => self.job_results(id, request, now),
            Route::JobDelete => self.delete_job(id, now),
            Route::ExportQuery => self.submit_query(request),
            Route::ExportResults => self.query_results(id, request),
            Route::Queues => queues(self.data.queues(), request),
            Route::Queue => queue(self.data.queues(), id),
            Route::WrapUpCodes => listing(self.data.wrap_up_codes(), request),
            Route::MessageConversation => self.message_conversation(id, now),
            Route::MessagesBulk => self.messages_bulk(id, request, now),
            Route::Recordings => self.recordings(id, request, now),
            Route::WebDetails => self.web_details(id, request, now),
            Route::WebSessions => self.web_sessions(request, now),
            Route::RecordingMetadata => self.recording_metadata(id, now),
            Route::TranscriptUrl => self.transcript_url(id, request, now),
            Route::TranscriptUrls => self.transcript_urls(id, request, now),
            Route::TranscriptFile => self.transcript_file(id, request, now),
            Route::Download => files::download(id, request),
            Route::Media => files::media(id),
            Route::ChannelCreate => self.create_channel(now),
            Route::ChannelList => Ok(self.list_channels(now)),
            Route::ChannelCheck => self.check_channel(id, now),
            Route::SubscriptionAdd => self.change_subscriptions(id, request, Mode::Add, now),
            Route::SubscriptionReplace => {
                self.change_subscriptions(id, request, Mode::Replace, now)
            }
            Route::SubscriptionList => self.subscriptions(id, now),
            Route::SubscriptionRemove => self.remove_subscriptions(id, now),
            Route::AvailableTopics => Ok(available_topics(request)),
            Route::ChannelSocket | Route::DirectStream => Err(ApiError::new(
                426,
                "upgrade.required",
                "This address is that of a WebSocket.",
            )),
            Route::Unknown => Err(ApiError::not_found("The requested resource was not found.")),
            Route::WrongMethod => Err(ApiError::new(
                405,
                "method.not.allowed",
                "The method is not allowed here.",
            )),
        }
    }

    /// Returns the response of a fault that prevents the request from having its effect.
    fn error_of(&self, fault: &ScheduledFault) -> Option<ApiError> {
        let faults = &self.settings.faults;
        let rng = &mut self.schedule.rng(!faults.seed);
        match fault {
            ScheduledFault::Throttled { retry_after } => {
                Some(ApiError::throttled(retry_after.clone()))
            }
            ScheduledFault::Timeout => Some(ApiError::new(
                408,
                "client.timeout",
                "The client did not produce a request within the server timeout limit.",
            )),
            ScheduledFault::ServerError { status, html: true } => {
                Some(ApiError::server_error(*status).by_proxy())
            }
            ScheduledFault::ServerError {
                status,
                html: false,
            } => Some(ApiError::server_error(*status)),
            ScheduledFault::Outage(OutageKind::Throttled) => {
                Some(ApiError::throttled(retry_after(&faults.retry_after, rng)))
            }
            ScheduledFault::Outage(OutageKind::Unavailable) => Some(ApiError::server_error(503)),
            ScheduledFault::Permanent => faults
                .permanent
                .as_ref()
                .map(|it| ApiError::new(it.status, &it.code, &it.message)),
            // Not sent: the connection closes without a response.
            ScheduledFault::Reset => Some(ApiError::server_error(500)),
            ScheduledFault::NoFault
            | ScheduledFault::Slow
            | ScheduledFault::CutOff
            | ScheduledFault::Stall
            | ScheduledFault::Garbage
            | ScheduledFault::ResetAfterEffect => None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.settings.clock)()
    }

    pub(crate) fn new_id(&mut self) -> String {
        crate::data::ids::uuid(&mut self.ids)
    }

    pub(crate) fn new_token(&mut self) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..86)
            .map(|_| char::from(ALPHABET[self.ids.usize(..ALPHABET.len())]))
            .collect()
    }
}
