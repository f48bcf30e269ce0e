//! Sent, refused and counted messages.

use std::time::Duration;

use anyhow::ensure;

use super::{SHORT, Subject};
use crate::storage::queue::{Fifo, MAX_BODY_BYTES, MAX_DELAY, OutgoingMessage, Queue};

pub(super) async fn a_message_arrives_once_as_it_was_sent(subject: &Subject) -> anyhow::Result<()> {
    let body = r#"{"text":"ä \n <&> \"quoted\""}"#;
    for (queue, fifo) in [
        (Queue::Webhooks, None),
        (Queue::Pages, Some(("arrives", "arrives"))),
    ] {
        subject.send(queue, body, fifo).await?;

        let delivery = subject.take(queue).await?;

        ensure!(delivery.body == body, "received {}", delivery.body);
        ensure!(delivery.receive_count == 1, "it counts as a repeat");
        let group = fifo.map(|(group, _)| group);
        ensure!(delivery.group.as_deref() == group, "of another group");
        subject.expect_nothing(queue).await?;
        subject.delete(&delivery).await?;
        subject.expect_depth(queue, 0).await?;
    }
    Ok(())
}

pub(super) async fn depth_counts_messages_in_flight_and_delayed_ones(
    subject: &Subject,
) -> anyhow::Result<()> {
    subject.send(Queue::Webhooks, "visible", None).await?;
    subject
        .send_later(Queue::Webhooks, "delayed", MAX_DELAY)
        .await?;
    subject.expect_depth(Queue::Webhooks, 2).await?;

    let first = subject.take(Queue::Webhooks).await?;

    subject.expect_depth(Queue::Webhooks, 2).await?;
    subject.delete(&first).await?;
    subject.expect_depth(Queue::Webhooks, 1).await
}

pub(super) async fn a_message_that_its_queue_cannot_hold_is_refused(
    subject: &Subject,
) -> anyhow::Result<()> {
    let fifo = |group: &str| {
        Some(Fifo {
            group: group.into(),
            deduplication_id: "refused".into(),
        })
    };
    let none = Duration::ZERO;
    for (what, queue, body, fifo, delay) in [
        ("no group", Queue::Pages, "{}", None, none),
        ("no group", Queue::Completion, "{}", None, none),
        ("a space", Queue::Pages, "{}", fifo("a b"), none),
        ("a delay", Queue::Pages, "{}", fifo("a"), SHORT),
        ("a group", Queue::Waiting, "{}", fifo("a"), none),
        ("901 s", Queue::Waiting, "{}", None, MAX_DELAY + SHORT),
        ("no body", Queue::Waiting, "", None, none),
    ] {
        let message = OutgoingMessage {
            queue,
            body: body.into(),
            fifo,
            delay,
        };

        let outcome = subject.queues.send(message).await;

        ensure!(outcome.is_err(), "{what} is taken");
        subject.expect_depth(queue, 0).await?;
    }
    Ok(())
}

pub(super) async fn a_body_of_one_mebibyte_is_accepted_and_one_byte_more_is_not(
    subject: &Subject,
) -> anyhow::Result<()> {
    let body = "x".repeat(MAX_BODY_BYTES);

    subject.send(Queue::Webhooks, &body, None).await?;
    let larger = format!("{body}x");
    let outcome = subject.send(Queue::Webhooks, &larger, None).await;

    ensure!(outcome.is_err(), "one byte more is taken");
    let delivery = subject.take(Queue::Webhooks).await?;
    ensure!(delivery.body == body, "it does not arrive whole");
    subject.expect_depth(Queue::Webhooks, 1).await
}
