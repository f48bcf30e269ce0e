//! Repeats calls whose errors are transient, for callers that no queue calls again.

use std::time::Duration;

use jiff::Timestamp;

use super::{BucketError, S3Store};
use crate::failure::in_one_line;
use crate::store::StoreError;

/// The longest first wait between two attempts; each further one may be twice as long.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// No wait is longer: what throttles recovers within seconds.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// The wait after this attempt, drawn at random so that callers which failed together do not come back together.
pub(super) fn backoff(attempt: u32) -> Duration {
    let longest = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    longest.min(LONGEST_BACKOFF).mul_f64(fastrand::f64())
}

/// An error that may be worth a repetition.
pub(super) trait MayPass {
    fn may_pass(&self) -> bool;
}

impl MayPass for StoreError {
    fn may_pass(&self) -> bool {
        self.is_transient()
    }
}

impl MayPass for BucketError {
    /// Only what answered: a wrong endpoint would be waited for in vain.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

impl S3Store {
    /// The outcome of `call`, which is repeated until it succeeds, fails for good, or the patience is used up.
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
                    tracing::warn!(error = %in_one_line(&error), attempt, "retrying an S3 call");
                    self.clock.sleep(backoff(attempt)).await;
                }
                outcome => return outcome,
            }
            attempt += 1;
        }
    }
}
