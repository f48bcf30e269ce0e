//! A worker: receives from its queue, calls the handler, and deletes the message on success. After an error the message
//! is redelivered later.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::base::failure::error_chain;
use conversation_archive::base::time::later;
use conversation_archive::pipeline::ErrorClass;
use conversation_archive::storage::queue::{Delivery, Queue};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};

use super::Event;
use super::handlers::{Disposition, Handlers};

/// State that all workers of a running engine share.
#[derive(Debug)]
pub(super) struct WorkerContext {
    pub(super) handlers: Arc<Handlers>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) stop: watch::Sender<bool>,
    /// Notified after a message was handled that can end the export or deliver its webhook.
    pub(super) progress: Notify,
}

/// Delay before a failed message is redelivered, multiplied by its receive count.
const RETRY_DELAY_STEP: Duration = Duration::from_secs(2);

/// Upper limit of that delay. A store that is unavailable for longer ends the engine.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// The number of messages that are handled together: as many as Lambda delivers.
const MAX_COLLECTED: usize = 1_000;

/// Receive count at which a message with a permanent error is dead-lettered.
const MAX_PERMANENT_RECEIVES: u32 = 5;

impl WorkerContext {
    /// Handles the messages of one queue until the engine is stopped; the current message is finished first.
    pub(super) async fn work(self: Arc<Self>, queue: Queue) -> anyhow::Result<()> {
        while let Some(delivery) = self.next(queue).await {
            let handled = self.handlers.handle(&delivery).await;
            self.apply_result(&delivery, handled);
            if matches!(queue, Queue::Completion | Queue::Webhooks) {
                self.progress.notify_one();
            }
        }
        Ok(())
    }

    /// Handles the messages about ended conversations until the engine is stopped: those of a window of time together, as
    /// the event source mapping delivers them.
    pub(super) async fn work_ended(self: Arc<Self>, window: Duration) -> anyhow::Result<()> {
        while let Some(deliveries) = self.collect(Queue::Ended, window).await {
            let (results, event) = self.handlers.fetch_ended(&deliveries).await;
            for (delivery, result) in deliveries.iter().zip(results) {
                self.apply_result(delivery, result);
            }
            self.report(event);
        }
        Ok(())
    }

    /// The messages that can be received a while after the first one of them; `None` after the engine was stopped.
    async fn collect(&self, queue: Queue, window: Duration) -> Option<Vec<Delivery>> {
        let Handlers {
            queues, pipeline, ..
        } = &*self.handlers;
        let mut stop = self.stop.subscribe();
        let collected = async {
            queues.wait_until_visible(queue).await;
            let until = later(pipeline.clock.now(), window);
            pipeline.clock.wait_until(until).await;
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            () = collected => {
                let received = std::iter::from_fn(|| queues.receive(queue));
                Some(received.take(MAX_COLLECTED).collect())
            }
        }
    }

    pub(super) fn report(&self, event: Event) {
        // If the receiving end is gone, no consumer needs the event.
        let _ = self.events.send(event);
    }

    /// The next message, or `None` after the engine was stopped.
    async fn next(&self, queue: Queue) -> Option<Delivery> {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            delivery = self.handlers.queues.wait_for_message(queue) => Some(delivery),
        }
    }

    fn apply_result(&self, delivery: &Delivery, handled: anyhow::Result<Disposition>) {
        let event = match handled {
            Ok(Disposition::Delete(event)) => {
                self.handlers
                    .queues
                    .delete(delivery.queue, &delivery.receipt);
                event
            }
            Ok(Disposition::Keep(event)) => event,
            Err(error) => {
                self.release(delivery, &error);
                None
            }
        };
        if let Some(event) = event {
            self.report(event);
        }
    }

    /// Returns a failed message to its queue, or dead-letters it after repeated permanent errors: a caller waits for
    /// this engine, and a permanent error does not resolve itself.
    fn release(&self, delivery: &Delivery, error: &anyhow::Error) {
        let Delivery {
            queue,
            receive_count,
            ref receipt,
            ..
        } = *delivery;
        let delay = (RETRY_DELAY_STEP * receive_count).min(MAX_RETRY_DELAY);
        let (name, delay_s) = (queue.name(), delay.as_secs());
        let text = error_chain(error.as_ref());
        let queues = &self.handlers.queues;
        let released = if must_dead_letter(queue, receive_count, ErrorClass::of(error)) {
            tracing::warn!(
                queue = name,
                receive_count,
                error = text,
                "message dead-lettered"
            );
            queues.record_dead_letter(queue, receipt)
        } else {
            tracing::warn!(
                queue = name,
                receive_count,
                delay_s,
                error = text,
                "message returned to the queue for a retry"
            );
            queues.release(queue, receipt, delay)
        };
        if let Err(error) = released {
            // The message returns when its visibility timeout expires.
            tracing::warn!(
                queue = name,
                error = error_chain(&error),
                "message could not be released"
            );
        }
        self.report(Event::Retried {
            queue,
            receive_count,
            delay,
            error: text,
        });
    }
}

/// A webhook message is never given up: the webhook stays owed, and the engine waits for it at most a minute.
fn must_dead_letter(queue: Queue, receive_count: u32, class: ErrorClass) -> bool {
    queue != Queue::Webhooks
        && class == ErrorClass::Permanent
        && receive_count >= MAX_PERMANENT_RECEIVES
}
