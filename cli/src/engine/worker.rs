//! One worker: receives from its queue, handles, deletes on success; on an error the message comes again later.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::failure::in_one_line;
use conversation_archive::queue::{Delivery, Queue, Trouble};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};

use super::Event;
use super::handlers::{Handlers, Receipt};

/// What all workers of a running engine share.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) handlers: Arc<Handlers>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) stop: watch::Sender<bool>,
    /// Something was handled that can end the export or settle what it owes.
    pub(super) progress: Notify,
}

/// The pause before a message that could not be handled comes again, per receipt.
const RETRY_STEP: Duration = Duration::from_secs(2);

/// The longest such pause. A store that stays away longer ends the engine.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Receives of a message whose handler reports permanent errors.
const PERMANENT_RECEIVES: u32 = 5;

impl Shop {
    /// Handles the messages of one queue until the engine is told to stop; what is in hand is finished first.
    pub(super) async fn work(self: Arc<Self>, queue: Queue) -> anyhow::Result<()> {
        while let Some(delivery) = self.next(queue).await {
            let handled = self.handlers.handle(&delivery).await;
            self.settle(&delivery, handled);
            if matches!(queue, Queue::Completion | Queue::Webhooks) {
                self.progress.notify_one();
            }
        }
        Ok(())
    }

    pub(super) fn report(&self, event: Event) {
        // Nobody listens any more: then nobody misses it.
        let _ = self.events.send(event);
    }

    /// The next message, `None` once the engine is to stop.
    async fn next(&self, queue: Queue) -> Option<Delivery> {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            delivery = self.handlers.queues.next(queue) => Some(delivery),
        }
    }

    fn settle(&self, delivery: &Delivery, handled: anyhow::Result<Receipt>) {
        let event = match handled {
            Ok(Receipt::Delete(event)) => {
                self.handlers
                    .queues
                    .delete(delivery.queue, &delivery.receipt);
                event
            }
            Ok(Receipt::Keep(event)) => event,
            Err(error) => {
                self.release(delivery, &error);
                None
            }
        };
        if let Some(event) = event {
            self.report(event);
        }
    }

    /// Has a message that could not be handled come again, or gives it up: somebody waits for this engine, and a permanent
    /// error does not pass.
    fn release(&self, delivery: &Delivery, error: &anyhow::Error) {
        let Delivery {
            queue,
            receive_count,
            ref receipt,
            ..
        } = *delivery;
        let delay = (RETRY_STEP * receive_count).min(LONGEST_RETRY);
        let (name, delay_s) = (queue.name(), delay.as_secs());
        let text = in_one_line(error.as_ref());
        let queues = &self.handlers.queues;
        let released = if is_given_up(queue, receive_count, Trouble::of(error)) {
            tracing::warn!(
                queue = name,
                receive_count,
                error = text,
                "message given up"
            );
            queues.bury(queue, receipt)
        } else {
            tracing::warn!(
                queue = name,
                receive_count,
                delay_s,
                error = text,
                "a message comes again"
            );
            queues.release(queue, receipt, delay)
        };
        if let Err(error) = released {
            // Its visibility timeout brings it back.
            tracing::warn!(
                queue = name,
                error = in_one_line(&error),
                "message not released"
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

/// A webhook is not given up: it is owed, and the engine does not wait for it longer than a minute.
fn is_given_up(queue: Queue, receive_count: u32, trouble: Trouble) -> bool {
    queue != Queue::Webhooks && trouble == Trouble::Permanent && receive_count >= PERMANENT_RECEIVES
}
