//! Batches of queue messages: each message is handled separately, in order, and fails separately.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt as _;
use serde::de::DeserializeOwned;

use crate::base::failure::error_chain;
use crate::pipeline::{ErrorClass, Redelivery};

/// The further handling of a message that was handled without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Its work is done, by this invocation or another one: the message is deleted.
    Delete,
    /// The message is not deleted: it becomes visible again at the time that the handler set.
    KeepInvisible,
}

/// Why a message did not reach its handler, or the handler panicked. The error does not quote the message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("the message has no body")]
    NoBody,
    #[error("the message cannot be parsed: {:?} error in column {}", .0.classify(), .0.column())]
    Unreadable(serde_json::Error),
    /// The panic's text may hold anything, so it is not repeated here.
    #[error("the handler panicked")]
    Panicked,
}

/// Reads and handles each message. One that cannot be read fails like one that cannot be handled. A failed message is
/// redelivered after a delay that fits its error, not after the visibility timeout.
pub async fn each_message<M: DeserializeOwned>(
    event: SqsEvent,
    redelivery: Redelivery<'_>,
    handle: impl AsyncFn(&M, &SqsMessage) -> anyhow::Result<Disposition>,
) -> SqsBatchResponse {
    each_record(event, async |record| {
        let handled = read_and_handle(record, &handle).await;
        if let Err(error) = &handled {
            let receipt = record.receipt_handle.as_deref().unwrap_or_default();
            let (count, class) = (receive_count(record), ErrorClass::of(error));
            redelivery.redeliver(receipt, count, class).await;
        }
        handled
    })
    .await
}

/// A panic fails only its own message; otherwise Lambda would treat the whole batch as failed.
async fn read_and_handle<M: DeserializeOwned>(
    record: &SqsMessage,
    handle: &impl AsyncFn(&M, &SqsMessage) -> anyhow::Result<Disposition>,
) -> anyhow::Result<Disposition> {
    let body = record.body.as_deref().ok_or(MessageError::NoBody)?;
    let message = serde_json::from_str(body).map_err(MessageError::Unreadable)?;
    let handled = AssertUnwindSafe(handle(&message, record)).catch_unwind();
    handled
        .await
        .unwrap_or_else(|_| Err(MessageError::Panicked.into()))
}

/// Calls `handle` for each message and returns the messages to redeliver.
///
/// After a message of a FIFO group that is redelivered, the later ones of its group are redelivered too, because they
/// must not overtake it. Lambda expects this of a response:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
pub async fn each_record(
    event: SqsEvent,
    handle: impl AsyncFn(&SqsMessage) -> anyhow::Result<Disposition>,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let mut blocked_groups = HashSet::new();
    for record in &event.records {
        let group = record.attributes.get("MessageGroupId");
        let is_redelivered = match group {
            Some(group) if blocked_groups.contains(group) => true,
            _ => is_redelivered(record, handle(record).await),
        };
        if is_redelivered {
            blocked_groups.extend(group);
            // The id is never missing; if it were, an empty id makes Lambda treat the whole batch as failed (same
            // page).
            response.add_failure(record.message_id.clone().unwrap_or_default());
        }
    }
    response
}

/// The receive count of the message, including this receive.
pub fn receive_count(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount");
    // Never absent. The first receive is the safe default, since the queue itself counts, too.
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn is_redelivered(record: &SqsMessage, handled: anyhow::Result<Disposition>) -> bool {
    match handled {
        Ok(disposition) => disposition == Disposition::KeepInvisible,
        Err(error) => {
            tracing::warn!(
                message.id = record.message_id,
                queue.arn = record.event_source_arn,
                receive_count = receive_count(record),
                error = error_chain(error.as_ref()),
                "message handling failed"
            );
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::net::clock::Clock;
    use crate::storage::queue::{
        Delivery, MemoryQueues, MessageQueue as _, OutgoingMessage, Queue,
    };
    use crate::storage::store::StoreError;

    /// An event of messages with id, group and body.
    fn event(messages: &[(&str, Option<&str>, &str)]) -> SqsEvent {
        let record = |(id, group, body): &(&str, Option<&str>, &str)| {
            let mut attributes = json!({"ApproximateReceiveCount": "3"});
            if let Some(group) = group {
                attributes["MessageGroupId"] = json!(group);
            }
            json!({"messageId": id, "body": body, "attributes": attributes})
        };
        let records: Vec<_> = messages.iter().map(record).collect();
        serde_json::from_value(json!({ "Records": records })).unwrap()
    }

    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        let failures = response.batch_item_failures.iter();
        failures
            .map(|failure| failure.item_identifier.as_str())
            .collect()
    }

    /// Handles numbers; odd ones fail. Returns the failed messages and the handled numbers.
    async fn odd_fail(event: SqsEvent) -> (Vec<String>, Vec<u32>) {
        let handled = RefCell::new(Vec::new());
        let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
        let queues = MemoryQueues::new(clock);
        let response = each_message(event, redelivery(&queues), async |number: &u32, _| {
            handled.borrow_mut().push(*number);
            anyhow::ensure!(number.is_multiple_of(2), "{number} is odd");
            Ok(Disposition::Delete)
        })
        .await;
        let failed = failed(&response).into_iter().map(str::to_owned).collect();
        (failed, handled.into_inner())
    }

    fn redelivery(queues: &MemoryQueues) -> Redelivery<'_> {
        Redelivery {
            queue: Queue::Waiting,
            queues,
        }
    }

    /// The time until a message on the waiting queue is visible again after this handler.
    async fn redelivery_delay(
        handle: impl AsyncFn(&u32, &SqsMessage) -> anyhow::Result<Disposition>,
    ) -> Duration {
        let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
        let queues = MemoryQueues::new(clock.clone());
        let message = OutgoingMessage {
            queue: Queue::Waiting,
            body: "1".to_owned(),
            fifo: None,
            delay: Duration::ZERO,
        };
        queues.send(message).await.unwrap();
        let Delivery { receipt, body, .. } = queues.receive(Queue::Waiting).unwrap();
        let record = json!({
            "messageId": "a", "receiptHandle": receipt, "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
        });
        let event = serde_json::from_value(json!({"Records": [record]})).unwrap();

        let response = each_message(event, redelivery(&queues), handle).await;

        assert_eq!(failed(&response), ["a"]);
        let next = queues.next_visible(Queue::Waiting).unwrap();
        next.duration_since(clock.now()).unsigned_abs()
    }

    fn slow_down() -> anyhow::Error {
        let transient = StoreError::Transient {
            action: "read",
            key: "k".to_owned(),
            source: "SlowDown".into(),
        };
        transient.into()
    }

    #[tokio::test]
    async fn a_message_with_a_transient_error_is_visible_within_seconds() {
        let delay = redelivery_delay(async |_, _| Err(slow_down())).await;

        assert!(delay <= Duration::from_secs(5), "{delay:?}");
    }

    #[tokio::test]
    async fn a_panicking_handler_makes_its_message_visible_within_seconds() {
        let delay = redelivery_delay(async |_, _| panic!("Jane Doe")).await;

        assert!(delay <= Duration::from_secs(5), "{delay:?}");
        assert_eq!(MessageError::Panicked.to_string(), "the handler panicked");
    }

    #[tokio::test]
    async fn a_message_held_back_by_its_handler_keeps_its_visibility() {
        let delay = redelivery_delay(async |_, _| Ok(Disposition::KeepInvisible)).await;

        assert_eq!(delay, Queue::Waiting.settings().visibility_timeout);
    }

    #[tokio::test]
    async fn a_failed_message_fails_alone() {
        let (failed, handled) = odd_fail(event(&[
            ("a", None, "2"),
            ("b", None, "3"),
            ("c", None, "4"),
        ]))
        .await;

        assert_eq!(failed, ["b"]);
        assert_eq!(handled, [2, 3, 4]);
    }

    #[tokio::test]
    async fn an_unreadable_message_fails_alone() {
        let (failed, handled) = odd_fail(event(&[("a", None, "{"), ("b", None, "2")])).await;

        assert_eq!(failed, ["a"]);
        assert_eq!(handled, [2]);
    }

    #[tokio::test]
    async fn in_a_fifo_group_nothing_overtakes_a_failed_message() {
        let messages = [
            ("a", Some("x"), "1"),
            ("b", Some("x"), "2"),
            ("c", Some("y"), "4"),
            ("d", Some("x"), "6"),
        ];

        let (failed, handled) = odd_fail(event(&messages)).await;

        assert_eq!(failed, ["a", "b", "d"]);
        assert_eq!(handled, [1, 4]);
    }

    #[tokio::test]
    async fn a_message_held_back_is_not_deleted() {
        let event = event(&[("a", None, "1")]);

        let response = each_record(event, async |record| {
            assert_eq!(receive_count(record), 3);
            Ok(Disposition::KeepInvisible)
        })
        .await;

        assert_eq!(
            serde_json::to_string(&response).unwrap(),
            r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#
        );
    }

    #[test]
    fn the_error_for_an_unreadable_message_does_not_quote_it() {
        let error = serde_json::from_str::<u32>(r#""Jane Doe""#).unwrap_err();

        assert_eq!(
            MessageError::Unreadable(error).to_string(),
            "the message cannot be parsed: Data error in column 10"
        );
    }
}
