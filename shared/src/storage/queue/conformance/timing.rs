//! Delays and visibility timeouts.

use std::time::Duration;

use anyhow::ensure;

use super::{SHORT, Subject};
use crate::storage::queue::Queue;

pub(super) async fn a_delayed_message_is_received_only_after_its_delay(
    subject: &Subject,
) -> anyhow::Result<()> {
    subject.send_later(Queue::Waiting, "later", SHORT).await?;

    subject.expect_nothing(Queue::Waiting).await?;

    let delivery = subject.take_after(Queue::Waiting, SHORT).await?;
    ensure!(delivery.body == "later", "received {}", delivery.body);
    Ok(())
}

pub(super) async fn an_undeleted_message_returns_after_the_visibility_timeout(
    subject: &Subject,
) -> anyhow::Result<()> {
    let visibility = subject.consumer.visibility_timeout(Queue::Waiting);
    subject.send(Queue::Waiting, "again", None).await?;
    let first = subject.take(Queue::Waiting).await?;

    subject.expect_nothing(Queue::Waiting).await?;

    let second = subject.take_after(Queue::Waiting, visibility).await?;
    ensure!(second.body == "again", "received {}", second.body);
    ensure!(second.receive_count == 2, "it counts as the first");
    ensure!(
        second.receipt != first.receipt,
        "the receipt is the first's"
    );
    Ok(())
}

pub(super) async fn a_postponed_message_is_received_only_after_its_delay(
    subject: &Subject,
) -> anyhow::Result<()> {
    subject.send(Queue::Webhooks, "again", None).await?;
    let first = subject.take(Queue::Webhooks).await?;

    subject.postpone(&first, SHORT).await?;

    subject.expect_nothing(Queue::Webhooks).await?;
    let second = subject.take_after(Queue::Webhooks, SHORT).await?;
    ensure!(second.body == "again", "received {}", second.body);
    ensure!(second.receive_count == 2, "it counts as the first");
    Ok(())
}

pub(super) async fn a_message_postponed_by_zero_is_received_at_once(
    subject: &Subject,
) -> anyhow::Result<()> {
    subject.send(Queue::Webhooks, "again", None).await?;
    let first = subject.take(Queue::Webhooks).await?;

    subject.postpone(&first, Duration::ZERO).await?;

    let second = subject.take(Queue::Webhooks).await?;
    ensure!(second.receive_count == 2, "it counts as the first");
    Ok(())
}

pub(super) async fn a_deleted_message_cannot_be_postponed(subject: &Subject) -> anyhow::Result<()> {
    subject.send(Queue::Webhooks, "deleted", None).await?;
    let delivery = subject.take(Queue::Webhooks).await?;
    subject.delete(&delivery).await?;

    let outcome = subject.postpone(&delivery, SHORT).await;

    ensure!(outcome.is_err(), "it is postponed");
    subject.expect_depth(Queue::Webhooks, 0).await
}
