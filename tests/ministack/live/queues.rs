//! The queues of the stack, as far as a test waits for them, and delivers what they hold in its own way.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
};
use end_to_end::child_process::MAX_WAIT;
use serde_json::{Value, json};

use crate::deployment::{Deployment, wait_up_to};

/// The most messages of a call.
const MESSAGES_MAX: i32 = 10;

/// A queue.
pub(super) struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    pub(super) async fn of(deployment: &Deployment, name: &str) -> Self {
        let client = deployment.clients().await.sqs();
        let get = client.get_queue_url().queue_name(Deployment::name(name));
        let url = get.send().await.expect("a queue").queue_url;
        Self {
            client,
            url: url.expect("a URL"),
        }
    }

    /// Waits until each message is deleted, including those that are received, or delayed.
    pub(super) async fn wait_until_empty(&self) {
        self.wait_until_empty_up_to(MAX_WAIT).await;
    }

    pub(super) async fn wait_until_empty_up_to(&self, max_wait: Duration) {
        wait_up_to(
            max_wait,
            &format!("no message in {}", self.url),
            async || self.message_count().await == 0,
        )
        .await;
    }

    async fn message_count(&self) -> u64 {
        let states = [
            ApproximateNumberOfMessages,
            ApproximateNumberOfMessagesNotVisible,
            ApproximateNumberOfMessagesDelayed,
        ];
        let get = self.client.get_queue_attributes().queue_url(&self.url);
        let get = get.set_attribute_names(Some(states.to_vec()));
        let attributes = get.send().await.expect("attributes").attributes;
        let counts = attributes.expect("attributes").into_values();
        counts.map(|it| it.parse::<u64>().expect("a number")).sum()
    }

    /// Receives this number of messages and deletes them. Each in the form in which Lambda passes it to a function.
    pub(super) async fn take(&self, count: usize) -> Vec<Value> {
        let mut records = Vec::new();
        while records.len() < count {
            let receive = self.client.receive_message().queue_url(&self.url);
            let receive = receive
                .max_number_of_messages(MESSAGES_MAX)
                .wait_time_seconds(10);
            let messages = receive.send().await.expect("messages").messages;
            let messages = messages.unwrap_or_default();
            assert!(
                !messages.is_empty(),
                "{} of {count} messages came",
                records.len()
            );
            for message in messages {
                let delete = self.client.delete_message().queue_url(&self.url);
                let receipt = message.receipt_handle.expect("a receipt");
                delete
                    .receipt_handle(receipt)
                    .send()
                    .await
                    .expect("deleted");
                records.push(json!({"messageId": message.message_id, "body": message.body}));
            }
        }
        records
    }
}
