//! Computes the wait before a retry, a pure function of the error, the number of tries and a random number.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::error::ApiError;

/// Genesys advises this wait after a 504, whose query keeps running on the server for a while.
pub(crate) const GATEWAY_TIMEOUT_WAIT: Duration = Duration::from_secs(10);

/// The longest wait inside a call. A caller that would wait longer parks its work and resumes it later.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_mins(5);

/// The first back-off's ceiling, and the jitter added to a wait that the server asked for, so that concurrent callers
/// do not all return at once.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);

const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// No rate limit of the API lasts a day, so a longer `Retry-After` is invalid.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

const DATE: DateTimeParser = DateTimeParser::new();

/// The wait after the `tries`-th try, with `jitter` between 0 and 1: full jitter, or the wait that the server asked
/// for.
pub(crate) fn delay(error: &ApiError, tries: u32, jitter: f64) -> Duration {
    match error.wait() {
        Some(wait) => wait.saturating_add(FIRST_BACKOFF.mul_f64(jitter)),
        None => ceiling(tries).mul_f64(jitter),
    }
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, section 10.2.3); `None` if it is invalid or in the past.
/// The API sends it in seconds with every 429:
/// <https://developer.genesys.cloud/forum/t/normalized-platform-api-429-responses/12028>
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let wait = match value.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            Duration::try_from(DATE.parse_timestamp(value.trim()).ok()?.duration_since(now)).ok()?
        }
    };
    (wait <= LONGEST_RETRY_AFTER).then_some(wait)
}

fn ceiling(tries: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
    FIRST_BACKOFF.saturating_mul(doubled).min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::super::error::UnavailableReason;
    use super::*;

    fn now() -> Timestamp {
        "1994-11-06T08:49:00Z".parse().unwrap()
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(retry_after("7", now()), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now()),
            Some(Duration::from_secs(37))
        );
    }

    #[test]
    fn an_invalid_retry_after_is_ignored() {
        for value in [
            "",
            "-3",
            "soon",
            "1.5",
            "Sun, 06 Nov 1994 08:48:00 GMT",
            "31536000",
            "99999999999999999999",
        ] {
            assert_eq!(retry_after(value, now()), None, "{value}");
        }
    }

    #[test]
    fn back_off_doubles_up_to_the_cap() {
        let error = ApiError::unavailable("/", UnavailableReason::Unreachable);

        let longest = [1, 2, 3, 6, 7, 40].map(|tries| delay(&error, tries, 1.0).as_millis());

        assert_eq!(longest, [500, 1000, 2000, 16_000, 20_000, 20_000]);
        assert_eq!(delay(&error, 9, 0.0), Duration::ZERO);
    }

    #[test]
    fn jitter_never_shortens_a_given_retry_after() {
        let error = ApiError::Throttled {
            route: String::new(),
            retry_after: Some(Duration::from_secs(30)),
            context_id: None,
        };

        assert_eq!(delay(&error, 1, 0.0), Duration::from_secs(30));
        assert_eq!(delay(&error, 1, 1.0), Duration::from_millis(30_500));
    }
}
