//! The queues and their dead-letter queues, created as the template defines them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use conversation_archive::storage::queue::conformance::{SqsConsumer, Subject};
use conversation_archive::storage::queue::{Queue, QueueUrls, SqsQueues};

use crate::emulator::Emulator;

/// Visibility timeout of the waiting queue, whose own three minutes are too long for a test. Long enough for the test's
/// steps, even on a machine that stalls for a while.
const VISIBILITY: Duration = Duration::from_secs(6);

/// Newly created queues.
#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) client: Client,
    pub(crate) urls: QueueUrls,
    dead_letter_urls: QueueUrls,
}

impl Queues {
    pub(crate) fn subject(self) -> Subject {
        let consumer = SqsConsumer {
            client: self.client.clone(),
            urls: self.urls.clone(),
            dead_letter_urls: self.dead_letter_urls,
            waiting_visibility: Some(VISIBILITY),
        };
        Subject {
            queues: Arc::new(SqsQueues::new(self.client, self.urls)),
            consumer: Arc::new(consumer),
        }
    }
}

/// Creates the queues. Their names begin with `name`, truncated to the maximum length.
pub(crate) async fn create(emulator: &Emulator, name: &str) -> Queues {
    let client = emulator.clients().sqs();
    let mut urls = Vec::new();
    let mut dead_letter_urls = Vec::new();
    let name = &name[..name.len().min(50)];
    for queue in Queue::ALL {
        let suffix = if queue.settings().fifo { ".fifo" } else { "" };
        let dead_letter_url = format!("{name}-{}-dead{suffix}", queue.name());
        let dead_letter_url = create_queue(&client, &dead_letter_url, fifo(queue)).await;
        let attributes = attributes(queue, &arn(&client, &dead_letter_url).await);
        let url = format!("{name}-{}{suffix}", queue.name());
        urls.push(Some(create_queue(&client, &url, attributes).await));
        dead_letter_urls.push(Some(dead_letter_url));
    }
    Queues {
        client,
        urls: queue_urls(urls),
        dead_letter_urls: queue_urls(dead_letter_urls),
    }
}

type Attributes = HashMap<QueueAttributeName, String>;

fn fifo(queue: Queue) -> Attributes {
    let fifo = (QueueAttributeName::FifoQueue, "true".to_owned());
    let fifo = queue.settings().fifo.then_some(fifo);
    fifo.into_iter().collect()
}

fn attributes(queue: Queue, dead_letter_arn: &str) -> Attributes {
    let settings = queue.settings();
    let visibility = match queue {
        Queue::Waiting => VISIBILITY,
        _ => settings.visibility_timeout,
    };
    let redrive = serde_json::json!({
        "deadLetterTargetArn": dead_letter_arn,
        "maxReceiveCount": settings.max_receive_count,
    });
    let mut attributes = fifo(queue);
    attributes.extend([
        (
            QueueAttributeName::VisibilityTimeout,
            visibility.as_secs().to_string(),
        ),
        (QueueAttributeName::RedrivePolicy, redrive.to_string()),
    ]);
    attributes
}

async fn create_queue(client: &Client, name: &str, attributes: Attributes) -> String {
    let request = client.create_queue().queue_name(name);
    let created = request.set_attributes(Some(attributes)).send().await;
    created.expect("a queue").queue_url.expect("its url")
}

async fn arn(client: &Client, url: &str) -> String {
    let name = QueueAttributeName::QueueArn;
    let request = client.get_queue_attributes().queue_url(url);
    let response = request.attribute_names(name.clone()).send().await;
    let response = response.expect("the queue's attributes");
    response.attributes().expect("some")[&name].clone()
}

/// Assigns the URLs, which are in the order of [`Queue::ALL`].
fn queue_urls(urls: Vec<Option<String>>) -> QueueUrls {
    let [pages, waiting, completion, webhooks, ended] = urls.try_into().expect("five queues");
    QueueUrls {
        pages,
        waiting,
        completion,
        webhooks,
        ended,
    }
}
