//! Permits to send a request: waits for a place in the request budget and reports the outcome of the request to the
//! rate limiter.

use std::time::Duration;

use reqwest::header::HeaderMap;

use super::{Inner, Progress, send};
use crate::base::deadline::Deadline;
use crate::base::time::{elapsed, saturating_millis};
use crate::genesys::call::Call;
use crate::genesys::error::{ApiError, UnavailableReason};
use crate::genesys::pace::Ticket;
use crate::genesys::retry;

/// The right to send one request. If it is dropped without a response, a sent request is assumed to be counted.
#[derive(Debug)]
pub(super) struct RateLimitPermit<'a> {
    inner: &'a Inner,
    ticket: Option<Ticket>,
    is_sent: bool,
}

impl RateLimitPermit<'_> {
    /// Marks the request as sent: from now on the server may count it.
    pub(super) fn mark_sent(&mut self) {
        self.is_sent = true;
    }

    /// Marks the request as not sent: no connection was made.
    pub(super) fn mark_not_sent(&mut self) {
        self.is_sent = false;
    }

    /// Records the response's head; its body may take a while.
    pub(super) fn record_response(mut self, headers: &HeaderMap) {
        if let Some(ticket) = self.ticket.take() {
            let now = self.inner.clock.now();
            self.inner.pace().record_response(&ticket, headers, now);
        }
    }
}

impl Drop for RateLimitPermit<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let mut pace = self.inner.pace();
            if self.is_sent {
                pace.record_lost(&ticket);
            } else {
                pace.record_unsent(&ticket);
            }
        }
        self.inner.request_ended.notify_one();
    }
}

impl Inner {
    /// A permit for a request that the budget does not count.
    pub(super) fn unlimited_permit(&self) -> RateLimitPermit<'_> {
        RateLimitPermit {
            inner: self,
            ticket: None,
            is_sent: false,
        }
    }

    /// Waits until the budget has a place, if it has one in time for `deadline`.
    pub(super) async fn acquire_permit(
        &self,
        call: &Call,
        deadline: Deadline,
        progress: &mut Progress,
    ) -> Result<RateLimitPermit<'_>, ApiError> {
        let queued_at = self.clock.now();
        let permit = self.wait_for_permit(call, deadline).await;
        let waited = elapsed(queued_at, self.clock.now());
        progress.throttled += waited;
        self.stats.count_throttled_time(waited);
        permit
    }

    /// Holds all callers on this token for `wait`.
    pub(super) fn hold(&self, wait: Duration) {
        self.pace().hold(wait, self.clock.now());
    }

    async fn wait_for_permit(
        &self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<RateLimitPermit<'_>, ApiError> {
        if !deadline.allows(self.clock.now(), Duration::ZERO) {
            return Err(ApiError::unavailable(
                call.route(),
                UnavailableReason::NoTimeLeft,
            ));
        }
        // If the deadline rules out waiting for the caller at the head of the queue, it rules out queueing behind it
        // too.
        let wait = self.pace().min_wait(self.clock.now());
        self.check_wait(call, deadline, wait)?;
        let _first = match deadline.remaining(self.clock.now()) {
            None => self.queue.lock().await,
            Some(left) => tokio::time::timeout(left, self.queue.lock())
                .await
                .map_err(|_| self.timed_out_in_queue(call))?,
        };
        loop {
            let reserved = self.pace().reserve(self.clock.now());
            let wait = match reserved {
                Ok(ticket) => {
                    let ticket = Some(ticket);
                    return Ok(RateLimitPermit {
                        inner: self,
                        ticket,
                        is_sent: false,
                    });
                }
                Err(wait) => wait,
            };
            self.check_wait(call, deadline, wait)?;
            tracing::debug!(
                http.route = call.route(),
                wait_ms = saturating_millis(wait),
                "waiting for the rate limit"
            );
            tokio::select! {
                biased;
                () = self.clock.sleep(wait) => {}
                () = self.request_ended.notified() => {}
            }
        }
    }

    /// Fails at once if the wait is too long or ends after the deadline.
    fn check_wait(&self, call: &Call, deadline: Deadline, wait: Duration) -> Result<(), ApiError> {
        if wait > retry::LONGEST_SLEEP || !deadline.allows(self.clock.now(), wait) {
            return Err(send::throttled(call.route(), Some(wait), None));
        }
        Ok(())
    }

    /// The error when the deadline passes in the queue, which is due to the rate limit, too.
    fn timed_out_in_queue(&self, call: &Call) -> ApiError {
        let wait = self.pace().expected_wait(self.clock.now());
        send::throttled(call.route(), Some(wait), None)
    }
}
