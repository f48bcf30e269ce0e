//! Writes that are repeated while the store fails, for a limited time.

use std::time::Duration;

use conversation_archive::archive::ArchiveError;
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::time::later;
use conversation_archive::net::clock::Clock;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::figures::Notice;
use super::stop::Stop;

/// How long a write is repeated.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    pub(super) notices: UnboundedSender<Notice>,
    /// From the first attempt.
    pub(super) limit: Duration,
    /// From the request to stop.
    pub(super) stop_within: Duration,
}

/// The archive could not be written in time.
#[derive(Debug, thiserror::Error)]
#[error("the archive cannot be written")]
pub struct NotWritten(#[source] Option<ArchiveError>);

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Repeats the write, whose expression is evaluated for each attempt, until it succeeds or the time is over. An attempt that
/// takes longer is dropped. A macro, because the future of an asynchronous closure cannot be required to be `Send`.
macro_rules! write {
    ($retry:expr, $attempt:expr) => {{
        let mut attempts = $retry.attempts();
        loop {
            if let Some(written) = attempts.attempt($attempt).await? {
                break written;
            }
        }
    }};
}
pub(super) use write;

/// The attempts at one write.
pub(super) struct Attempts<'a> {
    retry: &'a Retry,
    /// Ends when the time is over.
    over: BoxFuture<'a, ()>,
    wait: Duration,
    last_error: Option<ArchiveError>,
}

impl Retry {
    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts {
            retry: self,
            over: Box::pin(self.over(self.clock.now())),
            wait: FIRST_WAIT,
            last_error: None,
        }
    }

    /// Waits for the end of the time of a write that began then.
    async fn over(&self, began: Timestamp) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.clock.wait_until(later(began, self.limit)) => {}
            requested_at = stop.requested() => {
                self.clock.wait_until(later(requested_at, self.stop_within)).await;
            }
        }
    }
}

impl Attempts<'_> {
    /// Awaits one attempt; `None` after a failure, when it is time for the next one.
    pub(super) async fn attempt<T>(
        &mut self,
        attempt: impl Future<Output = Result<T, ArchiveError>>,
    ) -> Result<Option<T>, NotWritten> {
        let error = tokio::select! {
            biased;
            result = attempt => match result {
                Ok(written) => return Ok(Some(written)),
                Err(error) => error,
            },
            () = &mut self.over => return Err(NotWritten(self.last_error.take())),
        };
        let Retry { clock, notices, .. } = self.retry;
        let text = error_chain(&error);
        tracing::warn!(error = text, "write failed; it is repeated");
        if self.last_error.is_none() {
            // A caller that has dropped the receiver does not want it.
            let _ = notices.send(Notice::WriteFailed(text));
        }
        let next = later(clock.now(), self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        tokio::select! {
            biased;
            () = &mut self.over => Err(NotWritten(Some(error))),
            () = clock.wait_until(next) => {
                self.last_error = Some(error);
                Ok(None)
            }
        }
    }
}
