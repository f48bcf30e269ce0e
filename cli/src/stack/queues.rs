//! The queues of a stack, with the approximate counts of SQS.

use std::fmt;

use anyhow::Context as _;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError;
use aws_sdk_sqs::types::QueueAttributeName::{
    self, ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
};
use conversation_archive::storage::queue::Queue;
use futures::future::try_join_all;
use serde::Serialize;

use super::Stack;
use crate::problem::Problem;

/// One queue and its dead-letter queue.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueView {
    pub queue: &'static str,
    pub messages: MessageCounts,
    pub dead_letters: MessageCounts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageCounts {
    pub visible: u64,
    pub in_flight: u64,
    pub delayed: u64,
}

impl fmt::Display for MessageCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.visible, "waiting"),
            (self.in_flight, "in flight"),
            (self.delayed, "delayed"),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        if parts.is_empty() {
            f.write_str("empty")
        } else {
            f.write_str(&parts.join(", "))
        }
    }
}

impl Stack {
    /// The queues that the stack has.
    pub(crate) async fn queues(&self) -> Result<Vec<QueueView>, Problem> {
        let sqs = self.clients.sqs();
        let views = Queue::ALL.map(|queue| self.queue(&sqs, queue));
        let views = try_join_all(views).await?;
        Ok(views.into_iter().flatten().collect())
    }

    /// `None` for the queue of live capture in a stack without it.
    async fn queue(&self, sqs: &Client, queue: Queue) -> anyhow::Result<Option<QueueView>> {
        let fifo = if queue.settings().fifo { ".fifo" } else { "" };
        let name = format!("{}-{}", self.name, queue.name());
        let messages = message_counts(sqs, &format!("{name}{fifo}")).await?;
        let dead_letters = message_counts(sqs, &format!("{name}-dead-letters{fifo}")).await?;
        match (messages, dead_letters) {
            (Some(messages), Some(dead_letters)) => Ok(Some(QueueView {
                queue: queue.name(),
                messages,
                dead_letters,
            })),
            _ if queue == Queue::Ended => Ok(None),
            _ => anyhow::bail!("the queue {name}{fifo} or its dead-letter queue does not exist"),
        }
    }
}

/// The counts of the queue; `None` if there is no such queue.
async fn message_counts(sqs: &Client, name: &str) -> anyhow::Result<Option<MessageCounts>> {
    let cannot_read = || format!("cannot read the attributes of the queue {name}");
    let url = match sqs.get_queue_url().queue_name(name).send().await {
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetQueueUrlError::is_queue_does_not_exist) =>
        {
            return Ok(None);
        }
        found => found
            .with_context(cannot_read)?
            .queue_url
            .with_context(cannot_read)?,
    };
    let wanted = vec![
        ApproximateNumberOfMessages,
        ApproximateNumberOfMessagesNotVisible,
        ApproximateNumberOfMessagesDelayed,
    ];
    let request = sqs.get_queue_attributes().queue_url(url);
    let attributes = request.set_attribute_names(Some(wanted)).send().await;
    let attributes = attributes
        .with_context(cannot_read)?
        .attributes
        .unwrap_or_default();
    let number =
        |name: QueueAttributeName| attributes.get(&name).and_then(|text| text.parse().ok());
    Ok(Some(MessageCounts {
        visible: number(ApproximateNumberOfMessages).with_context(cannot_read)?,
        in_flight: number(ApproximateNumberOfMessagesNotVisible).with_context(cannot_read)?,
        delayed: number(ApproximateNumberOfMessagesDelayed).with_context(cannot_read)?,
    }))
}
