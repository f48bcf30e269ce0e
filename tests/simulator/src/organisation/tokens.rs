//! Bearer tokens: who has one, until when, and how often it has been used in the present minute.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::answer::{Answer, ApiError};
use crate::settings::Settings;

/// The length of the fixed windows in which requests are counted.
const WINDOW_SECONDS: i64 = 60;
/// What `inin-ratelimit-allowed` says when nothing is limited: more than anyone can send.
const UNLIMITED: u32 = 1_000_000;

#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: BTreeMap<String, Token>,
}

#[derive(Debug)]
struct Token {
    expires: Timestamp,
    revoked: bool,
    window: i64,
    count: u32,
}

/// How far a token's present window is used up.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    count: u32,
    allowed: u32,
    reset_seconds: i64,
}

impl Usage {
    pub(crate) fn onto(self, answer: Answer) -> Answer {
        answer
            .with_header("inin-ratelimit-count", self.count.to_string())
            .with_header("inin-ratelimit-allowed", self.allowed.to_string())
            .with_header("inin-ratelimit-reset", self.reset_seconds.to_string())
    }
}

impl Tokens {
    pub(crate) fn issue(&mut self, token: String, settings: &Settings, now: Timestamp) {
        let expires = now
            .checked_add(settings.token_lifetime)
            .unwrap_or(Timestamp::MAX);
        self.issued.insert(
            token,
            Token {
                expires,
                revoked: false,
                window: i64::MIN,
                count: 0,
            },
        );
    }

    pub(crate) fn revoke_all(&mut self) {
        self.issued
            .values_mut()
            .for_each(|token| token.revoked = true);
    }

    /// Every token issued so far, whether or not it still works.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.issued.keys()
    }

    /// Checks the token and counts the request; too many are counted too.
    pub(crate) fn charge(
        &mut self,
        authorization: Option<&str>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Usage, Refusal> {
        let header = authorization.ok_or_else(|| {
            Refusal::stranger(
                settings,
                ApiError::new(
                    401,
                    "authentication.required",
                    "No authentication bearer token specified in authorization header.",
                ),
            )
        })?;
        let bad = || {
            Refusal::stranger(
                settings,
                ApiError::new(401, "bad.credentials", "Invalid login credentials."),
            )
        };
        let token = header
            .strip_prefix("Bearer ")
            .and_then(|token| self.issued.get_mut(token))
            .ok_or_else(bad)?;
        if token.revoked || token.expires <= now {
            return Err(bad());
        }
        let usage = token.count(settings, now);
        if settings.rate_per_minute > 0 && usage.count > settings.rate_per_minute {
            let error = ApiError::throttled(Some(usage.reset_seconds.to_string()));
            return Err(Refusal { error, usage });
        }
        Ok(usage)
    }
}

/// A refusal carries the headers too.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) error: ApiError,
    pub(crate) usage: Usage,
}

impl Refusal {
    fn stranger(settings: &Settings, error: ApiError) -> Self {
        Self {
            error,
            usage: Usage::none(settings),
        }
    }
}

impl Usage {
    /// Of a request that no token is charged for.
    pub(crate) fn none(settings: &Settings) -> Self {
        Self {
            count: 0,
            allowed: allowed(settings),
            reset_seconds: WINDOW_SECONDS,
        }
    }
}

impl Token {
    fn count(&mut self, settings: &Settings, now: Timestamp) -> Usage {
        let window = now.as_second().div_euclid(WINDOW_SECONDS);
        if window != self.window {
            (self.window, self.count) = (window, 0);
        }
        self.count = self.count.saturating_add(1);
        let reset_seconds = WINDOW_SECONDS - now.as_second().rem_euclid(WINDOW_SECONDS);
        Usage {
            count: self.count,
            allowed: allowed(settings),
            reset_seconds,
        }
    }
}

fn allowed(settings: &Settings) -> u32 {
    if settings.rate_per_minute == 0 {
        UNLIMITED
    } else {
        settings.rate_per_minute
    }
}
