//! The consuming end of SQS, which Lambda's event source mapping is in production.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};

use super::{Consumer, RECEIVE_TIMEOUT};
use crate::storage::queue::{Delivery, Queue, QueueUrls};

/// SQS's limit of a long poll.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
const LONGEST_POLL: Duration = Duration::from_secs(20);

/// Receives from queues and their dead-letter queues.
#[derive(Clone, Debug)]
pub struct SqsConsumer {
    pub client: Client,
    pub urls: QueueUrls,
    pub dead_letter_urls: QueueUrls,
    /// Visibility timeout of the waiting queue if it differs from its settings: a test does not wait for minutes.
    pub waiting_visibility: Option<Duration>,
}

impl SqsConsumer {
    async fn poll(&self, url: &str, wait: Duration) -> anyhow::Result<Option<Message>> {
        let wait = i32::try_from(wait.min(LONGEST_POLL).as_secs())?;
        let request = self.client.receive_message().queue_url(url);
        let reply = request
            .wait_time_seconds(wait)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send();
        Ok(reply.await?.messages.and_then(|all| all.into_iter().next()))
    }
}

#[async_trait]
impl Consumer for SqsConsumer {
    async fn receive(&self, queue: Queue) -> anyhow::Result<Option<Delivery>> {
        let message = self.poll(self.urls.url(queue)?, Duration::ZERO).await?;
        message.map(|message| delivery(queue, message)).transpose()
    }

    async fn wait(&self, queue: Queue, timeout: Duration) -> anyhow::Result<Option<Delivery>> {
        let since = Instant::now();
        loop {
            let left = timeout.saturating_sub(since.elapsed());
            let wait = left.max(Duration::from_secs(1));
            if let Some(message) = self.poll(self.urls.url(queue)?, wait).await? {
                return delivery(queue, message).map(Some);
            }
            if left.is_zero() {
                return Ok(None);
            }
        }
    }

    async fn delete(&self, queue: Queue, receipt: &str) -> anyhow::Result<()> {
        let request = self
            .client
            .delete_message()
            .queue_url(self.urls.url(queue)?);
        request.receipt_handle(receipt).send().await?;
        Ok(())
    }

    async fn dead_letter(&self, queue: Queue) -> anyhow::Result<Option<String>> {
        let url = self.dead_letter_urls.url(queue)?;
        let message = self.poll(url, RECEIVE_TIMEOUT).await?;
        Ok(message.and_then(|message| message.body))
    }

    fn visibility_timeout(&self, queue: Queue) -> Duration {
        let own = self.waiting_visibility.filter(|_| queue == Queue::Waiting);
        own.unwrap_or(queue.settings().visibility_timeout)
    }
}

fn delivery(queue: Queue, message: Message) -> anyhow::Result<Delivery> {
    let attributes = message.attributes.context("no attributes")?;
    let attribute = |name| attributes.get(&name).cloned();
    let count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    Ok(Delivery {
        queue,
        body: message.body.context("no body")?,
        receipt: message.receipt_handle.context("no receipt")?,
        receive_count: count.context("no receive count")?.parse()?,
        group: attribute(MessageSystemAttributeName::MessageGroupId),
    })
}
