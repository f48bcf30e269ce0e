//! Retries calls with transient errors, for callers without a queue that would retry them.

use std::time::Duration;

use super::{BucketError, S3Store};
use crate::base::failure::error_chain;
use crate::base::time::later;
use crate::storage::store::StoreError;

/// The ceiling of the first wait between two tries; each further one is twice as high.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// No wait is longer: throttling ends within seconds.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// The wait after this number of tries, with full jitter, so that callers that failed together do not retry together.
pub(super) fn backoff(tries: u32) -> Duration {
    let longest = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    longest.min(LONGEST_BACKOFF).mul_f64(fastrand::f64())
}

/// An error for which a retry may succeed.
pub(super) trait Retryable {
    fn is_retryable(&self) -> bool;
}

impl Retryable for StoreError {
    fn is_retryable(&self) -> bool {
        self.is_transient()
    }
}

impl Retryable for BucketError {
    /// Only errors of a store that responded: retrying a wrong endpoint is useless.
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

impl S3Store {
    /// The result of `call`, retried until it succeeds, fails permanently, or the time for retries is over.
    pub(super) async fn with_retries<T, E, F>(&self, call: impl Fn() -> F) -> Result<T, E>
    where
        E: Retryable + std::error::Error + 'static,
        F: Future<Output = Result<T, E>>,
    {
        let retry_until = later(self.clock.now(), self.retry_for);
        let mut tries = 1;
        loop {
            match call().await {
                Err(error) if error.is_retryable() && self.clock.now() < retry_until => {
                    tracing::warn!(error = %error_chain(&error), tries, "retrying S3 request");
                    self.clock.sleep(backoff(tries)).await;
                }
                outcome => return outcome,
            }
            tries += 1;
        }
    }
}
