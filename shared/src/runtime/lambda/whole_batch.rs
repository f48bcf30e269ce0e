//! Batches of queue messages that are handled together.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt as _;
use serde::de::DeserializeOwned;

use super::batch::{MessageError, receive_count};
use crate::base::failure::error_chain;
use crate::pipeline::{ErrorClass, Redelivery};

/// Reads all messages and handles them together. `handle` returns a result for each of them, in their order. A message
/// that cannot be read fails alone. Failed messages are redelivered after a delay that fits their error.
pub async fn whole_batch<M: DeserializeOwned>(
    event: SqsEvent,
    redelivery: Redelivery<'_>,
    handle: impl AsyncFn(&[M]) -> Vec<Result<(), ErrorClass>>,
) -> SqsBatchResponse {
    let (mut failed, mut readable, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for record in &event.records {
        match read(record) {
            Ok(message) => {
                readable.push(record);
                messages.push(message);
            }
            Err(error) => {
                tracing::warn!(
                    message.id = record.message_id,
                    receive_count = receive_count(record),
                    error = error_chain(&error),
                    "unreadable message"
                );
                failed.push((record, ErrorClass::Permanent));
            }
        }
    }
    let handled = AssertUnwindSafe(handle(&messages)).catch_unwind().await;
    let results = handled.unwrap_or_else(|_| {
        tracing::error!(messages = messages.len(), "{}", MessageError::Panicked);
        Vec::new()
    });
    // A message without a result was not handled.
    let results = results
        .into_iter()
        .chain(std::iter::repeat(Err(ErrorClass::Permanent)));
    let unhandled = readable
        .into_iter()
        .zip(results)
        .filter_map(|(record, result)| Some((record, result.err()?)));
    failed.extend(unhandled);
    respond(&failed, redelivery).await
}

fn read<M: DeserializeOwned>(record: &SqsMessage) -> Result<M, MessageError> {
    let body = record.body.as_deref().ok_or(MessageError::NoBody)?;
    serde_json::from_str(body).map_err(MessageError::Unreadable)
}

async fn respond(
    failed: &[(&SqsMessage, ErrorClass)],
    redelivery: Redelivery<'_>,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for (record, class) in failed {
        let receipt = record.receipt_handle.as_deref().unwrap_or_default();
        redelivery
            .redeliver(receipt, receive_count(record), *class)
            .await;
        // The id is never missing; if it were, an empty id makes Lambda treat the whole batch as failed.
        response.add_failure(record.message_id.clone().unwrap_or_default());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::base::time::elapsed;
    use crate::net::clock::Clock;
    use crate::storage::queue::{MemoryQueues, MessageQueue as _, OutgoingMessage, Queue};

    /// Handles an event with these bodies. Returns the bodies of the messages that stay in the queue, each with the
    /// seconds until it is visible again.
    async fn left_over(
        bodies: &[&str],
        handle: impl AsyncFn(&[u32]) -> Vec<Result<(), ErrorClass>>,
    ) -> Vec<(String, u64)> {
        let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
        let queues = MemoryQueues::new(clock.clone());
        let mut records = Vec::new();
        for body in bodies {
            let message = OutgoingMessage {
                queue: Queue::Ended,
                body: (*body).to_owned(),
                fifo: None,
                delay: Duration::ZERO,
            };
            queues.send(message).await.unwrap();
            let delivery = queues.receive(Queue::Ended).unwrap();
            records.push(json!({
                "messageId": body, "receiptHandle": delivery.receipt, "body": body,
                "attributes": {"ApproximateReceiveCount": "12"},
            }));
        }
        let event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let redelivery = Redelivery {
            queue: Queue::Ended,
            queues: &queues,
        };

        let response = whole_batch(event, redelivery, handle).await;

        let failures = response.batch_item_failures.into_iter();
        let mut waits = Vec::new();
        let since = clock.now();
        for failure in failures {
            let next = queues.next_visible(Queue::Ended).unwrap();
            clock.advance(elapsed(clock.now(), next));
            let delivery = queues.receive(Queue::Ended).unwrap();
            assert!(bodies.contains(&&*failure.item_identifier));
            waits.push((delivery.body, elapsed(since, next).as_secs()));
        }
        waits
    }

    #[tokio::test]
    async fn messages_fail_alone_and_return_after_a_delay_that_fits_the_error() {
        let left_over = left_over(&["1", "x", "2", "3"], async |numbers: &[u32]| {
            assert_eq!(numbers, [1, 2, 3]);
            vec![Ok(()), Err(ErrorClass::Transient), Ok(())]
        })
        .await;

        let [(first, permanent), (second, transient)] = &left_over[..] else {
            panic!("{left_over:?}");
        };
        assert_eq!((&**first, &**second), ("x", "2"));
        assert!((30..=60).contains(permanent), "{permanent}");
        assert!((450..=900).contains(transient), "{transient}");
    }

    #[tokio::test]
    async fn a_panic_or_a_missing_result_fails_the_messages_without_one() {
        let panicked = left_over(&["1", "2"], async |_: &[u32]| {
            panic!("the text of a message")
        });
        let panicked = panicked.await;
        let unanswered = left_over(&["1", "2"], async |_: &[u32]| vec![Ok(())]).await;

        assert_eq!(panicked.len(), 2);
        assert_eq!(unanswered.len(), 1);
    }

    #[tokio::test]
    async fn an_empty_batch_succeeds() {
        let left_over = left_over(&[], async |numbers: &[u32]| {
            assert!(numbers.is_empty());
            Vec::new()
        });

        assert!(left_over.await.is_empty());
    }
}
