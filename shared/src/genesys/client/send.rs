//! One try: sends the request with a token and classifies the response as a reply, or as an error by its status or
//! body.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use secrecy::ExposeSecret;
use url::Url;

use super::permit::RateLimitPermit;
use super::{Inner, files};
use crate::base::deadline::Deadline;
use crate::base::decode::{DecodeError, without_byte_order_mark};
use crate::genesys::body::{self, Body};
use crate::genesys::call::{Call, FileKind};
use crate::genesys::error::{ApiError, UnavailableReason};
use crate::genesys::error_response::ResponseHead;
use crate::genesys::stats::add;
use crate::genesys::token::Bearer;
use crate::net::transport::ClientError;
use crate::records::foreign::ForeignId;

/// A complete response that is not decoded yet.
pub(super) struct RawResponse {
    pub(super) head: ResponseHead,
    pub(super) body: Body,
    /// The token that the request carried, if the API itself responded.
    pub(super) bearer: Option<Bearer>,
}

/// A try without a usable response.
pub(super) struct FailedTry {
    pub(super) error: ApiError,
    /// The token that the request carried, if it carried one.
    pub(super) bearer: Option<Bearer>,
}

impl Inner {
    /// Makes one try, cut short at the deadline.
    pub(super) async fn try_once(
        &self,
        call: &Call,
        deadline: Deadline,
        try_number: u32,
        permit: RateLimitPermit<'_>,
    ) -> Result<RawResponse, FailedTry> {
        let limit = self.settings.try_timeout();
        let limit = deadline
            .remaining(self.clock.now())
            .map_or(limit, |left| left.min(limit));
        match tokio::time::timeout(limit, self.exchange(call, try_number, permit)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ApiError::unavailable(call.route(), UnavailableReason::Timeout).into()),
        }
    }

    async fn exchange(
        &self,
        call: &Call,
        try_number: u32,
        mut permit: RateLimitPermit<'_>,
    ) -> Result<RawResponse, FailedTry> {
        let url = call.url(self.settings.endpoints.api());
        let bearer = if self.takes_token(call, &url) {
            Some(self.tokens.bearer(self.clock.now()).await?)
        } else {
            None
        };
        add(&self.stats.requests, 1);
        let response = self.send(call, url, bearer.as_ref(), &mut permit).await?;
        let status = response.status().as_u16();
        tracing::debug!(
            http.method = call.method().as_str(),
            http.route = call.route(),
            http.status = status,
            try_number,
            "response received"
        );
        let is_of_api = self.takes_token(call, response.url());
        match status {
            // A refused token is not charged: the budget in the headers is not the budget of this client.
            401 => permit.record_response(&HeaderMap::new()),
            _ if is_of_api => permit.record_response(response.headers()),
            _ => permit.record_response(&HeaderMap::new()),
        }
        if (200..=299).contains(&status) {
            let bearer = bearer.filter(|_| is_of_api);
            return Ok(self.read_response(call, response, bearer).await?);
        }
        let error = self.error_of_response(call, response).await;
        let bearer = bearer.filter(|_| is_of_api);
        Err(FailedTry { error, bearer })
    }

    /// Sends the request and, for a file, follows redirects.
    async fn send(
        &self,
        call: &Call,
        mut url: Url,
        bearer: Option<&Bearer>,
        permit: &mut RateLimitPermit<'_>,
    ) -> Result<Response, ApiError> {
        for _ in 0..files::MAX_REDIRECTS {
            let response = self.send_once(call, url, bearer, permit).await?;
            let target = call
                .file_kind()
                .and_then(|kind| files::redirect_target(kind, &response, &self.settings));
            match target {
                Some(target) => url = target,
                None => return Ok(response),
            }
        }
        self.send_once(call, url, bearer, permit).await
    }

    async fn send_once(
        &self,
        call: &Call,
        url: Url,
        bearer: Option<&Bearer>,
        permit: &mut RateLimitPermit<'_>,
    ) -> Result<Response, ApiError> {
        let bearer = bearer.filter(|_| self.takes_token(call, &url));
        let (http, accepted) = match call.file_kind() {
            Some(kind) => (self.files(kind, call)?, "*/*"),
            None => (&self.http, "application/json"),
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
        permit.mark_sent();
        request.send().await.map_err(|error| {
            if error.is_connect() {
                permit.mark_not_sent();
            }
            ApiError::transport(call.route(), error, &self.secrets)
        })
    }

    fn files(&self, kind: FileKind, call: &Call) -> Result<&reqwest::Client, ApiError> {
        let client = self.files.get(kind, &self.settings);
        client.map_err(|ClientError(error)| ApiError::transport(call.route(), error, &self.secrets))
    }

    /// Whether a request to this address carries the token: a call of the API, or the download of a file from the API. It
    /// is the API itself that responds to such a request.
    fn takes_token(&self, call: &Call, url: &Url) -> bool {
        let api = self.settings.endpoints.api();
        match call.file_kind() {
            None => url.origin() == api.origin(),
            Some(FileKind::Attachment) => files::is_download(url, api),
            Some(FileKind::Transcript) => false,
        }
    }

    async fn read_response(
        &self,
        call: &Call,
        response: Response,
        bearer: Option<Bearer>,
    ) -> Result<RawResponse, ApiError> {
        let head = ResponseHead::of(&response, self.clock.now(), &self.secrets);
        let limit = call.reply_limit_bytes(self.settings.body_limit_bytes);
        let body = body::read(response, limit, call.route(), &self.buffers, &self.secrets).await?;
        add(&self.stats.bytes_in, body.len() as u64);
        Ok(RawResponse { head, body, bearer })
    }

    /// Converts a response that is not a success to an error.
    async fn error_of_response(&self, call: &Call, response: Response) -> ApiError {
        let mut head = ResponseHead::of(&response, self.clock.now(), &self.secrets);
        if head.status == 429 && self.takes_token(call, response.url()) {
            // Before the body is read: other callers are about to send.
            self.hold_for(&mut head);
        }
        head.error(call.route(), &body::read_error(response).await)
    }

    /// Decodes the body of a success, or returns an error that says what is wrong with it.
    pub(super) fn decode_response<T>(
        &self,
        call: &Call,
        response: &RawResponse,
        decode: &mut impl FnMut(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, ApiError> {
        let head = &response.head;
        let body = without_byte_order_mark(&response.body);
        // A small body that is an API error counts as that error; a body of megabytes is a page.
        let is_small = body.len() <= body::ERROR_BODY_LIMIT && call.file_kind().is_none();
        if is_small && let Some(disguised) = self.disguised_error(call, head, body) {
            return Err(disguised);
        }
        head.decode_body(call.route(), call.expects(head.status), body, decode)
    }

    fn disguised_error(&self, call: &Call, head: &ResponseHead, body: &[u8]) -> Option<ApiError> {
        let mut head = head.clone();
        let error = head.disguised_error(call.route(), body)?;
        if error.status() == Some(429) && !self.is_foreign(call) {
            self.hold_for(&mut head);
            return head.disguised_error(call.route(), body);
        }
        Some(error)
    }

    /// Holds all callers on this token for the wait that the response asks for.
    fn hold_for(&self, head: &mut ResponseHead) {
        head.wait = head.wait.or_else(|| self.time_to_reset(self.clock.now()));
        self.hold(head.wait.unwrap_or_default());
    }

    /// If the budget is used up, its reset replaces a missing `Retry-After`.
    fn time_to_reset(&self, now: Timestamp) -> Option<Duration> {
        Some(self.pace().min_wait(now)).filter(|wait| !wait.is_zero())
    }
}

impl From<ApiError> for FailedTry {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            bearer: None,
        }
    }
}

pub(super) fn throttled(
    route: &str,
    retry_after: Option<Duration>,
    context_id: Option<ForeignId>,
) -> ApiError {
    ApiError::Throttled {
        route: route.to_owned(),
        retry_after,
        context_id,
    }
}
