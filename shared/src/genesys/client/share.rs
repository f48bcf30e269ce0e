//! A client that uses only a share of the rate limit.

use std::sync::Arc;

use super::{GenesysClient, send};
use crate::base::deadline::Deadline;
use crate::genesys::call::Call;
use crate::genesys::error::ApiError;
use crate::genesys::pace::{RateShare, ShareLimiter};

impl GenesysClient {
    /// The same client, whose calls are spaced so that they use at most this share of the rate limit. Its clones share
    /// the limit; calls of the client that it was made from do not count.
    #[must_use]
    pub fn limited_to(&self, share: RateShare) -> Self {
        let limiter = tokio::sync::Mutex::new(ShareLimiter::new(share));
        Self {
            inner: Arc::clone(&self.inner),
            share: Some(Arc::new(limiter)),
        }
    }

    /// Waits for the next place in the client's share, if it is limited to one and the place comes in time. Not counted
    /// as throttled time: the rate limit itself may have room.
    pub(super) async fn wait_for_share(
        &self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<(), ApiError> {
        let Some(limiter) = &self.share else {
            return Ok(());
        };
        let mut limiter = limiter.lock().await;
        let clock = &self.inner.clock;
        let wait = limiter.wait(self.inner.pace().least_allowed(), clock.now());
        if !deadline.allows(clock.now(), wait) {
            return Err(send::throttled(call.route(), Some(wait), None));
        }
        clock.sleep(wait).await;
        limiter.record_sent(clock.now());
        Ok(())
    }
}
