//! One attempt: token, request, reading the answer, and what a status other than 2xx means.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use secrecy::ExposeSecret;

use super::turn::Turn;
use super::{Inner, files};
use crate::clock::Deadline;
use crate::genesys::body::{self, Body};
use crate::genesys::call::Call;
use crate::genesys::error::{ApiError, Trouble, cut};
use crate::genesys::login::asked_wait;
use crate::genesys::retry;
use crate::genesys::stats::add;
use crate::genesys::token::Bearer;
use crate::genesys::transport::ClientError;
use crate::genesys::wire::ErrorBody;

/// A whole answer that is not decoded yet.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) correlation_id: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: Body,
}

/// Why an attempt brought no answer.
pub(super) enum Failure {
    /// 401 with this token.
    Unauthorized(Bearer, ApiError),
    Other(ApiError),
}

impl Inner {
    /// One attempt, cut short where the caller would be stopped.
    pub(super) async fn attempt(
        &self,
        call: &Call,
        deadline: Deadline,
        attempt: u32,
        turn: Turn<'_>,
    ) -> Result<Answer, Failure> {
        let limit = self.settings.request_timeout;
        let limit = deadline
            .remaining(self.clock.now())
            .map_or(limit, |left| left.min(limit));
        match tokio::time::timeout(limit, self.exchange(call, attempt, turn)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ApiError::unavailable(call.route(), Trouble::Timeout).into()),
        }
    }

    async fn exchange(
        &self,
        call: &Call,
        attempt: u32,
        mut turn: Turn<'_>,
    ) -> Result<Answer, Failure> {
        let bearer = if self.is_foreign(call) {
            None
        } else {
            Some(self.tokens.bearer(self.clock.now()).await?)
        };
        add(&self.stats.requests, 1);
        let response = self.send(call, bearer.as_ref(), &mut turn).await?;
        let status = response.status().as_u16();
        tracing::debug!(
            http.method = call.method().as_str(),
            http.route = call.route(),
            http.status = status,
            attempt,
            "answered"
        );
        let is_of_api = self.is_of_api(&response);
        match status {
            // A token that is not taken is charged nothing: whatever the headers count, it is not our budget.
            401 => turn.answered(&HeaderMap::new()),
            _ if is_of_api => turn.answered(response.headers()),
            _ => turn.answered(&HeaderMap::new()),
        }
        if (200..=299).contains(&status) {
            return Ok(self.answer(call, response).await?);
        }
        let refusal = self.refusal(call, response).await;
        Err(match bearer.filter(|_| status == 401 && is_of_api) {
            Some(bearer) => Failure::Unauthorized(bearer, refusal),
            None => refusal.into(),
        })
    }

    async fn send(
        &self,
        call: &Call,
        bearer: Option<&Bearer>,
        turn: &mut Turn<'_>,
    ) -> Result<Response, ApiError> {
        let url = call.url(self.settings.endpoints.api());
        let (http, accepted) = if call.is_file() {
            (self.files(call)?, "*/*")
        } else {
            (&self.http, "application/json")
        };
        let mut request = http
            .request(call.method().into(), url)
            .header(ACCEPT, accepted);
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer.value.expose_secret());
        }
        if let Some(body) = call.body() {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        turn.sending();
        request.send().await.map_err(|error| {
            if error.is_connect() {
                turn.not_sent();
            }
            ApiError::transport(call.route(), error)
        })
    }

    fn files(&self, call: &Call) -> Result<&reqwest::Client, ApiError> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let made = files::client(&self.settings);
        let made = made.map_err(|ClientError(error)| ApiError::transport(call.route(), error))?;
        Ok(self.files.get_or_init(|| made))
    }

    /// Whether the API itself said this, and not the host that it sent us on to.
    fn is_of_api(&self, response: &Response) -> bool {
        response.url().origin() == self.settings.endpoints.api().origin()
    }

    async fn answer(&self, call: &Call, response: Response) -> Result<Answer, ApiError> {
        let status = response.status().as_u16();
        let correlation_id = correlation_id(response.headers());
        let content_type = text(response.headers(), CONTENT_TYPE.as_str());
        let limit = call.reply_limit_bytes(self.settings.body_limit_bytes);
        let body = body::read(response, limit, call.route(), &self.buffers).await?;
        add(&self.stats.bytes_in, body.len() as u64);
        Ok(Answer {
            status,
            correlation_id,
            content_type,
            body,
        })
    }

    /// What a status other than 2xx means.
    async fn refusal(&self, call: &Call, response: Response) -> ApiError {
        let now = self.clock.now();
        let status = response.status().as_u16();
        let mut wait = asked_wait(response.headers(), now);
        if status == 429 && self.is_of_api(&response) {
            wait = wait.or_else(|| self.reset(now));
            // Before anything else is read: the others are about to send.
            self.hold(wait.unwrap_or_default());
        }
        let correlation_id = correlation_id(response.headers());
        let body: ErrorBody =
            serde_json::from_slice(&body::read_error(response).await).unwrap_or_default();
        let context_id = body.context_id.or(correlation_id).as_deref().map(cut);
        let route = call.route().to_owned();
        match status {
            429 => throttled(call.route(), wait, context_id),
            408 | 500 | 502 | 503 | 504 => {
                let wait = wait.or((status == 504).then_some(retry::AFTER_GATEWAY_TIMEOUT));
                ApiError::Unavailable {
                    route,
                    what: Trouble::Status(status),
                    wait,
                    context_id,
                    source: None,
                }
            }
            _ => {
                let (code, message) = (
                    body.code.as_deref().map(cut),
                    body.message.as_deref().map(cut),
                );
                ApiError::Refused {
                    route,
                    status,
                    code,
                    message,
                    context_id,
                }
            }
        }
    }

    /// When the budget says that it is used up, its reset stands in for a missing `Retry-After`.
    fn reset(&self, now: Timestamp) -> Option<Duration> {
        Some(self.pace().wait(now)).filter(|wait| !wait.is_zero())
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

fn correlation_id(headers: &HeaderMap) -> Option<String> {
    text(headers, "inin-correlation-id")
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(cut)
}

pub(super) fn throttled(
    route: &str,
    retry_after: Option<Duration>,
    context_id: Option<String>,
) -> ApiError {
    ApiError::Throttled {
        route: route.to_owned(),
        retry_after,
        context_id,
    }
}
