//! The login request: OAuth client credentials (RFC 6749, section 4.4) against the region's login host.
//! <https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials>

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use url::Url;

use super::body::{self, Buffers};
use super::credentials::Credentials;
use super::error::{ApiError, LOGIN_ROUTE, LoginRefusal, RefusalReason};
use super::error_response::ResponseHead;
use super::region::Region;
use super::stats::{ClientStats, add};
use super::wire::{LoginErrorBody, TokenResponse};
use crate::base::decode::{self, without_byte_order_mark};
use crate::records::foreign::Secrets;

mod form;
mod suspects;

use form::basic_credentials;
use suspects::{concerns_credentials, suspects};

pub use form::{LoginForm, LoginPath, LoginSettings, LoginSettingsError};

/// The login URL, the form of its requests, and the HTTP client for them.
#[derive(Debug)]
pub(crate) struct Login {
    url: Url,
    settings: LoginSettings,
    timeout: Duration,
    http: reqwest::Client,
    stats: Arc<ClientStats>,
    /// Gets the credentials and the tokens.
    secrets: Secrets,
}

/// Why a login returned no token.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// The login may accept other credentials.
    Credentials(ApiError),
    Other(ApiError),
}

/// A token response is about 200 bytes.
const BODY_LIMIT: u64 = 64 * 1024;

impl Login {
    /// A login below `base`, with the form of the settings. `timeout` is that of one request.
    pub(crate) fn new(
        base: &Url,
        settings: LoginSettings,
        timeout: Duration,
        http: reqwest::Client,
        stats: Arc<ClientStats>,
        secrets: Secrets,
    ) -> Self {
        Self {
            url: settings.path.below(base),
            settings,
            timeout,
            http,
            stats,
            secrets,
        }
    }

    /// Sends one token request.
    pub(crate) async fn request(
        &self,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<TokenResponse, LoginError> {
        add(&self.stats.logins, 1);
        self.remember(credentials);
        let form = &self.settings.form;
        let request = form.request(&self.http, self.url.clone(), credentials);
        let response = request
            .timeout(self.timeout)
            .send()
            .await
            .map_err(|error| ApiError::transport(LOGIN_ROUTE, error, &self.secrets))?;
        let status = response.status().as_u16();
        tracing::debug!(
            http.method = "POST",
            http.route = self.settings.path.as_str(),
            http.status = status,
            "login response received"
        );
        let head = ResponseHead::of(&response, now, &self.secrets);
        if !(200..=299).contains(&status) {
            return Err(self.error_of_response(&head, &body::read_error(response).await));
        }
        let body = body::read(
            response,
            BODY_LIMIT,
            LOGIN_ROUTE,
            &Buffers::default(),
            &self.secrets,
        )
        .await?;
        let body = without_byte_order_mark(&body);
        if let Some(error) = self.disguised_error(&head, body) {
            return Err(error);
        }
        let token: TokenResponse =
            head.decode_body(LOGIN_ROUTE, status == 200, body, decode::json)?;
        self.secrets.add(token.access_token.expose_secret());
        Ok(token)
    }

    /// Adds the credentials, as each form sends them, to the secrets that no error may show.
    fn remember(&self, credentials: &Credentials) {
        let secret = credentials.secret.expose_secret();
        self.secrets.add(&credentials.id);
        self.secrets.add(secret);
        self.secrets.add(&basic_credentials(credentials));
    }

    /// Finds an error in a success response, of the login or of a gateway in front of it.
    fn disguised_error(&self, head: &ResponseHead, body: &[u8]) -> Option<LoginError> {
        let error_body: Option<LoginErrorBody> = serde_json::from_slice(body).ok();
        match error_body.filter(|error_body| error_body.error.is_some()) {
            Some(error_body) => Some(self.login_error(400, head, &error_body, None)),
            None => Some(self.error_of_body(head, head.disguised_error(LOGIN_ROUTE, body)?, body)),
        }
    }

    fn error_of_response(&self, head: &ResponseHead, body: &[u8]) -> LoginError {
        self.error_of_body(head, head.error(LOGIN_ROUTE, body), body)
    }

    fn error_of_body(&self, head: &ResponseHead, error: ApiError, body: &[u8]) -> LoginError {
        match error {
            ApiError::Refused { status, reason, .. } => {
                let error_body = serde_json::from_slice(without_byte_order_mark(body));
                self.login_error(status, head, &error_body.unwrap_or_default(), reason)
            }
            transient => transient.into(),
        }
    }

    /// `reason` is what the response says if its body is not that of a login error.
    fn login_error(
        &self,
        status: u16,
        head: &ResponseHead,
        body: &LoginErrorBody,
        reason: Option<RefusalReason>,
    ) -> LoginError {
        let description = body
            .error_description
            .as_ref()
            .or(body.description.as_ref());
        let detail = description.or(body.error.as_ref());
        let reason = detail
            .map(|detail| RefusalReason::Message(head.quote(detail)))
            .or(reason);
        let code = body.error.as_deref();
        let check = match reason {
            // Something in front of the login has responded.
            Some(RefusalReason::WebPage { .. }) if status == 403 => Vec::new(),
            _ => suspects(status, code, &self.settings, self.host_setting()),
        };
        let concerns_credentials = concerns_credentials(&check);
        let refusal = if status == 401 || code == Some("invalid_client") {
            LoginRefusal::InvalidClient { reason, check }
        } else {
            LoginRefusal::Status {
                status,
                reason,
                check,
            }
        };
        let error = self.api_error(status, refusal);
        if concerns_credentials {
            LoginError::Credentials(error)
        } else {
            LoginError::Other(error)
        }
    }

    fn api_error(&self, status: u16, reason: LoginRefusal) -> ApiError {
        ApiError::Login {
            host: self.host(),
            reason,
            status: Some(status),
            source: None,
        }
    }

    /// The setting that determines the host.
    fn host_setting(&self) -> &'static str {
        match Region::of_host(&self.host()) {
            Some(_) => "GENESYS_REGION",
            None => "GENESYS_LOGIN_URL",
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
            LoginError::Credentials(error) | LoginError::Other(error) => error,
        }
    }
}
