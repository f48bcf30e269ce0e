//! Retries calls with transient errors, for callers without a queue that would retry them.

use std::time::Duration;

use jiff::Timestamp;

use super::{BucketError, S3Store};
use crate::base::failure::in_one_line;
use crate::storage::store::StoreError;

/// The ceiling of the first wait between two attempts; each further one is twice as high.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// No wait is longer: throttling ends within seconds.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// The wait after this attempt, with full jitter, so that callers that failed together do not retry together.
pub(super) fn backoff(attempt: u32) -> Duration {
    let longest = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    longest.min(LONGEST_BACKOFF).mul_f64(fastrand::f64())
}

/// An error for which a retry may succeed.
pub(super) trait MayPass {
    fn may_pass(&self) -> bool;
}

impl MayPass for StoreError {
    fn may_pass(&self) -> bool {
        self.is_transient()
    }
}

impl MayPass for BucketError {
    /// Only errors of a store that responded: retrying a wrong endpoint is useless.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

impl S3Store {
    /// The result of `call`, retried until it succeeds, fails permanently, or the patience is used up.
    pub(super) async fn patiently<T, E, F>(&self, call: impl Fn() -> F) -> Result<T, E>
    where
        E: MayPass + std::error::Error + 'static,
        F: Future<Output = Result<T, E>>,
    {
        let give_up = self.clock.now().saturating_add(self.patience);
        let give_up = give_up.unwrap_or(Timestamp::MAX);
        let mut attempt = 1;
        loop {
            match call().await {
                Err(error) if error.may_pass() && self.clock.now() < give_up => {
                    tracing::warn!(error = %in_one_line(&error), attempt, "retrying S3 request");
                    self.clock.sleep(backoff(attempt)).await;
                }
                outcome => return outcome,
            }
            attempt += 1;
        }
    }
}
