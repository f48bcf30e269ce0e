//! Dead letters: messages that no consumer can handle.

use std::time::Duration;

use anyhow::ensure;

use super::Subject;
use crate::storage::queue::Queue;

pub(super) async fn a_message_received_too_often_becomes_a_dead_letter(
    subject: &Subject,
) -> anyhow::Result<()> {
    for (queue, fifo) in [(Queue::Waiting, None), (Queue::Pages, Some(("g", "1")))] {
        subject.send(queue, "poison", fifo).await?;

        receive_too_often(subject, queue).await?;

        let letter = subject.consumer.dead_letter(queue).await?;
        ensure!(letter.as_deref() == Some("poison"), "buried: {letter:?}");
        subject.expect_depth(queue, 0).await?;
    }
    Ok(())
}

pub(super) async fn a_dead_letter_unblocks_its_group(subject: &Subject) -> anyhow::Result<()> {
    for body in ["poison", "next"] {
        subject.send(Queue::Pages, body, Some(("g", body))).await?;
    }
    for _ in 0..Queue::Pages.settings().max_receive_count {
        let delivery = subject.take(Queue::Pages).await?;
        ensure!(delivery.body == "poison", "received {}", delivery.body);
        subject.postpone(&delivery, Duration::ZERO).await?;
    }

    let next = subject.take(Queue::Pages).await?;

    ensure!(next.body == "next", "received {}", next.body);
    Ok(())
}

/// Receives the message and gives it back up to the maximum receive count, then expects nothing.
async fn receive_too_often(subject: &Subject, queue: Queue) -> anyhow::Result<()> {
    for time in 1..=queue.settings().max_receive_count {
        let delivery = subject.take(queue).await?;
        ensure!(
            delivery.receive_count == time,
            "receipt {time} counts {}",
            delivery.receive_count
        );
        subject.postpone(&delivery, Duration::ZERO).await?;
    }
    subject.expect_nothing(queue).await
}
