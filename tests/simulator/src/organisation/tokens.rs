//! Bearer tokens: their lifetimes, and the number of requests with each in the current rate limit window.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::limits::Limit;
use super::response::{ApiError, ApiResponse};
use crate::settings::Settings;

/// Value of `inin-ratelimit-allowed` when there is no limit: more than any client can send.
const UNLIMITED: u32 = 1_000_000;

#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: BTreeMap<String, Token>,
    /// Requests with all of the client's tokens together.
    client: Window,
}

#[derive(Debug)]
struct Token {
    expires: Timestamp,
    revoked: bool,
    window: Window,
}

/// The current window, by its number since the epoch, and the number of requests in it.
#[derive(Debug, Default)]
struct Window {
    number: i64,
    count: u32,
}

/// Use of a token's current window.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    count: u32,
    allowed: u32,
    reset_seconds: i64,
}

impl Tokens {
    pub(crate) fn issue(&mut self, token: String, settings: &Settings, now: Timestamp) {
        let expires = now
            .checked_add(settings.token_lifetime)
            .unwrap_or(Timestamp::MAX);
        let token_state = Token {
            expires,
            revoked: false,
            window: Window::default(),
        };
        self.issued.insert(token, token_state);
    }

    pub(crate) fn revoke_all(&mut self) {
        self.issued
            .values_mut()
            .for_each(|token| token.revoked = true);
    }

    /// Every token issued so far, valid or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.issued.keys()
    }

    pub(crate) fn is_valid(&self, token: &str, now: Timestamp) -> bool {
        self.issued.get(token).is_some_and(|it| it.is_valid(now))
    }

    /// Checks the token and counts the request, including requests over the limit. The usage is for the response
    /// headers, also of an error.
    pub(crate) fn charge(
        &mut self,
        authorization: Option<&str>,
        settings: &Settings,
        now: Timestamp,
    ) -> (Usage, Result<(), ApiError>) {
        let token = match find_valid_token(&mut self.issued, authorization, now) {
            Ok(token) => token,
            Err(error) => return (Usage::none(settings), Err(error)),
        };
        let current_window = CurrentWindow::of(settings.rate_window, now);
        let usage = Usage {
            count: token.window.count(&current_window),
            allowed: allowed(settings),
            reset_seconds: current_window.seconds_left,
        };
        let of_token = Limit::of_token(settings.rate_per_minute);
        let of_client = Limit::of_client(settings.client_rate_per_minute);
        let counts = [
            (usage.count, of_token),
            (self.client.count(&current_window), of_client),
        ];
        let exceeded = counts.into_iter().find(|(count, limit)| {
            let is_limited = settings.rate_per_minute > 0 && limit.value > 0;
            is_limited && u64::from(*count) > limit.value
        });
        let charge_result = exceeded.map_or(Ok(()), |(_, limit)| {
            Err(ApiError::over_limit(current_window.seconds_left, limit))
        });
        (usage, charge_result)
    }
}

impl Token {
    fn is_valid(&self, now: Timestamp) -> bool {
        !self.revoked && now < self.expires
    }
}

fn find_valid_token<'a>(
    issued: &'a mut BTreeMap<String, Token>,
    authorization: Option<&str>,
    now: Timestamp,
) -> Result<&'a mut Token, ApiError> {
    let header = authorization.ok_or_else(|| {
        let message = "No authentication bearer token specified in authorization header.";
        ApiError::new(401, "authentication.required", message)
    })?;
    header
        .strip_prefix("Bearer ")
        .and_then(|token| issued.get_mut(token))
        .filter(|token| token.is_valid(now))
        .ok_or_else(ApiError::bad_credentials)
}

/// The rate limit window that contains a given time.
struct CurrentWindow {
    number: i64,
    seconds_left: i64,
}

impl CurrentWindow {
    fn of(length: Duration, now: Timestamp) -> Self {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
        let now = now.as_millisecond();
        let left = length - now.rem_euclid(length);
        Self {
            number: now.div_euclid(length),
            // Rounded up to whole seconds: a client that waits this long is in the next window.
            seconds_left: (left + 999) / 1000,
        }
    }
}

impl Window {
    fn count(&mut self, current_window: &CurrentWindow) -> u32 {
        if self.number != current_window.number {
            (self.number, self.count) = (current_window.number, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

impl Usage {
    /// Usage for a request that is not counted against a token.
    pub(crate) fn none(settings: &Settings) -> Self {
        Self {
            count: 0,
            allowed: allowed(settings),
            reset_seconds: i64::try_from(settings.rate_window.as_secs()).unwrap_or(i64::MAX),
        }
    }

    pub(crate) fn add_headers_to(self, response: ApiResponse) -> ApiResponse {
        response
            .with_header("inin-ratelimit-count", self.count.to_string())
            .with_header("inin-ratelimit-allowed", self.allowed.to_string())
            .with_header("inin-ratelimit-reset", self.reset_seconds.to_string())
    }
}

fn allowed(settings: &Settings) -> u32 {
    if settings.rate_per_minute == 0 {
        UNLIMITED
    } else {
        settings.rate_per_minute
    }
}
