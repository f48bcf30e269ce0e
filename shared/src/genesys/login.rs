//! The login request: OAuth client credentials against the region's login host.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use secrecy::ExposeSecret;
use url::Url;

use super::body::{self, Buffers};
use super::credentials::Credentials;
use super::error::{ApiError, Trouble, cut};
use super::retry;
use super::stats::{ClientStats, add};
use super::wire::{LoginErrorBody, TokenResponse};

/// How messages and log lines call the login.
pub(crate) const ROUTE: &str = "/oauth/token";

/// The login host and the way to it.
#[derive(Debug)]
pub(crate) struct Login {
    url: Url,
    http: reqwest::Client,
    stats: Arc<ClientStats>,
}

/// Why a login brought no token.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// This id and secret do not fit, here or anywhere.
    Unfit(ApiError),
    Other(ApiError),
}

/// A login is a small thing; one that takes longer is better tried again.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A token response is about 200 bytes.
const BODY_LIMIT: u64 = 64 * 1024;

impl Login {
    pub(crate) fn new(base: &Url, http: reqwest::Client, stats: Arc<ClientStats>) -> Self {
        let mut url = base.clone();
        url.set_path(&format!("{}{ROUTE}", base.path().trim_end_matches('/')));
        Self { url, http, stats }
    }

    /// One request for a token.
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
            .map_err(|error| ApiError::transport(ROUTE, error))?;
        let status = response.status().as_u16();
        tracing::debug!(
            http.method = "POST",
            http.route = ROUTE,
            http.status = status,
            "login answered"
        );
        if status == 200 {
            let body = body::read(response, BODY_LIMIT, ROUTE, &Buffers::default()).await?;
            return Ok(serde_json::from_slice(&body)
                .map_err(|error| ApiError::invalid_json(ROUTE, &error))?);
        }
        let wait = asked_wait(response.headers(), now);
        Err(self.refusal(status, wait, &body::read_error(response).await))
    }

    fn refusal(&self, status: u16, wait: Option<Duration>, body: &[u8]) -> LoginError {
        let route = || ROUTE.to_owned();
        match status {
            429 => ApiError::Throttled {
                route: route(),
                retry_after: wait,
                context_id: None,
            }
            .into(),
            408 | 500..=599 => {
                let what = Trouble::Status(status);
                ApiError::Unavailable {
                    route: route(),
                    what,
                    wait,
                    context_id: None,
                    source: None,
                }
                .into()
            }
            _ => self.no_login(status, &serde_json::from_slice(body).unwrap_or_default()),
        }
    }

    fn no_login(&self, status: u16, body: &LoginErrorBody) -> LoginError {
        let said = body
            .error_description
            .as_ref()
            .or(body.description.as_ref())
            .unwrap_or(&body.error);
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(" ({})", cut(said))
        };
        if status == 401 || body.error == "invalid_client" {
            let reason = format!(
                "the client id or secret is wrong, or the client belongs to another region than this{said}; check \
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

/// What `Retry-After` asks for.
pub(crate) fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    retry::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
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
