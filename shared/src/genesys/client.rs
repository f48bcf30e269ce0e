//! The API client: makes one call with token, rate limiting, retries and limits, within the caller's deadline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use super::body::Buffers;
use super::call::{Call, FileKind, Reply};
use super::credentials::CredentialsSource;
use super::endpoints::Endpoints;
use super::error::ApiError;
use super::login::{Login, LoginSettings};
use super::pace::{RateLimiter, ShareLimiter};
use super::retry;
use super::stats::{ClientStats, StatsSnapshot, add};
use super::token::{Bearer, TokenSource};
use crate::base::deadline::Deadline;
use crate::base::decode::DecodeError;
use crate::base::time::{elapsed, saturating_millis};
use crate::net::clock::Clock;
use crate::net::transport::{ClientError, ProxyUrl, builder_through, is_loopback};
use crate::records::foreign::{ForeignText, Secrets};
use files::FileClients;
use send::{FailedTry, RawResponse};

mod files;
mod permit;
mod send;
mod share;

/// Settings of a [`GenesysClient`].
#[derive(Clone, Debug)]
pub struct ClientSettings {
    pub endpoints: Endpoints,
    pub login: LoginSettings,
    /// Size of the largest response body, in bytes: the whole body is held in memory.
    pub body_limit_bytes: u64,
    /// Timeout of each read from the connection: the wait for a response, and for each part of it.
    pub read_timeout: Duration,
    /// Maximum number of tries per call, whatever the deadline; one with a renewed token may be added.
    pub max_tries: u32,
    pub user_agent: String,
    pub compression: Compression,
    /// Hosts, including their subdomains, from which files may be downloaded, besides the organisation's own domain.
    pub file_hosts: Vec<String>,
    /// Hosts, including their subdomains, from which transcripts of calls may be downloaded, besides the organisation's
    /// own domain and Amazon S3.
    pub transcript_hosts: Vec<String>,
    /// For requests to the API and for logins; `None` uses the proxy of the environment.
    pub proxy: Option<ProxyUrl>,
}

/// Whether the client requests gzip-compressed responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// A compressed page is about a seventh of the size, and inflating it takes a tenth of the time that storing it
    /// takes.
    Requested,
    /// For connections within one machine, where compression gains nothing.
    NotRequested,
}

/// Client for the Genesys Cloud API. Clones share token, rate limiting, connections and counters.
#[derive(Clone, Debug)]
pub struct GenesysClient {
    inner: Arc<Inner>,
    /// Spaces the calls of a client that may use only a share of the rate limit.
    share: Option<Arc<tokio::sync::Mutex<ShareLimiter>>>,
}

#[derive(Debug)]
struct Inner {
    settings: ClientSettings,
    http: reqwest::Client,
    /// HTTP clients for file downloads. API responses name the hosts, so they refuse internal addresses.
    files: FileClients,
    buffers: Buffers,
    tokens: TokenSource,
    /// Removed from everything that a response says about an error.
    secrets: Secrets,
    pace: Mutex<RateLimiter>,
    /// Queue of callers that wait for the request budget: first come, first served.
    queue: tokio::sync::Mutex<()>,
    /// Signals the end of a request, after which there may be room for the caller at the head of the queue.
    request_ended: Notify,
    stats: Arc<ClientStats>,
    clock: Clock,
}

/// State of one call.
#[derive(Default)]
struct Progress {
    tries: u32,
    /// Tries with a complete response of an unexpected shape.
    unexpected: u32,
    throttled: Duration,
    token: TokenUse,
}

/// A call renews its token once, and once more after a pause, because a new token may take a moment to reach all
/// servers. A third 401 concerns the OAuth client, not its token.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum TokenUse {
    #[default]
    Shared,
    Renewed,
    RenewedAgain,
}

/// Time that a try may take besides the longest wait for its response.
const LOGIN_AND_BODY: Duration = Duration::from_mins(1);

/// Pause before the next renewal when a new token was refused.
const NEW_TOKEN_PAUSE: Duration = Duration::from_secs(5);

impl ClientSettings {
    pub fn new(endpoints: Endpoints) -> Self {
        let compression = if is_loopback(endpoints.api()) {
            Compression::NotRequested
        } else {
            Compression::Requested
        };
        Self {
            compression,
            endpoints,
            login: LoginSettings::default(),
            body_limit_bytes: 64 * 1024 * 1024,
            // Some gateways respond only after they have computed the whole page.
            read_timeout: Duration::from_mins(1),
            max_tries: 6,
            user_agent: concat!("genesys-conversation-archive/", env!("CARGO_PKG_VERSION"))
                .to_owned(),
            file_hosts: Vec::new(),
            transcript_hosts: Vec::new(),
            proxy: None,
        }
    }

    /// Timeout of one try, from its login (if it needs one) to the last byte, and of a login alone. The deadline of the
    /// call may end it earlier.
    pub(crate) fn try_timeout(&self) -> Duration {
        self.read_timeout + LOGIN_AND_BODY
    }
}

impl GenesysClient {
    pub fn new(
        settings: ClientSettings,
        credentials: Arc<dyn CredentialsSource>,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        let client = |url| {
            let builder = builder_through(url, settings.proxy.as_ref())?
                .user_agent(&settings.user_agent)
                .gzip(settings.compression == Compression::Requested)
                .read_timeout(settings.read_timeout);
            Ok::<_, ClientError>(builder.build()?)
        };
        let http = client(settings.endpoints.api())?;
        let stats = Arc::new(ClientStats::default());
        let secrets = Secrets::default();
        let login = Login::new(
            settings.endpoints.login(),
            settings.login.clone(),
            settings.try_timeout(),
            client(settings.endpoints.login())?,
            Arc::clone(&stats),
            secrets.clone(),
        );
        let tokens = TokenSource::new(login, credentials);
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                http,
                files: FileClients::default(),
                buffers: Buffers::default(),
                tokens,
                secrets,
                pace: Mutex::default(),
                queue: tokio::sync::Mutex::default(),
                request_ended: Notify::new(),
                stats,
                clock,
            }),
            share: None,
        })
    }

    pub fn settings(&self) -> &ClientSettings {
        &self.inner.settings
    }

    pub fn stats(&self) -> StatsSnapshot {
        self.inner.stats.snapshot()
    }

    /// Logs in unless a token is cached, and returns the token lifetime that the API reports, if it does: a setting
    /// of the OAuth client. Makes one try.
    pub async fn token_lifetime(&self) -> Result<Option<Duration>, ApiError> {
        Ok(self.bearer().await?.lifetime)
    }

    /// The id of the OAuth client.
    pub async fn client_id(&self) -> Result<String, ApiError> {
        self.inner.tokens.client_id().await
    }

    /// A valid token, from the last login or a new one.
    pub(super) async fn bearer(&self) -> Result<Bearer, ApiError> {
        self.inner.tokens.bearer(self.inner.clock.now()).await
    }

    /// Discards a token that was refused, unless it has been renewed already.
    pub(super) async fn discard(&self, refused: &Bearer) {
        self.inner.tokens.discard(refused).await;
    }

    /// The secrets of this client, which no text about an error may hold.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// A text of a response, as it may be shown and stored.
    pub(crate) fn quote(&self, text: &str) -> ForeignText {
        ForeignText::new(text, &self.inner.secrets)
    }

    /// Whether files of this kind may be downloaded from `url`.
    pub(crate) fn may_fetch(&self, kind: FileKind, url: &Url) -> bool {
        files::is_allowed(kind, url, &self.inner.settings)
    }

    /// Whether the call goes to a host other than the API's, which has limits and failures of its own.
    pub fn is_foreign(&self, call: &Call) -> bool {
        self.inner.is_foreign(call)
    }

    /// Requests per minute that the token is allowed, once a response has reported the limit.
    pub fn allowed_per_minute(&self) -> Option<u32> {
        self.inner.pace().allowed()
    }

    /// Makes `call` and decodes the reply. Retries while a retry can help, tries are left and the wait ends before
    /// `deadline`; otherwise returns the last error at once, with the wait that the server asked for.
    ///
    /// `decode` receives the body of a response whose status the call expects. If it fails, the call is retried,
    /// unless the body is an API error: then that error counts, whatever the status was.
    pub async fn call<T>(
        &self,
        call: &Call,
        deadline: Deadline,
        mut decode: impl FnMut(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<Reply<T>, ApiError> {
        let inner = &*self.inner;
        let mut progress = Progress::default();
        loop {
            let permit = if self.is_foreign(call) {
                inner.unlimited_permit()
            } else {
                self.wait_for_share(call, deadline).await?;
                inner.acquire_permit(call, deadline, &mut progress).await?
            };
            progress.tries += 1;
            let started = inner.clock.now();
            let (error, bearer) = match inner.try_once(call, deadline, progress.tries, permit).await
            {
                Ok(response) => match inner.decode_response(call, &response, &mut decode) {
                    Ok(value) => return Ok(inner.reply(value, &response, started, &progress)),
                    Err(error) => (error, response.bearer),
                },
                Err(FailedTry { error, bearer }) => (error, bearer),
            };
            match bearer.filter(|_| error.status() == Some(401)) {
                Some(bearer) => inner.renew(error, &bearer, deadline, &mut progress).await?,
                None => inner.back_off(error, call, deadline, &mut progress).await?,
            }
        }
    }
}

impl Inner {
    /// After a 401: discards the token for the next try, or returns the error.
    async fn renew(
        &self,
        error: ApiError,
        refused: &Bearer,
        deadline: Deadline,
        progress: &mut Progress,
    ) -> Result<(), ApiError> {
        progress.token = match progress.token {
            TokenUse::Shared => TokenUse::Renewed,
            TokenUse::Renewed if deadline.allows(self.clock.now(), NEW_TOKEN_PAUSE) => {
                self.clock.sleep(NEW_TOKEN_PAUSE).await;
                TokenUse::RenewedAgain
            }
            // There is no time to find out whether the client is refused or its new token is not known to all servers
            // yet.
            TokenUse::Renewed => return Err(error.into_transient()),
            TokenUse::RenewedAgain => return Err(error),
        };
        self.tokens.discard(refused).await;
        Ok(())
    }

    /// Waits before the next try, or returns the error if a retry would not help or would be too late.
    async fn back_off(
        &self,
        error: ApiError,
        call: &Call,
        deadline: Deadline,
        progress: &mut Progress,
    ) -> Result<(), ApiError> {
        if error.status() == Some(429) {
            add(&self.stats.throttled, 1);
        }
        progress.unexpected += u32::from(error.is_unexpected());
        let wait = retry::delay(&error, progress.tries, fastrand::f64());
        let in_time = wait <= retry::LONGEST_SLEEP && deadline.allows(self.clock.now(), wait);
        if progress.tries >= self.settings.max_tries {
            // After an outage a single odd response may be an accident.
            let are_all_unexpected = progress.unexpected == progress.tries;
            return Err(if are_all_unexpected {
                error.after_tries(progress.tries)
            } else {
                error
            });
        }
        if !error.is_transient() || !in_time {
            return Err(error);
        }
        tracing::warn!(
            http.method = call.method().as_str(),
            http.route = call.route(),
            http.status = error.status(),
            attempt = progress.tries,
            wait_ms = saturating_millis(wait),
            reason = %error,
            "retrying request"
        );
        add(&self.stats.retries, 1);
        if matches!(error, ApiError::Throttled { .. }) && !self.is_foreign(call) {
            // All callers on this token wait; this call queues with them.
            self.hold(wait);
        } else {
            self.clock.sleep(wait).await;
        }
        Ok(())
    }

    fn reply<T>(
        &self,
        value: T,
        response: &RawResponse,
        started: jiff::Timestamp,
        progress: &Progress,
    ) -> Reply<T> {
        Reply {
            value,
            status: response.head.status,
            latency: elapsed(started, self.clock.now()),
            correlation_id: response.head.correlation_id.clone().map(String::from),
            tries: progress.tries,
            throttled: progress.throttled,
            content_type: response.head.content_type.clone(),
            bytes_in: response.body.len() as u64,
        }
    }

    fn is_foreign(&self, call: &Call) -> bool {
        call.is_foreign(self.settings.endpoints.api())
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, RateLimiter> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
