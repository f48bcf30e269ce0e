//! The rate-limit headers of one response.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

use crate::base::time::later;

/// The count and the end of the window in which the server counted the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateLimitHeaders {
    pub(super) count: u32,
    pub(super) allowed: u32,
    /// The window ends somewhere between these two.
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
    pub(super) sent: Timestamp,
    pub(super) received: Timestamp,
}

/// The reset is in whole seconds, and the API does not document how they are rounded.
const ROUNDING: Duration = Duration::from_secs(1);

/// Windows last a minute; a reset much later is an error that must not stop us.
const LONGEST_RESET: Duration = Duration::from_mins(10);

impl RateLimitHeaders {
    /// Reads the headers, which the server wrote at some moment between `sent` and `received`.
    pub(super) fn read(headers: &HeaderMap, sent: Timestamp, received: Timestamp) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
        // `sent` is later only if the clock was set back in between.
        let sent = sent.min(received);
        let reset = Duration::from_secs(number("inin-ratelimit-reset")?.into());
        let earliest = later(sent, reset.saturating_sub(ROUNDING));
        let latest = later(received, reset + ROUNDING);
        let reported = Self {
            count: number("inin-ratelimit-count")?,
            allowed: number("inin-ratelimit-allowed")?,
            earliest,
            latest,
            sent,
            received,
        };
        (reset <= LONGEST_RESET && reported.allowed > 0).then_some(reported)
    }
}
