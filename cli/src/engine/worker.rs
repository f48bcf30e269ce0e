//! One worker: receives from its queue, handles, deletes on success; on an error the message comes again later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conversation_archive::queue::{Delivery, Queue};
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
    /// Something was handled: the export may be over.
    pub(super) handled: Notify,
    /// Deliveries of a webhook that are under way.
    pub(super) delivering: AtomicUsize,
}

/// The pause before a message that could not be handled comes again, per receipt.
const RETRY_STEP: Duration = Duration::from_secs(2);

impl Shop {
    /// Archives pages until the engine is told to stop; the page in hand is finished first.
    pub(super) async fn archive_pages(self: Arc<Self>) -> anyhow::Result<()> {
        while let Some(delivery) = self.next(Queue::Pages).await {
            let handled = self.handlers.archive_page(&delivery).await;
            self.settle(&delivery, handled);
        }
        Ok(())
    }

    /// The same for the messages of any queue.
    pub(super) async fn work(self: Arc<Self>, queue: Queue) -> anyhow::Result<()> {
        while let Some(delivery) = self.next(queue).await {
            let under_way = (queue == Queue::Webhooks).then(|| UnderWay::of(&self.delivering));
            let handled = self.handlers.handle(&delivery).await;
            self.settle(&delivery, handled);
            drop(under_way);
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
        match handled {
            Ok(Receipt::Delete(event)) => {
                self.handlers
                    .queues
                    .delete(delivery.queue, &delivery.receipt);
                if let Some(event) = event {
                    self.report(event);
                }
            }
            Ok(Receipt::Keep(event)) => self.report(event),
            Err(error) => self.release(delivery, &error),
        }
        self.handled.notify_one();
    }

    fn release(&self, delivery: &Delivery, error: &anyhow::Error) {
        let Delivery {
            queue,
            receive_count,
            ..
        } = *delivery;
        let delay = RETRY_STEP * receive_count;
        let (name, delay_s) = (queue.name(), delay.as_secs());
        tracing::warn!(
            queue = name,
            receive_count,
            delay_s,
            error = format!("{error:#}"),
            "a message comes again"
        );
        if let Err(error) = self
            .handlers
            .queues
            .release(queue, &delivery.receipt, delay)
        {
            // Its visibility timeout brings it back.
            tracing::warn!(
                queue = name,
                error = format!("{:#}", anyhow::Error::from(error)),
                "message not released"
            );
        }
        self.report(Event::Retried {
            queue,
            receive_count,
            delay,
        });
    }
}

/// Counts itself for as long as it lives.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
