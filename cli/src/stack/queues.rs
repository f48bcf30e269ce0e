//! The queues of a stack, with the approximate counts of SQS.

use std::fmt;

use anyhow::Context as _;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName::{
    self, ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
};
use conversation_archive::storage::queue::Queue;
use futures::future::try_join_all;
use serde::Serialize;

use super::Stack;
use crate::problem::Problem;

const QUEUES: [Queue; 4] = [
    Queue::Pages,
    Queue::Waiting,
    Queue::Completion,
    Queue::Webhooks,
];

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
    pub(crate) async fn queues(&self) -> Result<Vec<QueueView>, Problem> {
        let sqs = self.clients.sqs();
        let views = QUEUES.map(|queue| self.queue(&sqs, queue));
        Ok(try_join_all(views).await?)
    }

    async fn queue(&self, sqs: &Client, queue: Queue) -> anyhow::Result<QueueView> {
        let fifo = if queue.settings().fifo { ".fifo" } else { "" };
        let name = format!("{}-{}", self.name, queue.name());
        Ok(QueueView {
            queue: queue.name(),
            messages: message_counts(sqs, &format!("{name}{fifo}")).await?,
            dead_letters: message_counts(sqs, &format!("{name}-dead-letters{fifo}")).await?,
        })
    }
}

async fn message_counts(sqs: &Client, name: &str) -> anyhow::Result<MessageCounts> {
    let cannot_read = || format!("cannot read the attributes of the queue {name}");
    let url = sqs.get_queue_url().queue_name(name).send().await;
    let url = url
        .with_context(cannot_read)?
        .queue_url
        .with_context(cannot_read)?;
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
    Ok(MessageCounts {
        visible: number(ApproximateNumberOfMessages).with_context(cannot_read)?,
        in_flight: number(ApproximateNumberOfMessagesNotVisible).with_context(cannot_read)?,
        delayed: number(ApproximateNumberOfMessagesDelayed).with_context(cannot_read)?,
    })
}
