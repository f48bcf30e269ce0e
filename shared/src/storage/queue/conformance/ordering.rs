//! Ordering and deduplication on FIFO queues.

use anyhow::ensure;

use super::{SHORT, Subject};
use crate::storage::queue::Queue;

pub(super) async fn a_message_with_a_repeated_deduplication_id_is_discarded(
    subject: &Subject,
) -> anyhow::Result<()> {
    for (body, group) in [("first", "one"), ("second", "one"), ("third", "another")] {
        subject
            .send(Queue::Pages, body, Some((group, "repeat")))
            .await?;
    }

    subject.expect_depth(Queue::Pages, 1).await?;
    let delivery = subject.take(Queue::Pages).await?;
    ensure!(delivery.body == "first", "received {}", delivery.body);
    Ok(())
}

pub(super) async fn a_duplicate_is_discarded_after_the_first_was_deleted(
    subject: &Subject,
) -> anyhow::Result<()> {
    let fifo = Some(("group", "repeat"));
    subject.send(Queue::Pages, "first", fifo).await?;
    let first = subject.take(Queue::Pages).await?;
    subject.delete(&first).await?;

    subject.send(Queue::Pages, "second", fifo).await?;

    subject.expect_depth(Queue::Pages, 0).await
}

pub(super) async fn a_group_keeps_its_order(subject: &Subject) -> anyhow::Result<()> {
    for body in ["1", "2", "3"] {
        subject
            .send(Queue::Completion, body, Some(("group", body)))
            .await?;
    }

    for expected in ["1", "2", "3"] {
        let next = subject.take(Queue::Completion).await?;
        ensure!(
            next.body == expected,
            "{} in place of {expected}",
            next.body
        );
        subject.delete(&next).await?;
    }
    Ok(())
}

pub(super) async fn a_message_in_flight_blocks_its_group_and_no_other(
    subject: &Subject,
) -> anyhow::Result<()> {
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        subject
            .send(Queue::Completion, body, Some((group, body)))
            .await?;
    }

    let first = subject.take(Queue::Completion).await?;
    let other = subject.take(Queue::Completion).await?;

    let bodies = [first.body.as_str(), other.body.as_str()];
    ensure!(bodies == ["a1", "b1"], "received {bodies:?}");
    subject.expect_nothing(Queue::Completion).await?;
    subject.delete(&first).await?;
    let next = subject.take(Queue::Completion).await?;
    ensure!(next.body == "a2", "received {}", next.body);
    Ok(())
}

pub(super) async fn a_postponed_message_blocks_its_group_and_keeps_its_place(
    subject: &Subject,
) -> anyhow::Result<()> {
    for body in ["p1", "p2"] {
        subject
            .send(Queue::Pages, body, Some(("postponed", body)))
            .await?;
    }
    let first = subject.take(Queue::Pages).await?;

    subject.postpone(&first, SHORT).await?;

    subject.expect_nothing(Queue::Pages).await?;
    let again = subject.take_after(Queue::Pages, SHORT).await?;
    ensure!(again.body == "p1", "received {}", again.body);
    Ok(())
}
