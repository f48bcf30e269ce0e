//! The queues between the functions: SQS on AWS, in-process queues on one machine.
//!
//! Handlers only send; the engine (Lambda's event source mapping, or the embedded engine) receives, retries and moves
//! messages to dead-letter queues.

use std::time::Duration;

use async_trait::async_trait;

use crate::store::BoxError;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod memory;
mod redelivery;
mod settings;
mod sqs;

pub use memory::{DeadLetter, Delivery, Holding, MemoryQueues};
pub use redelivery::{Redelivery, Trouble};
pub use settings::{
    ARCHIVE_PAGE_TIMEOUT, AWAIT_READY_TIMEOUT, COMPLETE_EXPORT_TIMEOUT, DEAD_LETTER_RETENTION,
    DEDUPLICATION_WINDOW, MAX_BODY_BYTES, MAX_DELAY, MAX_FIFO_ID_BYTES, MAX_VISIBILITY,
    QueueSettings, RETENTION, Refused, SEND_WEBHOOK_TIMEOUT,
};
pub use sqs::{QueueUrlMissing, QueueUrls, SqsQueues};

/// The queues of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// FIFO, group = export and slice: the page messages.
    Pages,
    /// Standard: page messages that wait (for a job, a watermark or the end of throttling).
    Waiting,
    /// FIFO, group = export: outcomes of runs.
    Completion,
    /// Standard: outcomes to announce.
    Webhooks,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub queue: Queue,
    pub body: String,
    /// Group and deduplication id, for FIFO queues.
    pub fifo: Option<Fifo>,
    /// At most [`MAX_DELAY`]; FIFO queues do not support a delay per message.
    pub delay: Duration,
}

/// Message group and deduplication id of a message on a FIFO queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    pub group: String,
    pub deduplication_id: String,
}

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
        let error = self.source.downcast_ref::<sqs::SqsError>();
        matches!(error, Some(sqs::SqsError::Transient(_)))
    }
}

/// The interface between the handlers and SQS or the in-process queues.
#[async_trait]
pub trait MessageQueue: Send + Sync + std::fmt::Debug {
    async fn send(&self, message: Outgoing) -> Result<(), QueueError>;

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
