//! The in-process queues of the embedded engine and the tests: no more reliable than SQS, and lost on exit.
//!
//! Visibility timeouts, receive counts, dead letters, groups, the deduplication window and the limits are those of
//! SQS; where SQS allows two behaviours, these queues show the worse one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::{MessageQueue, OutgoingMessage, Queue, QueueError, QueueRefusal};
use crate::net::clock::Clock;

mod state;

use state::QueueState;

/// A message as its consumer receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub queue: Queue,
    pub body: String,
    /// Receipt handle of this receive; it expires when the message is visible again.
    pub receipt: String,
    /// Including this receive: the first is 1.
    pub receive_count: u32,
    pub group: Option<String>,
}

/// A message that reached the maximum receive count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub body: String,
    pub receive_count: u32,
}

/// Contents of a queue at one moment, without dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueContents {
    pub messages: usize,
    /// Messages that a consumer is handling: in flight, and not postponed.
    pub in_progress: usize,
    /// See [`MemoryQueues::next_visible`].
    pub next_visible: Option<Timestamp>,
}

/// All queues of the pipeline in memory. A clone refers to the same queues.
#[derive(Clone)]
pub struct MemoryQueues {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    states: [Mutex<QueueState>; Queue::ALL.len()],
    /// Signals that a message may have become receivable.
    changed: Notify,
}

impl MemoryQueues {
    pub fn new(clock: Clock) -> Self {
        let states = Queue::ALL.map(|queue| Mutex::new(QueueState::new(queue)));
        Self {
            inner: Arc::new(Inner {
                clock,
                states,
                changed: Notify::new(),
            }),
        }
    }

    /// Receives the receivable message that has waited longest, if there is one.
    pub fn receive(&self, queue: Queue) -> Option<Delivery> {
        self.receive_with(queue, |_| 0)
    }

    /// Like `receive`, but `pick` chooses among the receivable messages, oldest first: on a FIFO queue the first of
    /// each group, on a standard queue any. It gets their number and returns an index; one out of range selects the
    /// last.
    pub fn receive_with(
        &self,
        queue: Queue,
        pick: impl FnOnce(usize) -> usize,
    ) -> Option<Delivery> {
        self.with_state(queue, |state, now| state.receive(now, pick))
    }

    /// Waits until a message can be received, and receives it.
    pub async fn wait_for_message(&self, queue: Queue) -> Delivery {
        self.wait_for(queue, || self.receive(queue)).await
    }

    /// Waits until a message can be received.
    pub async fn wait_until_visible(&self, queue: Queue) {
        let now = || self.inner.clock.now();
        let is_visible = || self.next_visible(queue).filter(|moment| *moment <= now());
        self.wait_for(queue, is_visible).await;
    }

    /// Waits until there is a result, which may depend on what can be received.
    async fn wait_for<T>(&self, queue: Queue, result: impl Fn() -> Option<T>) -> T {
        loop {
            let changed = self.inner.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that a message sent in between is not missed.
            changed.as_mut().enable();
            if let Some(result) = result() {
                return result;
            }
            match self.next_visible(queue) {
                Some(moment) => tokio::select! {
                    () = self.inner.clock.wait_until(moment) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Deletes a received message and returns whether it did: an expired receipt deletes nothing.
    pub fn delete(&self, queue: Queue, receipt: &str) -> bool {
        let deleted = self.with_state(queue, |state, now| state.delete(receipt, now));
        self.inner.changed.notify_waiters();
        deleted
    }

    /// Makes a received message visible again after `delay`; until then its group stays blocked.
    pub fn release(&self, queue: Queue, receipt: &str, delay: Duration) -> Result<(), QueueError> {
        let released = self.with_state(queue, |state, now| state.release(receipt, now, delay));
        self.inner.changed.notify_waiters();
        released.map_err(|refused| refused.into_queue_error("postpone a message", queue))
    }

    /// Makes a received message a dead letter, whatever its receive count: for a consumer that should not retry for
    /// hours.
    pub fn record_dead_letter(&self, queue: Queue, receipt: &str) -> Result<(), QueueError> {
        let moved = self.with_state(queue, |state, now| state.record_dead_letter(receipt, now));
        self.inner.changed.notify_waiters();
        moved.map_err(|refused| {
            refused.into_queue_error("move a message to the dead letters", queue)
        })
    }

    /// The dead letters, oldest first.
    pub fn dead_letters(&self, queue: Queue) -> Vec<DeadLetter> {
        self.with_state(queue, |state, now| {
            state.dead_letters(now).iter().cloned().collect()
        })
    }

    /// Removes and returns the oldest dead letter.
    pub fn take_dead_letter(&self, queue: Queue) -> Option<DeadLetter> {
        self.with_state(queue, |state, now| state.dead_letters(now).pop_front())
    }

    /// The earliest time at which a message can be received, even if it will have become a dead letter by then; now
    /// if there is a visible message, `None` if the queue is empty.
    pub fn next_visible(&self, queue: Queue) -> Option<Timestamp> {
        self.with_state(queue, QueueState::next_visible)
    }

    /// Number of messages that were received and are neither deleted nor visible again.
    pub fn in_flight(&self, queue: Queue) -> usize {
        self.with_state(queue, QueueState::in_flight)
    }

    /// The contents of a queue at one moment.
    pub fn contents(&self, queue: Queue) -> QueueContents {
        self.with_state(queue, QueueState::contents)
    }

    /// Whether all queues are empty: no visible, delayed or in-flight message. Dead letters do not count.
    pub fn is_empty(&self) -> bool {
        Queue::ALL
            .into_iter()
            .all(|queue| self.with_state(queue, QueueState::depth) == 0)
    }

    /// Makes a standard queue deliver the message at `index`, in order of sending, twice, as SQS sometimes does
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html>).
    /// Returns whether it did: a FIFO queue never does.
    pub fn duplicate(&self, queue: Queue, index: usize) -> bool {
        let duplicated = self.with_state(queue, |state, now| state.duplicate(index, now));
        self.inner.changed.notify_waiters();
        duplicated
    }

    /// Simulates that every consumer died and every visibility timeout passed. Messages that a consumer postponed
    /// keep their time.
    pub fn expire_in_flight(&self) {
        for queue in Queue::ALL {
            self.with_state(queue, QueueState::expire_in_flight);
        }
        self.inner.changed.notify_waiters();
    }

    fn with_state<T>(
        &self,
        queue: Queue,
        operation: impl FnOnce(&mut QueueState, Timestamp) -> T,
    ) -> T {
        let mut state = self.inner.states[queue as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        operation(&mut state, self.inner.clock.now())
    }
}

/// Omits the messages: bodies must not be logged.
impl std::fmt::Debug for MemoryQueues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryQueues")
            .field("clock", &self.inner.clock)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageQueue for MemoryQueues {
    async fn send(&self, message: OutgoingMessage) -> Result<(), QueueError> {
        let queue = message.queue;
        let sent = self.with_state(queue, |state, now| state.send(message, now));
        self.inner.changed.notify_waiters();
        sent.map_err(|refused| refused.into_queue_error("send a message", queue))
    }

    async fn depth(&self, queue: Queue) -> Result<u64, QueueError> {
        Ok(self.with_state(queue, QueueState::depth) as u64)
    }

    async fn postpone(
        &self,
        queue: Queue,
        receipt: &str,
        delay: Duration,
    ) -> Result<(), QueueError> {
        self.release(queue, receipt, delay)
    }
}

impl QueueRefusal {
    pub(crate) fn into_queue_error(self, action: &'static str, queue: Queue) -> QueueError {
        QueueError {
            action,
            queue,
            source: self.into(),
        }
    }
}

#[cfg(test)]
mod tests;
