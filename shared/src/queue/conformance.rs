//! What every queue implementation promises, as checks that name the promise they saw broken.
//!
//! The four queues must be empty and fresh: a FIFO queue remembers deduplication ids for five minutes.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    Delivery, Fifo, MAX_BODY_BYTES, MAX_DELAY, MemoryQueues, MessageQueue, Outgoing, Queue,
};
use crate::clock::Clock;

/// The other end of the queues, which the handlers never see.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Looks once, without waiting.
    async fn receive(&self, queue: Queue) -> Option<Delivery>;

    async fn delete(&self, queue: Queue, receipt: &str);

    /// Lets time pass: really, or by moving a manual clock.
    async fn pass(&self, time: Duration);
}

/// The in-process queues and the manual clock that they run by.
#[async_trait]
impl Consumer for (MemoryQueues, Clock) {
    async fn receive(&self, queue: Queue) -> Option<Delivery> {
        self.0.receive(queue)
    }

    async fn delete(&self, queue: Queue, receipt: &str) {
        self.0.delete(queue, receipt);
    }

    async fn pass(&self, time: Duration) {
        self.1.advance(time);
    }
}

/// Runs every check; panics at the first broken promise. On real queues it takes about ten seconds.
pub async fn queue_conformance(queues: &dyn MessageQueue, consumer: &dyn Consumer) {
    let checks = Checks { queues, consumer };
    checks.a_message_arrives_once_as_it_was_sent().await;
    checks
        .depth_counts_messages_in_flight_and_delayed_ones()
        .await;
    checks.what_does_not_fit_the_queue_is_refused().await;
    checks
        .a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_not()
        .await;
    checks.a_delayed_message_comes_after_its_delay().await;
    checks
        .a_repeated_deduplication_id_is_swallowed_even_after_the_first_was_deleted()
        .await;
    checks
        .a_message_in_flight_blocks_its_group_and_no_other()
        .await;
    checks
        .a_postponed_message_comes_again_after_its_delay()
        .await;
    checks.a_postponed_message_blocks_its_group().await;
    checks.a_deleted_message_cannot_be_postponed().await;
}

struct Checks<'a> {
    queues: &'a dyn MessageQueue,
    consumer: &'a dyn Consumer,
}

/// Longer than a moment, short enough to be waited for really.
const SHORT: Duration = Duration::from_secs(2);

impl Checks<'_> {
    async fn a_message_arrives_once_as_it_was_sent(&self) {
        for (queue, fifo) in [
            (Queue::Waiting, None),
            (Queue::Pages, Some(("arrives", "arrives"))),
        ] {
            self.send(queue, r#"{"text":"ä \n <&> \"quoted\""}"#, fifo)
                .await;

            let delivery = self.take(queue).await;

            assert_eq!(
                delivery.body, r#"{"text":"ä \n <&> \"quoted\""}"#,
                "a message arrives as it was sent"
            );
            assert_eq!(delivery.receive_count, 1, "the first receipt counts 1");
            assert_eq!(
                delivery.group.as_deref(),
                fifo.map(|(group, _)| group),
                "a delivery names its group"
            );
            self.expect_nothing(queue, "a message in flight is not received again")
                .await;
            self.consumer.delete(queue, &delivery.receipt).await;
            self.expect_depth(queue, 0, "a deleted message is gone")
                .await;
        }
    }

    async fn depth_counts_messages_in_flight_and_delayed_ones(&self) {
        let promise = "depth counts messages in flight and delayed ones";
        self.send(Queue::Webhooks, "visible", None).await;
        self.send_later(Queue::Webhooks, "delayed", SHORT).await;
        self.expect_depth(Queue::Webhooks, 2, promise).await;

        let first = self.take(Queue::Webhooks).await;

        self.expect_depth(Queue::Webhooks, 2, promise).await;
        self.consumer.delete(Queue::Webhooks, &first.receipt).await;
        self.expect_depth(Queue::Webhooks, 1, promise).await;
        self.consumer.pass(SHORT).await;
        self.drain(Queue::Webhooks).await;
    }

    async fn what_does_not_fit_the_queue_is_refused(&self) {
        let fifo = || {
            Some(Fifo {
                group: "refused".into(),
                deduplication_id: "refused".into(),
            })
        };
        let spaced = Some(Fifo {
            group: "a b".into(),
            deduplication_id: "refused".into(),
        });
        let none = Duration::ZERO;
        let refused = [
            (Queue::Pages, "{}", None, none, "a FIFO queue needs a group"),
            (
                Queue::Completion,
                "{}",
                None,
                none,
                "a FIFO queue needs a group",
            ),
            (Queue::Pages, "{}", spaced, none, "a group has no space"),
            (
                Queue::Pages,
                "{}",
                fifo(),
                SHORT,
                "a FIFO queue knows no delay",
            ),
            (
                Queue::Waiting,
                "{}",
                fifo(),
                none,
                "a standard queue takes no group",
            ),
            (
                Queue::Waiting,
                "{}",
                None,
                MAX_DELAY + SHORT,
                "a delay has a limit",
            ),
            (Queue::Waiting, "", None, none, "a message has a body"),
        ];
        for (queue, body, fifo, delay, promise) in refused {
            let outcome = self
                .queues
                .send(Outgoing {
                    queue,
                    body: body.into(),
                    fifo,
                    delay,
                })
                .await;

            assert!(outcome.is_err(), "{promise}");
            self.expect_depth(queue, 0, promise).await;
        }
    }

    async fn a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_not(&self) {
        let body = "x".repeat(MAX_BODY_BYTES);

        self.send(Queue::Webhooks, &body, None).await;
        let larger = Outgoing {
            queue: Queue::Webhooks,
            body: body.clone() + "x",
            fifo: None,
            delay: Duration::ZERO,
        };
        let outcome = self.queues.send(larger).await;

        assert!(
            outcome.is_err(),
            "a body of more than one mebibyte is refused"
        );
        let delivery = self.take(Queue::Webhooks).await;
        assert!(
            delivery.body == body,
            "a body of one mebibyte arrives whole"
        );
        self.consumer
            .delete(Queue::Webhooks, &delivery.receipt)
            .await;
    }

    async fn a_delayed_message_comes_after_its_delay(&self) {
        self.send_later(Queue::Waiting, "later", SHORT).await;

        self.expect_nothing(Queue::Waiting, "a delayed message does not come early")
            .await;
        self.consumer.pass(SHORT).await;

        let delivery = self.take(Queue::Waiting).await;
        assert_eq!(
            delivery.body, "later",
            "a delayed message comes after its delay"
        );
        self.consumer
            .delete(Queue::Waiting, &delivery.receipt)
            .await;
    }

    async fn a_repeated_deduplication_id_is_swallowed_even_after_the_first_was_deleted(&self) {
        let promise = "a repeated deduplication id is swallowed";
        self.send(Queue::Pages, "first", Some(("repeat", "repeat")))
            .await;

        self.send(Queue::Pages, "second", Some(("repeat", "repeat")))
            .await;
        self.send(Queue::Pages, "third", Some(("another-group", "repeat")))
            .await;

        self.expect_depth(Queue::Pages, 1, promise).await;
        let delivery = self.take(Queue::Pages).await;
        assert_eq!(delivery.body, "first", "{promise}");
        self.consumer.delete(Queue::Pages, &delivery.receipt).await;
        self.send(Queue::Pages, "fourth", Some(("repeat", "repeat")))
            .await;
        self.expect_depth(
            Queue::Pages,
            0,
            "a deleted message still swallows its repeats",
        )
        .await;
    }

    async fn a_message_in_flight_blocks_its_group_and_no_other(&self) {
        let promise = "a message in flight blocks its group and no other";
        for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")] {
            self.send(Queue::Completion, body, Some((group, body)))
                .await;
        }

        let first = self.take(Queue::Completion).await;
        let other = self.take(Queue::Completion).await;

        assert_eq!(
            (first.body.as_str(), other.body.as_str()),
            ("a1", "b1"),
            "{promise}"
        );
        self.expect_nothing(Queue::Completion, promise).await;
        self.consumer
            .delete(Queue::Completion, &other.receipt)
            .await;
        self.consumer
            .delete(Queue::Completion, &first.receipt)
            .await;
        for expected in ["a2", "a3"] {
            let next = self.take(Queue::Completion).await;
            assert_eq!(next.body, expected, "a group keeps its order");
            self.consumer.delete(Queue::Completion, &next.receipt).await;
        }
    }

    async fn a_postponed_message_comes_again_after_its_delay(&self) {
        self.send(Queue::Webhooks, "again", None).await;
        let first = self.take(Queue::Webhooks).await;

        self.postpone(&first, SHORT).await;

        self.expect_nothing(Queue::Webhooks, "a postponed message does not come early")
            .await;
        self.consumer.pass(SHORT).await;
        let second = self.take(Queue::Webhooks).await;
        assert_eq!(
            (second.body.as_str(), second.receive_count),
            ("again", 2),
            "a second receipt counts 2"
        );
        assert_ne!(
            second.receipt, first.receipt,
            "each receipt has its own handle"
        );
        self.postpone(&second, Duration::ZERO).await;
        let third = self.take(Queue::Webhooks).await;
        assert_eq!(
            third.receive_count, 3,
            "a message given back at once comes at once"
        );
        self.consumer.delete(Queue::Webhooks, &third.receipt).await;
    }

    async fn a_postponed_message_blocks_its_group(&self) {
        self.send(Queue::Pages, "p1", Some(("postponed", "p1")))
            .await;
        self.send(Queue::Pages, "p2", Some(("postponed", "p2")))
            .await;
        let first = self.take(Queue::Pages).await;

        self.postpone(&first, SHORT).await;

        self.expect_nothing(Queue::Pages, "a postponed message blocks its group")
            .await;
        self.consumer.pass(SHORT).await;
        let again = self.take(Queue::Pages).await;
        assert_eq!(again.body, "p1", "a postponed message keeps its place");
        self.consumer.delete(Queue::Pages, &again.receipt).await;
        self.drain(Queue::Pages).await;
    }

    async fn a_deleted_message_cannot_be_postponed(&self) {
        self.send(Queue::Webhooks, "deleted", None).await;
        let delivery = self.take(Queue::Webhooks).await;
        self.consumer
            .delete(Queue::Webhooks, &delivery.receipt)
            .await;

        let outcome = self
            .queues
            .postpone(Queue::Webhooks, &delivery.receipt, SHORT)
            .await;

        assert!(outcome.is_err(), "a deleted message cannot be postponed");
        self.expect_depth(Queue::Webhooks, 0, "a deleted message does not come back")
            .await;
    }

    async fn send(&self, queue: Queue, body: &str, fifo: Option<(&str, &str)>) {
        let fifo = fifo.map(|(group, id)| Fifo {
            group: group.into(),
            deduplication_id: id.into(),
        });
        let message = Outgoing {
            queue,
            body: body.into(),
            fifo,
            delay: Duration::ZERO,
        };
        self.must(
            self.queues.send(message).await,
            "a message that fits is taken",
        );
    }

    async fn send_later(&self, queue: Queue, body: &str, delay: Duration) {
        let message = Outgoing {
            queue,
            body: body.into(),
            fifo: None,
            delay,
        };
        self.must(
            self.queues.send(message).await,
            "a standard queue takes a delay",
        );
    }

    async fn postpone(&self, delivery: &Delivery, delay: Duration) {
        let outcome = self
            .queues
            .postpone(delivery.queue, &delivery.receipt, delay)
            .await;
        self.must(outcome, "a message in flight can be postponed");
    }

    async fn take(&self, queue: Queue) -> Delivery {
        let delivery = self.consumer.receive(queue).await;
        self.must(
            delivery.ok_or("nothing received"),
            "what is visible is received",
        )
    }

    async fn drain(&self, queue: Queue) {
        while let Some(delivery) = self.consumer.receive(queue).await {
            self.consumer.delete(queue, &delivery.receipt).await;
        }
        self.expect_depth(queue, 0, "a drained queue is empty")
            .await;
    }

    async fn expect_nothing(&self, queue: Queue, promise: &str) {
        let delivery = self.consumer.receive(queue).await;
        assert!(delivery.is_none(), "{promise}: received {delivery:?}");
    }

    async fn expect_depth(&self, queue: Queue, expected: u64, promise: &str) {
        let depth = self.must(self.queues.depth(queue).await, "a queue tells its depth");
        assert_eq!(depth, expected, "{promise}");
    }

    #[expect(clippy::unused_self, reason = "reads as the other checks do")]
    fn must<T, E: std::fmt::Debug>(&self, outcome: Result<T, E>, promise: &str) -> T {
        match outcome {
            Ok(value) => value,
            Err(error) => panic!("{promise}: {error:?}"),
        }
    }
}
