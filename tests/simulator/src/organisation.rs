//! The organisation behind the server: it receives requests, answers them and keeps state. It uses no sockets, and no
//! time but that of the injected clock.

pub(crate) mod answer;
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
mod permissions;
pub(crate) mod request;
mod resources;
mod selection;
mod tokens;
pub(crate) mod transcripts;

use std::collections::HashMap;
use std::sync::Arc;

use fastrand::Rng;
use jiff::Timestamp;

use crate::data::Dataset;
use crate::faults::OutageKind;
use crate::faults::schedule::{Fate, Schedule, retry_after};
use crate::route::Route;
use crate::settings::Settings;
use crate::stats::Stats;
use answer::{Answer, ApiError, Reply};
use details::Recent;
use gateway::Queries;
use history::History;
use jobs::Jobs;
use listing::listing;
use request::Request;
use tokens::{Tokens, Usage};

pub(crate) struct Organisation {
    pub(crate) settings: Settings,
    pub(crate) data: Arc<Dataset>,
    pub(crate) tokens: Tokens,
    pub(crate) jobs: Jobs,
    pub(crate) queries: Queries,
    pub(crate) history: History,
    pub(crate) stats: Stats,
    recent: Recent,
    /// Number of requests for each conversation's recordings, by index of the conversation.
    prepared: HashMap<usize, u32>,
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
            recent: Recent::default(),
            prepared: HashMap::new(),
            schedule: Schedule::default(),
            ids: Rng::with_seed(!settings.seed),
            settings,
        }
    }

    pub(crate) fn reply(&mut self, request: &Request) -> Reply {
        let now = self.now();
        let (route, id) = Route::of(&request.method, &request.path);
        *self.stats.requests.entry(route).or_default() += 1;
        let fate = self.fate(route, now);
        let (usage, charged) = self.charge(route, request, now);
        let outcome = match self.refused_by(&fate) {
            Some(refusal) => Err(refusal),
            None => charged
                .and_then(|()| self.permit(route))
                .and_then(|()| self.answer(route, &id, request, now)),
        };
        let correlation = self.new_id();
        let answer = outcome.unwrap_or_else(|error| error.into_answer(&correlation));
        if answer.status == 429 {
            self.stats.throttled += 1;
        }
        tracing::debug!(%route, status = answer.status, fault = fate.kind(), "request served");
        let answer = usage.onto(answer.with_header("ININ-Correlation-Id", correlation));
        Reply {
            answer,
            fate,
            slow_pause: self.settings.faults.slow_pause,
        }
    }

    fn fate(&mut self, route: Route, now: Timestamp) -> Fate {
        let fate = self.schedule.next(&self.settings.faults, route, now);
        if let Some(kind) = fate.kind() {
            self.stats.count_fault(kind);
        }
        fate
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
            Route::Login | Route::Media | Route::Unknown | Route::WrongMethod
        ) {
            return (Usage::none(&self.settings), Ok(()));
        }
        self.tokens
            .charge(request.authorization.as_deref(), &self.settings, now)
    }

    fn answer(
        &mut self,
        route: Route,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
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
            Route::Limits => limits::in_force(id, &self.settings),
            Route::LimitDefaults => limits::documented(id),
            Route::JobSubmit => self.submit_job(request, now),
            Route::JobStatus => self.job_status(id, now),
            Route::JobResults => self.job_results(id, request, now),
            Route::JobDelete => self.delete_job(id, now),
            Route::ExportQuery => self.submit_query(request),
            Route::ExportResults => self.query_results(id, request),
            Route::Queues => listing(self.data.queues(), request),
            Route::WrapUpCodes => listing(self.data.wrap_up_codes(), request),
            Route::MessageConversation => self.message_conversation(id, now),
            Route::MessagesBulk => self.messages_bulk(id, request, now),
            Route::Recordings => self.recordings(id, request, now),
            Route::WebDetails => self.web_details(id, now),
            Route::Download => files::download(id, request),
            Route::Media => files::media(id),
            Route::Unknown => Err(ApiError::not_found("The requested resource was not found.")),
            Route::WrongMethod => Err(ApiError::new(
                405,
                "method.not.allowed",
                "The method is not allowed here.",
            )),
        }
    }

    /// Returns the response of a fault that prevents the request from having its effect.
    fn refused_by(&self, fate: &Fate) -> Option<ApiError> {
        let faults = &self.settings.faults;
        let rng = &mut self.schedule.rng(!faults.seed);
        match fate {
            Fate::Throttled { retry_after } => Some(ApiError::throttled(retry_after.clone())),
            Fate::Timeout => Some(ApiError::new(
                408,
                "client.timeout",
                "The client did not produce a request within the server timeout limit.",
            )),
            Fate::ServerError { status, html: true } => {
                Some(ApiError::server_error(*status).by_proxy())
            }
            Fate::ServerError {
                status,
                html: false,
            } => Some(ApiError::server_error(*status)),
            Fate::Outage(OutageKind::Throttled) => {
                Some(ApiError::throttled(retry_after(&faults.retry_after, rng)))
            }
            Fate::Outage(OutageKind::Unavailable) => Some(ApiError::server_error(503)),
            Fate::Permanent => faults
                .permanent
                .as_ref()
                .map(|it| ApiError::new(it.status, &it.code, &it.message)),
            // Not sent: the connection closes without a response.
            Fate::Reset => Some(ApiError::server_error(500)),
            Fate::Served
            | Fate::Slow
            | Fate::CutOff
            | Fate::Stall
            | Fate::Garbage
            | Fate::ResetAfterEffect => None,
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
