//! The queues between the functions: SQS on AWS, an in-process queue on one machine.
//!
//! Only sending is a handler's business; receiving, retrying and dead letters belong to the engine
//! (Lambda's event source mapping, or the embedded engine).

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
    /// Standard: page messages that wait (a job not done, a watermark, throttling).
    Waiting,
    /// FIFO, group = export: outcomes of runs.
    Completion,
    /// Standard: outcomes to announce.
    Webhooks,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub queue: Queue,
    pub body: String,
    /// Group and deduplication id, for FIFO queues.
    pub fifo: Option<Fifo>,
    /// At most [`MAX_DELAY`]; FIFO queues know no delay of a message.
    pub delay: Duration,
}

/// What a FIFO queue orders and deduplicates by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    pub group: String,
    pub deduplication_id: String,
}

/// Why a queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} on the {queue:?} queue")]
pub struct QueueError {
    pub action: &'static str,
    pub queue: Queue,
    #[source]
    pub source: BoxError,
}

impl QueueError {
    /// Whether the queue may do it at another try.
    pub fn is_transient(&self) -> bool {
        let error = self.source.downcast_ref::<sqs::SqsError>();
        matches!(error, Some(sqs::SqsError::Transient(_)))
    }
}

/// The seam between the handlers and SQS or the in-process queue.
#[async_trait]
pub trait MessageQueue: Send + Sync + std::fmt::Debug {
    async fn send(&self, message: Outgoing) -> Result<(), QueueError>;

    /// Messages in the queue, visible, delayed or in flight; approximate, as SQS's figure is.
    async fn depth(&self, queue: Queue) -> Result<u64, QueueError>;

    /// Gives a received message back, to come again after `delay`.
    async fn postpone(
        &self,
        queue: Queue,
        receipt: &str,
        delay: Duration,
    ) -> Result<(), QueueError>;
}
