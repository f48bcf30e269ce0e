//! Messages as they are sent: the queue, the body, and the group of a FIFO queue.

use std::time::Duration;

/// The longest delay of a message: SQS's limit. Longer waits take several messages.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const MAX_DELAY: Duration = Duration::from_mins(15);

/// The largest body: SQS's limit (same page), 1 MiB.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// The queues of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// FIFO, group = export and slice: the page messages.
    Pages,
    /// Standard: page messages that wait (for a job, a watermark or the end of throttling).
    Waiting,
    /// FIFO, group = export: outcomes of runs.
    Completion,
    /// Standard: outcomes whose webhook is to be delivered.
    Webhooks,
    /// Standard: conversations that may have ended.
    Ended,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    pub queue: Queue,
    pub body: String,
    /// Group and deduplication id, for FIFO queues.
    pub fifo: Option<Fifo>,
    /// At most [`MAX_DELAY`]; FIFO queues do not support a delay per message:
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html>
    pub delay: Duration,
}

/// Message group and deduplication id of a message on a FIFO queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    pub group: String,
    pub deduplication_id: String,
}
