//! The queues between the functions: SQS on AWS, in-process queues on one machine.
//!
//! Handlers only send; the engine (Lambda's event source mapping, or the embedded engine) receives, retries and moves
//! messages to dead-letter queues.

use std::time::Duration;

use async_trait::async_trait;

use crate::base::failure::BoxError;
use crate::storage::aws::ServiceFailure;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod memory;
mod settings;
mod sqs;

pub use crate::export::outgoing::{Fifo, MAX_BODY_BYTES, MAX_DELAY, OutgoingMessage, Queue};
pub use memory::{DeadLetter, Delivery, MemoryQueues, QueueContents};
#[cfg(test)]
pub(crate) use settings::DEDUPLICATION_WINDOW;
pub use settings::{
    ARCHIVE_PAGE_TIMEOUT, AWAIT_READY_TIMEOUT, COMPLETE_EXPORT_TIMEOUT, DEAD_LETTER_RETENTION,
    ENDED_BATCH_WINDOW, FETCH_ENDED_PROCESSES, FETCH_ENDED_TIMEOUT, MAX_VISIBILITY, QueueRefusal,
    QueueSettings, RETENTION, SEND_WEBHOOK_TIMEOUT,
};
pub use sqs::QueueUrlMissing;
pub use sqs::{QueueUrls, SqsQueues};

/// Why a queue operation failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} on the {queue:?} queue")]
pub struct QueueError {
    pub action: &'static str,
    pub queue: Queue,
    #[source]
    pub source: BoxError,
}

impl QueueError {
    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        let failure = self.source.downcast_ref::<ServiceFailure>();
        failure.is_some_and(ServiceFailure::is_transient)
    }
}

/// The interface between the handlers and SQS or the in-process queues.
#[async_trait]
pub trait MessageQueue: Send + Sync + std::fmt::Debug {
    async fn send(&self, message: OutgoingMessage) -> Result<(), QueueError>;

    /// Number of messages in the queue: visible, delayed or in flight. Approximate, like SQS's figures.
    async fn depth(&self, queue: Queue) -> Result<u64, QueueError>;

    /// Makes a received message visible again after `delay`.
    async fn postpone(
        &self,
        queue: Queue,
        receipt: &str,
        delay: Duration,
    ) -> Result<(), QueueError>;
}
