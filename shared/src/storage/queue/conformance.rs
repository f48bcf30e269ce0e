//! Conformance tests of queue implementations. Each check needs four empty, fresh queues: a FIFO queue remembers
//! deduplication ids for five minutes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;

use super::{Delivery, Fifo, MemoryQueues, MessageQueue, OutgoingMessage, Queue};
use crate::net::clock::Clock;
use crate::promises;
use crate::storage::conformance::Promise;

mod dead_letters;
mod ordering;
mod sending;
mod sqs;
mod timing;

use dead_letters::{
    a_dead_letter_unblocks_its_group, a_message_received_too_often_becomes_a_dead_letter,
};
use ordering::{
    a_duplicate_is_discarded_after_the_first_was_deleted, a_group_keeps_its_order,
    a_message_in_flight_blocks_its_group_and_no_other,
    a_message_with_a_repeated_deduplication_id_is_discarded,
    a_postponed_message_blocks_its_group_and_keeps_its_place,
};
use sending::{
    a_body_of_one_mebibyte_is_accepted_and_one_byte_more_is_not,
    a_message_arrives_once_as_it_was_sent, a_message_that_its_queue_cannot_hold_is_refused,
    depth_counts_messages_in_flight_and_delayed_ones,
};
pub use sqs::SqsConsumer;
use timing::{
    a_delayed_message_is_received_only_after_its_delay, a_deleted_message_cannot_be_postponed,
    a_message_postponed_by_zero_is_received_at_once,
    a_postponed_message_is_received_only_after_its_delay,
    an_undeleted_message_returns_after_the_visibility_timeout,
};

/// All checks of queues. On real queues the slowest takes about five seconds.
pub const QUEUE_PROMISES: &[Promise<Subject>] = promises![
    a_message_arrives_once_as_it_was_sent,
    depth_counts_messages_in_flight_and_delayed_ones,
    a_message_that_its_queue_cannot_hold_is_refused,
    a_body_of_one_mebibyte_is_accepted_and_one_byte_more_is_not,
    a_delayed_message_is_received_only_after_its_delay,
    an_undeleted_message_returns_after_the_visibility_timeout,
    a_postponed_message_is_received_only_after_its_delay,
    a_message_postponed_by_zero_is_received_at_once,
    a_deleted_message_cannot_be_postponed,
    a_message_with_a_repeated_deduplication_id_is_discarded,
    a_duplicate_is_discarded_after_the_first_was_deleted,
    a_group_keeps_its_order,
    a_message_in_flight_blocks_its_group_and_no_other,
    a_postponed_message_blocks_its_group_and_keeps_its_place,
    a_message_received_too_often_becomes_a_dead_letter,
    a_dead_letter_unblocks_its_group,
];

/// The consuming end of the queues, which handlers do not use.
#[async_trait]
pub trait Consumer: Send + Sync + std::fmt::Debug {
    /// Receives once, without waiting.
    async fn receive(&self, queue: Queue) -> anyhow::Result<Option<Delivery>>;

    /// Waits up to `timeout` for a message, in real time or by advancing a manual clock.
    async fn wait(&self, queue: Queue, timeout: Duration) -> anyhow::Result<Option<Delivery>>;

    async fn delete(&self, queue: Queue, receipt: &str) -> anyhow::Result<()>;

    /// Takes a message out of the dead-letter queue of `queue`.
    async fn dead_letter(&self, queue: Queue) -> anyhow::Result<Option<String>>;

    fn visibility_timeout(&self, queue: Queue) -> Duration;
}

/// Both ends of the same queues.
#[derive(Clone, Debug)]
pub struct Subject {
    pub queues: Arc<dyn MessageQueue>,
    pub consumer: Arc<dyn Consumer>,
}

/// Longer than a moment, short enough to wait in real time.
const SHORT: Duration = Duration::from_secs(2);

/// Limit for a message that is available now, however busy the machine is.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(10);

impl Subject {
    async fn send(
        &self,
        queue: Queue,
        body: &str,
        fifo: Option<(&str, &str)>,
    ) -> anyhow::Result<()> {
        let fifo = fifo.map(|(group, id)| Fifo {
            group: group.into(),
            deduplication_id: id.into(),
        });
        let message = OutgoingMessage {
            queue,
            body: body.into(),
            fifo,
            delay: Duration::ZERO,
        };
        Ok(self.queues.send(message).await?)
    }

    async fn send_later(&self, queue: Queue, body: &str, delay: Duration) -> anyhow::Result<()> {
        let message = OutgoingMessage {
            queue,
            body: body.into(),
            fifo: None,
            delay,
        };
        Ok(self.queues.send(message).await?)
    }

    /// Receives a message that is available now.
    async fn take(&self, queue: Queue) -> anyhow::Result<Delivery> {
        let next = self.consumer.receive(queue).await?;
        let next = match next {
            None => self.consumer.wait(queue, Duration::from_secs(1)).await?,
            some => some,
        };
        next.context("nothing was received")
    }

    /// Receives a message that becomes visible after `delay`.
    async fn take_after(&self, queue: Queue, delay: Duration) -> anyhow::Result<Delivery> {
        let next = self.consumer.wait(queue, delay + RECEIVE_TIMEOUT).await?;
        next.context("nothing was received, and it was waited for")
    }

    async fn delete(&self, delivery: &Delivery) -> anyhow::Result<()> {
        self.consumer
            .delete(delivery.queue, &delivery.receipt)
            .await
    }

    async fn postpone(&self, delivery: &Delivery, delay: Duration) -> anyhow::Result<()> {
        let postponed = self
            .queues
            .postpone(delivery.queue, &delivery.receipt, delay);
        Ok(postponed.await?)
    }

    async fn expect_nothing(&self, queue: Queue) -> anyhow::Result<()> {
        let delivery = self.consumer.receive(queue).await?;
        ensure!(delivery.is_none(), "received {delivery:?}");
        Ok(())
    }

    async fn expect_depth(&self, queue: Queue, expected: u64) -> anyhow::Result<()> {
        let depth = self.queues.depth(queue).await?;
        ensure!(depth == expected, "the depth is {depth}, not {expected}");
        Ok(())
    }
}

/// The in-process queues and their manual clock.
#[async_trait]
impl Consumer for (MemoryQueues, Clock) {
    async fn receive(&self, queue: Queue) -> anyhow::Result<Option<Delivery>> {
        Ok(self.0.receive(queue))
    }

    async fn wait(&self, queue: Queue, timeout: Duration) -> anyhow::Result<Option<Delivery>> {
        let now = self.1.now();
        let next = self.0.next_visible(queue);
        let wait = next.map(|next| next.duration_since(now).try_into());
        self.1
            .advance(wait.transpose()?.map_or(timeout, |wait| timeout.min(wait)));
        Ok(self.0.receive(queue))
    }

    async fn delete(&self, queue: Queue, receipt: &str) -> anyhow::Result<()> {
        ensure!(self.0.delete(queue, receipt), "the receipt is outdated");
        Ok(())
    }

    async fn dead_letter(&self, queue: Queue) -> anyhow::Result<Option<String>> {
        Ok(self.0.take_dead_letter(queue).map(|letter| letter.body))
    }

    fn visibility_timeout(&self, queue: Queue) -> Duration {
        queue.settings().visibility_timeout
    }
}
