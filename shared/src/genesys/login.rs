//! The login request: OAuth client credentials (RFC 6749, section 4.4) against the region's login host.
//! <https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials>

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret;
use url::Url;

use super::body::{self, Buffers};
use super::credentials::Credentials;
use super::endpoints::LOGIN_ROUTE;
use super::error::{ApiError, cut};
use super::refusal::Head;
use super::stats::{ClientStats, add};
use super::wire::{LoginErrorBody, TokenResponse};
use crate::base::decode::{self, without_byte_order_mark};

/// The login URL and the HTTP client for it.
#[derive(Debug)]
pub(crate) struct Login {
    url: Url,
    http: reqwest::Client,
    stats: Arc<ClientStats>,
}

/// Why a login returned no token.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// The login rejects this id and secret.
    Unfit(ApiError),
    Other(ApiError),
}

/// A login is a small request; if it takes longer, a retry is better.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A token response is about 200 bytes.
const BODY_LIMIT: u64 = 64 * 1024;

impl Login {
    pub(crate) fn new(base: &Url, http: reqwest::Client, stats: Arc<ClientStats>) -> Self {
        let mut url = base.clone();
        url.set_path(&format!(
            "{}{LOGIN_ROUTE}",
            base.path().trim_end_matches('/')
        ));
        Self { url, http, stats }
    }

    /// Sends one token request.
    pub(crate) async fn request(
        &self,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<TokenResponse, LoginError> {
        add(&self.stats.logins, 1);
        let request = self.http.post(self.url.clone()).timeout(TIMEOUT);
        let request = request
            .basic_auth(&credentials.id, Some(credentials.secret.expose_secret()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let response = request
            .send()
            .await
            .map_err(|error| ApiError::transport(LOGIN_ROUTE, error))?;
        let status = response.status().as_u16();
        tracing::debug!(
            http.method = "POST",
            http.route = LOGIN_ROUTE,
            http.status = status,
            "login response received"
        );
        let head = Head::of(&response, now);
        if !(200..=299).contains(&status) {
            return Err(self.refusal(&head, &body::read_error(response).await));
        }
        let body = body::read(response, BODY_LIMIT, LOGIN_ROUTE, &Buffers::default()).await?;
        let body = without_byte_order_mark(&body);
        if let Some(refusal) = self.disguised_refusal(&head, body) {
            return Err(refusal);
        }
        Ok(head.read(LOGIN_ROUTE, status == 200, body, decode::json)?)
    }

    /// Finds an error in a success response, of the login or of a gateway in front of it.
    fn disguised_refusal(&self, head: &Head, body: &[u8]) -> Option<LoginError> {
        let said: Option<LoginErrorBody> = serde_json::from_slice(body).ok();
        match said.filter(|said| said.error.is_some()) {
            Some(said) => Some(self.no_login(400, &said, None)),
            None => Some(self.refused(head.disguised_error(LOGIN_ROUTE, body)?, body)),
        }
    }

    fn refusal(&self, head: &Head, body: &[u8]) -> LoginError {
        self.refused(head.error(LOGIN_ROUTE, body), body)
    }

    fn refused(&self, error: ApiError, body: &[u8]) -> LoginError {
        match error {
            ApiError::Refused {
                status, message, ..
            } => {
                let said = serde_json::from_slice(without_byte_order_mark(body));
                self.no_login(status, &said.unwrap_or_default(), message)
            }
            transient => transient.into(),
        }
    }

    fn no_login(&self, status: u16, body: &LoginErrorBody, message: Option<String>) -> LoginError {
        let description = body
            .error_description
            .as_ref()
            .or(body.description.as_ref());
        let said = description.or(body.error.as_ref());
        let said = said.map(|said| cut(said)).or(message);
        let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
        if status == 401 || body.error.as_deref() == Some("invalid_client") {
            let reason = format!(
                "the client id or secret is wrong, or the client belongs to another region{said}; check \
                 GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and GENESYS_REGION"
            );
            return LoginError::Unfit(self.failed(status, reason));
        }
        self.failed(status, format!("status {status}{said}")).into()
    }

    fn failed(&self, status: u16, reason: String) -> ApiError {
        ApiError::Login {
            host: self.host(),
            reason,
            status: Some(status),
            source: None,
        }
    }

    pub(crate) fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }
}

impl From<ApiError> for LoginError {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Unfit(error) | LoginError::Other(error) => error,
        }
    }
}
