//! The client: carries out one call with token, pace, retries and limits, within the caller's deadline.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use super::body::Buffers;
use super::call::{Call, Reply};
use super::credentials::CredentialsSource;
use super::endpoints::Endpoints;
use super::error::ApiError;
use super::login::Login;
use super::pace::Pace;
use super::retry;
use super::stats::{ClientStats, StatsSnapshot, add};
use super::token::{Bearer, TokenSource};
use super::transport::{ClientError, builder_for, is_loopback};
use crate::clock::{Clock, Deadline};
use crate::decode::DecodeError;
use attempt::{Answer, Failure};

mod attempt;
mod files;
mod turn;

/// What a client is built from.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    pub endpoints: Endpoints,
    /// The largest reply that is read: it stands in memory whole.
    pub body_limit_bytes: u64,
    /// For one attempt, from its login if it needs one to the last byte.
    pub request_timeout: Duration,
    /// Between two bytes.
    pub read_timeout: Duration,
    /// Per call, and whatever the deadline; the one with a renewed token may come on top.
    pub attempts: u32,
    pub user_agent: String,
    pub compression: Compression,
    /// Hosts besides the organisation's own domain that files are fetched from, with those below them.
    pub file_hosts: Vec<String>,
}

/// Whether replies are asked for as gzip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// A page is a seventh as long, and inflating it takes a tenth of the time that it takes us to store it.
    Asked,
    /// On this machine nothing is gained by it.
    NotAsked,
}

/// The way to Genesys Cloud. Clones share token, pace, connections and counters.
#[derive(Clone, Debug)]
pub struct GenesysClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: ClientSettings,
    http: reqwest::Client,
    /// For files, made when there is one: their hosts are named by answers, so it goes nowhere inside.
    files: OnceLock<reqwest::Client>,
    buffers: Buffers,
    tokens: TokenSource,
    pace: Mutex<Pace>,
    /// Callers wait for the budget one behind the other: first come, first served.
    line: tokio::sync::Mutex<()>,
    /// An answer came, and there may be room for whoever is first in line.
    news: Notify,
    stats: Arc<ClientStats>,
    clock: Clock,
}

/// How far one call is.
#[derive(Default)]
struct Progress {
    attempts: u32,
    /// Attempts whose answer was whole and of another shape.
    unexpected: u32,
    throttled: Duration,
    token: TokenUse,
}

/// A call renews its token once, and once more after a pause: a new token may take a moment until all servers know it. A
/// third 401 is about the client, not its token.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum TokenUse {
    #[default]
    Shared,
    Renewed,
    RenewedAgain,
}

/// Before a token is renewed again that was new when it was refused.
const NEW_TOKEN_PAUSE: Duration = Duration::from_secs(5);

impl ClientSettings {
    pub fn new(endpoints: Endpoints) -> Self {
        let compression = if is_loopback(endpoints.api()) {
            Compression::NotAsked
        } else {
            Compression::Asked
        };
        Self {
            compression,
            endpoints,
            body_limit_bytes: 64 * 1024 * 1024,
            request_timeout: Duration::from_mins(1),
            read_timeout: Duration::from_secs(15),
            attempts: 6,
            user_agent: concat!("genesys-conversation-archive/", env!("CARGO_PKG_VERSION"))
                .to_owned(),
            file_hosts: Vec::new(),
        }
    }
}

impl GenesysClient {
    pub fn new(
        settings: ClientSettings,
        credentials: Arc<dyn CredentialsSource>,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        let client = |url| {
            let builder = builder_for(url)
                .user_agent(&settings.user_agent)
                .gzip(settings.compression == Compression::Asked)
                .read_timeout(settings.read_timeout);
            builder.build()
        };
        let http = client(settings.endpoints.api())?;
        let stats = Arc::new(ClientStats::default());
        let login = Login::new(
            settings.endpoints.login(),
            client(settings.endpoints.login())?,
            Arc::clone(&stats),
        );
        let tokens = TokenSource::new(login, credentials);
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                http,
                files: OnceLock::new(),
                buffers: Buffers::default(),
                tokens,
                pace: Mutex::default(),
                line: tokio::sync::Mutex::default(),
                news: Notify::new(),
                stats,
                clock,
            }),
        })
    }

    pub fn settings(&self) -> &ClientSettings {
        &self.inner.settings
    }

    pub fn stats(&self) -> StatsSnapshot {
        self.inner.stats.snapshot()
    }

    /// Logs in unless there is a token already, and tells how long the API says that it lives: a setting of the OAuth
    /// client. One try, within the login's own timeout.
    pub async fn token_life(&self) -> Result<Option<Duration>, ApiError> {
        let bearer = self.inner.tokens.bearer(self.inner.clock.now()).await?;
        Ok(bearer.life)
    }

    /// Whether files are fetched from there.
    pub fn may_fetch(&self, url: &Url) -> bool {
        files::is_allowed(url, &self.inner.settings)
    }

    /// Whether the call goes to another host than the API's, which has budgets and moods of its own.
    pub fn is_foreign(&self, call: &Call) -> bool {
        self.inner.is_foreign(call)
    }

    /// How many requests a minute the token is allowed, once an answer has said so.
    pub fn allowed_per_minute(&self) -> Option<u32> {
        self.inner.pace().allowed()
    }

    /// Carries out `call` and decodes the reply. Tries again while that can help, there are attempts left and the
    /// wait ends before `deadline`; else the last error comes back at once, with the wait that it asks for.
    ///
    /// `decode` gets the body of an answer with a status that the call expects. What it does not take is asked for
    /// again, unless the body is an error of the API: then that error counts, whatever the status was.
    pub async fn call<T>(
        &self,
        call: &Call,
        deadline: Deadline,
        mut decode: impl FnMut(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<Reply<T>, ApiError> {
        let inner = &*self.inner;
        let mut progress = Progress::default();
        loop {
            let turn = if self.is_foreign(call) {
                inner.no_turn()
            } else {
                inner.await_turn(call, deadline, &mut progress).await?
            };
            progress.attempts += 1;
            let started = inner.clock.now();
            let (error, bearer) = match inner.attempt(call, deadline, progress.attempts, turn).await
            {
                Ok(answer) => match inner.read(call, &answer, &mut decode) {
                    Ok(value) => return Ok(inner.reply(value, &answer, started, &progress)),
                    Err(error) => (error, answer.bearer),
                },
                Err(Failure { error, bearer }) => (error, bearer),
            };
            match bearer.filter(|_| error.status() == Some(401)) {
                Some(bearer) => inner.renew(error, &bearer, deadline, &mut progress).await?,
                None => inner.back_off(error, call, deadline, &mut progress).await?,
            }
        }
    }
}

impl Inner {
    /// After a 401: discards the token for the next try, or gives the error back.
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
            // There is no time to find out whether the client is refused, or its token is not known everywhere yet.
            TokenUse::Renewed => return Err(error.passing()),
            TokenUse::RenewedAgain => return Err(error),
        };
        self.tokens.discard(refused).await;
        Ok(())
    }

    /// Waits before another try, or gives the error back when another would not help or be in time.
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
        let wait = retry::delay(&error, progress.attempts, fastrand::f64());
        let in_time = wait <= retry::LONGEST_SLEEP && deadline.allows(self.clock.now(), wait);
        if progress.attempts >= self.settings.attempts {
            // After an outage a single odd answer may still be an accident.
            let is_always = progress.unexpected == progress.attempts;
            return Err(if is_always {
                error.after_tries(progress.attempts)
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
            attempt = progress.attempts,
            wait_ms = millis(wait),
            reason = %error,
            "trying again"
        );
        add(&self.stats.retries, 1);
        if matches!(error, ApiError::Throttled { .. }) && !self.is_foreign(call) {
            // Everybody on this token waits, and we do so in line with them.
            self.hold(wait);
        } else {
            self.clock.sleep(wait).await;
        }
        Ok(())
    }

    fn reply<T>(
        &self,
        value: T,
        answer: &Answer,
        started: jiff::Timestamp,
        progress: &Progress,
    ) -> Reply<T> {
        Reply {
            value,
            status: answer.head.status,
            latency: Duration::try_from(self.clock.now().duration_since(started))
                .unwrap_or_default(),
            correlation_id: answer.head.correlation_id.clone(),
            attempts: progress.attempts,
            throttled: progress.throttled,
            content_type: answer.head.content_type.clone(),
            bytes_in: answer.body.len() as u64,
        }
    }

    fn is_foreign(&self, call: &Call) -> bool {
        call.is_foreign(self.settings.endpoints.api())
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
