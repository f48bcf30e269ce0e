//! The bearer token: shared by all callers, fetched by one of them, renewed before it expires.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::credentials::{Credentials, CredentialsError, CredentialsSource};
use super::error::{ApiError, LOGIN_ROUTE, LoginRefusal, UnavailableReason};
use super::login::{Login, LoginError};
use super::wire::TokenResponse;
use crate::base::time::later;

/// A token to send with a request.
#[derive(Clone, Debug)]
pub(crate) struct Bearer {
    pub(crate) value: SecretString,
    /// Lifetime that the login reported.
    pub(crate) lifetime: Option<Duration>,
    /// The login that returned this token: shows whether another caller has renewed it since.
    login: u64,
}

/// Provides the token. Callers that arrive during a login wait for it and share its result.
#[derive(Debug)]
pub(crate) struct TokenSource {
    login: Login,
    source: Arc<dyn CredentialsSource>,
    /// Number of finished logins, successful or not.
    finished_logins: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    credentials: Option<Credentials>,
    token: Option<(Bearer, Timestamp)>,
    failure: Option<ApiError>,
}

/// A token is renewed this long before it expires; a short-lived one after nine tenths of its life.
const RENEWAL_MARGIN: Duration = Duration::from_mins(1);

/// The shortest lifetime that an OAuth client can be given, for a response that does not report one.
const MIN_LIFETIME: Duration = Duration::from_mins(5);

impl TokenSource {
    pub(crate) fn new(login: Login, source: Arc<dyn CredentialsSource>) -> Self {
        Self {
            login,
            source,
            finished_logins: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// Returns a token that is valid for a while, from the last login or a new one.
    pub(crate) async fn bearer(&self, now: Timestamp) -> Result<Bearer, ApiError> {
        let finished_logins = self.finished_logins.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(bearer) = state.valid_bearer(now) {
            return Ok(bearer);
        }
        if self.finished_logins.load(Ordering::Acquire) > finished_logins
            && let Some(failure) = &state.failure
        {
            // A login failed while this caller waited for it; another one at once would fail as well.
            return Err(failure.clone());
        }
        let outcome = self.log_in(&mut state, now).await;
        state.failure = outcome.as_ref().err().cloned();
        let login = self.finished_logins.fetch_add(1, Ordering::AcqRel);
        let (bearer, renew_at) = token(outcome?, login, now);
        state.token = Some((bearer.clone(), renew_at));
        Ok(bearer)
    }

    /// Discards `used`, which the API refused: the next caller logs in again, unless another caller already has.
    pub(crate) async fn discard(&self, used: &Bearer) {
        let mut state = self.state.lock().await;
        if state
            .token
            .as_ref()
            .is_some_and(|(bearer, _)| bearer.login == used.login)
        {
            state.token = None;
        }
    }

    /// The id of the OAuth client, from the credentials of the last login or read now.
    pub(crate) async fn client_id(&self) -> Result<String, ApiError> {
        let mut state = self.state.lock().await;
        match &state.credentials {
            Some(credentials) => Ok(credentials.id.clone()),
            None => Ok(self.read_credentials(&mut state).await?.id),
        }
    }

    /// Logs in. If the credentials are refused, reads them again, once: they may have been rotated.
    async fn log_in(&self, state: &mut State, now: Timestamp) -> Result<TokenResponse, ApiError> {
        let credentials = match &state.credentials {
            Some(credentials) => credentials.clone(),
            None => self.read_credentials(state).await?,
        };
        let refused = match self.login.request(&credentials, now).await {
            Err(LoginError::Credentials(refused)) => refused,
            outcome => return Ok(outcome?),
        };
        let reread = self.read_credentials(state).await?;
        if reread.is_same(&credentials) {
            return Err(refused);
        }
        tracing::info!("the client's credentials have changed; logging in with the new ones");
        Ok(self.login.request(&reread, now).await?)
    }

    async fn read_credentials(&self, state: &mut State) -> Result<Credentials, ApiError> {
        let credentials = self
            .source
            .read()
            .await
            .map_err(|error| self.credentials_error(error))?;
        state.credentials = Some(credentials.clone());
        Ok(credentials)
    }

    fn credentials_error(&self, error: CredentialsError) -> ApiError {
        match error {
            CredentialsError::Transient(source) => ApiError::Unavailable {
                route: LOGIN_ROUTE.to_owned(),
                reason: UnavailableReason::Credentials,
                wait: None,
                context_id: None,
                source: Some(source),
            },
            CredentialsError::Permanent(source) => ApiError::Login {
                host: self.login.host(),
                reason: LoginRefusal::UnreadableCredentials,
                status: None,
                source: Some(source),
            },
        }
    }
}

impl State {
    fn valid_bearer(&self, now: Timestamp) -> Option<Bearer> {
        let (bearer, renew_at) = self.token.as_ref()?;
        (now < *renew_at).then(|| bearer.clone())
    }
}

/// The token and the time to renew it, counted from before the request.
fn token(response: TokenResponse, login: u64, now: Timestamp) -> (Bearer, Timestamp) {
    let reported = response.expires_in.map(Duration::from_secs);
    let lifetime = reported.unwrap_or(MIN_LIFETIME);
    let valid_for = lifetime.saturating_sub(RENEWAL_MARGIN.min(lifetime / 10));
    let renew_at = later(now, valid_for);
    (
        Bearer {
            value: response.access_token,
            lifetime: reported,
            login,
        },
        renew_at,
    )
}

#[cfg(test)]
mod tests;
