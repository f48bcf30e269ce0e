//! The queues on AWS. Sends and queries only: Lambda's event source mappings receive and delete messages.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName::{
    self, ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
};

use super::settings::check_delay;
use super::{Fifo, MAX_VISIBILITY, MessageQueue, OutgoingMessage, Queue, QueueError};
use crate::base::failure::BoxError;
use crate::storage::aws::ServiceFailure;

/// The three SQS attributes that add up to a queue's depth.
const DEPTH: [QueueAttributeName; 3] = [
    ApproximateNumberOfMessages,
    ApproximateNumberOfMessagesNotVisible,
    ApproximateNumberOfMessagesDelayed,
];

/// The URLs of the queues. A function knows only those that it sends to.
#[derive(Clone, Debug, Default)]
pub struct QueueUrls {
    /// `PAGE_QUEUE_URL`
    pub pages: Option<String>,
    /// `WAITING_QUEUE_URL`
    pub waiting: Option<String>,
    /// `COMPLETION_QUEUE_URL`
    pub completion: Option<String>,
    /// `WEBHOOK_QUEUE_URL`
    pub webhooks: Option<String>,
    /// `ENDED_QUEUE_URL`
    pub ended: Option<String>,
}

/// The process has no URL for the requested queue.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is not set")]
pub struct QueueUrlMissing {
    pub variable: &'static str,
}

#[derive(Debug, thiserror::Error)]
#[error("SQS returned no numeric {attribute}")]
struct DepthMissing {
    attribute: QueueAttributeName,
}

impl QueueUrls {
    pub fn url(&self, queue: Queue) -> Result<&str, QueueUrlMissing> {
        let (url, variable) = match queue {
            Queue::Pages => (&self.pages, "PAGE_QUEUE_URL"),
            Queue::Waiting => (&self.waiting, "WAITING_QUEUE_URL"),
            Queue::Completion => (&self.completion, "COMPLETION_QUEUE_URL"),
            Queue::Webhooks => (&self.webhooks, "WEBHOOK_QUEUE_URL"),
            Queue::Ended => (&self.ended, "ENDED_QUEUE_URL"),
        };
        url.as_deref().ok_or(QueueUrlMissing { variable })
    }
}

/// SQS, through one client for the life of the process.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    urls: QueueUrls,
}

impl SqsQueues {
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    async fn try_send(&self, message: OutgoingMessage) -> Result<(), BoxError> {
        message.check()?;
        let url = self.urls.url(message.queue)?;
        // Zero is omitted too: a FIFO queue refuses the parameter.
        let delay = (!message.delay.is_zero()).then(|| whole_seconds(message.delay));
        let (group, deduplication_id) = match message.fifo {
            Some(Fifo {
                group,
                deduplication_id,
            }) => (Some(group), Some(deduplication_id)),
            None => (None, None),
        };
        self.client
            .send_message()
            .queue_url(url)
            .message_body(message.body)
            .set_delay_seconds(delay)
            .set_message_group_id(group)
            .set_message_deduplication_id(deduplication_id)
            .send()
            .await
            .map_err(|error| ServiceFailure::of(&error))?;
        Ok(())
    }

    async fn try_depth(&self, queue: Queue) -> Result<u64, BoxError> {
        let url = self.urls.url(queue)?;
        let request = self.client.get_queue_attributes().queue_url(url);
        let reply = request
            .set_attribute_names(Some(DEPTH.to_vec()))
            .send()
            .await
            .map_err(|error| ServiceFailure::of(&error))?;
        let figure = |attribute: QueueAttributeName| {
            let text = reply.attributes().and_then(|all| all.get(&attribute));
            text.and_then(|text| text.parse::<u64>().ok())
                .ok_or(DepthMissing { attribute })
        };
        Ok(DEPTH.into_iter().map(figure).sum::<Result<u64, _>>()?)
    }

    async fn try_postpone(
        &self,
        queue: Queue,
        receipt: &str,
        delay: Duration,
    ) -> Result<(), BoxError> {
        check_delay(delay, MAX_VISIBILITY)?;
        let request = self
            .client
            .change_message_visibility()
            .queue_url(self.urls.url(queue)?);
        request
            .receipt_handle(receipt)
            .visibility_timeout(whole_seconds(delay))
            .send()
            .await
            .map_err(|error| ServiceFailure::of(&error))?;
        Ok(())
    }
}

#[async_trait]
impl MessageQueue for SqsQueues {
    async fn send(&self, message: OutgoingMessage) -> Result<(), QueueError> {
        let queue = message.queue;
        let failed = |source| QueueError {
            action: "send a message",
            queue,
            source,
        };
        self.try_send(message).await.map_err(failed)
    }

    async fn depth(&self, queue: Queue) -> Result<u64, QueueError> {
        let failed = |source| QueueError {
            action: "count the messages",
            queue,
            source,
        };
        self.try_depth(queue).await.map_err(failed)
    }

    async fn postpone(
        &self,
        queue: Queue,
        receipt: &str,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let failed = |source| QueueError {
            action: "postpone a message",
            queue,
            source,
        };
        self.try_postpone(queue, receipt, delay)
            .await
            .map_err(failed)
    }
}

/// Rounded up: a message must not be visible before its time. Both limits fit into the type.
fn whole_seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
