//! Decides when a message that could not be handled is redelivered.
//!
//! SQS counts all receives alike, so the kinds of errors differ by the time between receives:
//!
//! - a transient error (a store or a queue that throttles or does not respond) backs off up to a quarter of an hour,
//!   and the receives of a page last for hours;
//! - a permanent error (corrupt data, missing permissions, a panic) is retried after a minute at most, and the
//!   receives of a page are used up within an hour;
//! - a handler that is killed (memory, time limit), and a function that Lambda throttles, report no error: the
//!   message is redelivered after the queue's visibility timeout.

use std::time::Duration;

use crate::archive::ArchiveError;
use crate::base::failure::error_chain;
use crate::pipeline::PipelineError;
use crate::storage::queue::{MessageQueue, Queue, QueueError};
use crate::storage::store::StoreError;
use crate::storage::topic::TopicError;

/// Whether an error may disappear without a change to permissions, settings or data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    Transient,
    Permanent,
}

/// The error of a message that was handled together with others, and logged where it occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message was not handled; an earlier line of the log has the reason")]
pub struct LoggedError(pub ErrorClass);

/// The ceiling of the first delay; each further one is twice as long.
const FIRST_DELAY: Duration = Duration::from_secs(5);

/// The ceiling of the delays after a transient error: the longest delay that an outage adds to a message after it
/// ends.
const MAX_TRANSIENT_DELAY: Duration = Duration::from_mins(15);

/// The ceiling of the delays after a permanent error.
const MAX_PERMANENT_DELAY: Duration = Duration::from_mins(1);

impl ErrorClass {
    /// Checks all causes of the error. An error that is transparent to its cause hides it from the chain and must
    /// classify it itself.
    pub fn of(error: &anyhow::Error) -> Self {
        let is_transient = error.chain().any(|cause| {
            cause.downcast_ref().is_some_and(StoreError::is_transient)
                || cause.downcast_ref().is_some_and(ArchiveError::is_transient)
                || cause
                    .downcast_ref()
                    .is_some_and(PipelineError::is_transient)
                || cause.downcast_ref().is_some_and(QueueError::is_transient)
                || cause.downcast_ref().is_some_and(TopicError::is_transient)
                || cause.downcast_ref() == Some(&LoggedError(Self::Transient))
        });
        Self::transient_if(is_transient)
    }

    pub fn of_pipeline(error: &PipelineError) -> Self {
        Self::transient_if(error.is_transient())
    }

    fn transient_if(is_transient: bool) -> Self {
        if is_transient {
            Self::Transient
        } else {
            Self::Permanent
        }
    }

    /// The delay after the `receive_count`-th receive, counted from 1: between half the ceiling and the ceiling, by
    /// `jitter` from 0 to 1.
    pub fn delay(self, receive_count: u32, jitter: f64) -> Duration {
        let longest = match self {
            Self::Transient => MAX_TRANSIENT_DELAY,
            Self::Permanent => MAX_PERMANENT_DELAY,
        };
        let doublings = receive_count.saturating_sub(1).min(16);
        let ceiling = FIRST_DELAY.saturating_mul(1 << doublings).min(longest);
        ceiling.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// Returns failed messages to their queue.
#[derive(Clone, Copy, Debug)]
pub struct Redelivery<'a> {
    pub queue: Queue,
    pub queues: &'a dyn MessageQueue,
}

impl Redelivery<'_> {
    /// Makes the message visible again after a delay that fits the error. If the queue refuses, it is visible again
    /// after the visibility timeout.
    pub(crate) async fn redeliver(&self, receipt: &str, receive_count: u32, class: ErrorClass) {
        let delay = class.delay(receive_count, fastrand::f64());
        if let Err(error) = self.queues.postpone(self.queue, receipt, delay).await {
            let error = error_chain(&error);
            tracing::warn!(
                queue = self.queue.name(),
                error,
                "could not postpone message"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Total time over which a message is received, with the shortest or longest delays.
    fn total_delay(queue: Queue, class: ErrorClass, jitter: f64) -> Duration {
        let receives = 1..queue.settings().max_receive_count;
        receives.map(|count| class.delay(count, jitter)).sum()
    }

    #[test]
    fn transient_errors_are_retried_for_at_least_five_hours() {
        for queue in Queue::ALL {
            let shortest = total_delay(queue, ErrorClass::Transient, 0.0);

            assert!(
                shortest >= Duration::from_hours(5),
                "{queue:?}: {shortest:?}"
            );
        }
    }

    #[test]
    fn a_message_with_a_permanent_error_is_given_up_within_an_hour() {
        for queue in [Queue::Pages, Queue::Completion] {
            let longest = total_delay(queue, ErrorClass::Permanent, 1.0);

            assert!(longest <= Duration::from_hours(1), "{queue:?}: {longest:?}");
        }
    }

    #[test]
    fn the_first_delays_are_seconds_and_the_later_ones_minutes() {
        let ceiling = |class: ErrorClass, count| class.delay(count, 1.0).as_secs();
        let transient = [1, 2, 3, 8, 9, 1_000].map(|count| ceiling(ErrorClass::Transient, count));
        let permanent = [1, 2, 3, 8, 9, 1_000].map(|count| ceiling(ErrorClass::Permanent, count));

        assert_eq!(transient, [5, 10, 20, 640, 900, 900]);
        assert_eq!(permanent, [5, 10, 20, 60, 60, 60]);
    }

    #[test]
    fn a_throttled_store_is_transient_however_its_error_is_wrapped() {
        let slow = || StoreError::Transient {
            action: "read",
            key: "k".to_owned(),
            source: "SlowDown".into(),
        };
        let pipeline = || PipelineError::from(ArchiveError::from(slow()));
        for error in [
            anyhow::Error::from(slow()),
            anyhow::Error::from(ArchiveError::from(slow())),
            anyhow::Error::from(pipeline()),
            anyhow::Error::from(pipeline()).context("a page"),
            anyhow::Error::from(LoggedError(ErrorClass::Transient)),
        ] {
            assert_eq!(ErrorClass::of(&error), ErrorClass::Transient, "{error:?}");
        }
    }

    #[test]
    fn damage_and_refused_messages_are_permanent() {
        let refused = crate::storage::queue::QueueRefusal::EmptyBody
            .into_queue_error("send a message", Queue::Pages);
        for error in [
            anyhow::Error::from(ArchiveError::Missing("k".to_owned())),
            anyhow::Error::from(PipelineError::from(refused)),
            anyhow::anyhow!("the handler panicked"),
            anyhow::Error::from(LoggedError(ErrorClass::Permanent)),
        ] {
            assert_eq!(ErrorClass::of(&error), ErrorClass::Permanent, "{error:?}");
        }
    }
}
