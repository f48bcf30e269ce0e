//! The items between the connections and the consumer, and the backpressure that bounds them.
//!
//! Adding an item never waits: a connection looks at the size of the queue before it reads ([`super::reading`]).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::item::Item;
use super::metrics::StreamMetrics;
use crate::base::time::elapsed;
use crate::net::clock::Clock;

/// The queue. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct ItemQueue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    added: Notify,
    /// The size of the queued items.
    bytes: watch::Sender<usize>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Queued>,
    is_closed: bool,
    metrics: StreamMetrics,
}

#[derive(Debug)]
struct Queued {
    item: Item,
    size: usize,
    added_at: Timestamp,
}

/// The next step of the consumer.
enum Next {
    Item(Item),
    Closed,
    /// Wait for the next item.
    Later,
}

impl ItemQueue {
    pub(super) fn new(clock: Clock) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            added: Notify::new(),
            bytes: watch::Sender::new(0),
            clock,
        }))
    }

    pub(super) fn add(&self, item: Item) {
        let size = item.size();
        let mut state = self.state();
        count(&mut state.metrics, &item);
        state.items.push_back(Queued {
            item,
            size,
            added_at: self.0.clock.now(),
        });
        let bytes = self.bytes() + size;
        self.0.bytes.send_replace(bytes);
        let greatest = &mut state.metrics.greatest_depth_bytes;
        *greatest = bytes.max(*greatest);
        drop(state);
        self.0.added.notify_one();
    }

    /// Waits for the next item; `None` after the last one of a closed queue. For one consumer.
    pub(super) async fn next(&self) -> Option<Item> {
        loop {
            match self.take() {
                Next::Item(item) => return Some(item),
                Next::Closed => return None,
                Next::Later => self.0.added.notified().await,
            }
        }
    }

    fn take(&self) -> Next {
        let mut state = self.state();
        match state.items.pop_front() {
            Some(Queued { item, size, .. }) => {
                self.0.bytes.send_modify(|bytes| *bytes -= size);
                Next::Item(item)
            }
            None if state.is_closed => Next::Closed,
            None => Next::Later,
        }
    }

    /// No item follows.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.0.added.notify_one();
    }

    /// The size of the queued items.
    pub(super) fn bytes(&self) -> usize {
        *self.0.bytes.borrow()
    }

    /// Waits until the queued items have at most this size.
    pub(super) async fn wait_for(&self, bytes: usize) {
        let mut size = self.0.bytes.subscribe();
        // The sender lives as long as `self`.
        let _ = size.wait_for(|size| *size <= bytes).await;
    }

    pub(super) fn count_connection(&self) {
        self.state().metrics.connections += 1;
    }

    pub(super) fn count_pause(&self) {
        self.state().metrics.pauses += 1;
    }

    pub(super) fn count_paused_time(&self, duration: Duration) {
        self.state().metrics.paused_time += duration;
    }

    pub(super) fn metrics(&self) -> StreamMetrics {
        let state = self.state();
        let oldest = state.items.front();
        let age = oldest.map(|oldest| elapsed(oldest.added_at, self.0.clock.now()));
        StreamMetrics {
            depth: state.items.len(),
            depth_bytes: self.bytes(),
            lag: age.unwrap_or_default(),
            ..state.metrics
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Item {
    /// In memory.
    fn size(&self) -> usize {
        let text = match self {
            Self::Frame { text, .. } => text.capacity(),
            Self::Unreadable { text, .. } => text.first.capacity(),
            Self::Heartbeat { .. }
            | Self::Interrupted { .. }
            | Self::CaughtUp { .. }
            | Self::Gap(_)
            | Self::Channels(_)
            | Self::Warning(_)
            | Self::Ended(_) => 0,
        };
        text + size_of::<Queued>()
    }
}

fn count(metrics: &mut StreamMetrics, item: &Item) {
    match item {
        Item::Frame { text, .. } => {
            metrics.frames += 1;
            metrics.bytes += text.len() as u64;
        }
        Item::Unreadable { .. } => metrics.unreadable += 1,
        Item::Heartbeat { .. } => metrics.heartbeats += 1,
        Item::Gap(gap) => {
            metrics.gaps += 1;
            metrics.gap_time += elapsed(gap.from, gap.until);
        }
        Item::Interrupted { .. }
        | Item::CaughtUp { .. }
        | Item::Channels(_)
        | Item::Warning(_)
        | Item::Ended(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Item {
        Item::Frame {
            text: "x".repeat(bytes),
            arrived_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn size_and_lag_are_those_of_items_not_taken() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let queue = ItemQueue::new(clock.clone());
        queue.add(frame(1_000));
        clock.advance(Duration::from_secs(3));
        queue.add(frame(500));

        queue.next().await.unwrap();
        clock.advance(Duration::from_secs(2));

        let metrics = queue.metrics();
        assert_eq!((metrics.frames, metrics.bytes), (2, 1_500));
        assert_eq!((metrics.depth, metrics.lag.as_secs()), (1, 2));
        assert_eq!(metrics.depth_bytes, 500 + size_of::<Queued>());
        assert_eq!(
            metrics.greatest_depth_bytes,
            1_500 + 2 * size_of::<Queued>()
        );
    }

    #[tokio::test]
    async fn a_closed_queue_ends_after_its_last_item() {
        let queue = ItemQueue::new(Clock::default());
        queue.add(frame(1));
        queue.close();

        assert!(queue.next().await.is_some());
        assert!(queue.next().await.is_none());
        assert!(queue.next().await.is_none());
    }

    #[tokio::test]
    async fn a_waiting_consumer_receives_the_next_item() {
        let queue = ItemQueue::new(Clock::default());

        let (next, ()) = tokio::join!(queue.next(), async { queue.add(frame(1)) });

        assert!(matches!(next, Some(Item::Frame { .. })));
    }
}
