//! Requests that SQS itself refuses. The product validates them before it sends, so it does not depend on this.

use anyhow::ensure;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use conversation_archive::promises;
use conversation_archive::storage::conformance::Promise;
use conversation_archive::storage::queue::{MAX_BODY_BYTES, MAX_DELAY, Queue};

use crate::queues::Queues;

pub(crate) const SQS_PROMISES: &[Promise<Queues>] = promises![
    the_service_refuses_a_delay_of_901_seconds,
    the_service_refuses_a_delay_on_a_fifo_queue,
    the_service_refuses_a_fifo_message_without_a_group,
    the_service_refuses_a_body_beyond_one_mebibyte,
];

async fn the_service_refuses_a_delay_of_901_seconds(queues: &Queues) -> anyhow::Result<()> {
    let delay = i32::try_from(MAX_DELAY.as_secs())? + 1;

    let request = message(queues, Queue::Waiting)?.delay_seconds(delay);

    ensure_refused(request).await
}

async fn the_service_refuses_a_delay_on_a_fifo_queue(queues: &Queues) -> anyhow::Result<()> {
    let request = message(queues, Queue::Pages)?
        .message_group_id("g")
        .message_deduplication_id("d")
        .delay_seconds(1);

    ensure_refused(request).await
}

async fn the_service_refuses_a_fifo_message_without_a_group(queues: &Queues) -> anyhow::Result<()> {
    ensure_refused(message(queues, Queue::Pages)?).await
}

async fn the_service_refuses_a_body_beyond_one_mebibyte(queues: &Queues) -> anyhow::Result<()> {
    let request = message(queues, Queue::Waiting)?.message_body("x".repeat(MAX_BODY_BYTES + 1));

    ensure_refused(request).await
}

fn message(queues: &Queues, queue: Queue) -> anyhow::Result<SendMessageFluentBuilder> {
    let url = queues.urls.url(queue)?;
    Ok(queues
        .client
        .send_message()
        .queue_url(url)
        .message_body("{}"))
}

async fn ensure_refused(message: SendMessageFluentBuilder) -> anyhow::Result<()> {
    let sent = message.send().await;
    let response = sent.as_ref().err().and_then(|error| error.raw_response());
    let status = response.map(|response| response.status().as_u16());
    ensure!(status == Some(400), "answered with {status:?}");
    Ok(())
}
