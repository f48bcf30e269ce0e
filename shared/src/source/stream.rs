//! Streams of live events over sockets: the notification service, and a gateway's direct stream.
//!
//! A [`Stream`] connects, subscribes, reconnects, and replaces channels before they expire. It yields each event as it was
//! received with the time of its arrival, and each gap in which events may have been missed. It reads, redacts and stores
//! nothing.
//!
//! | module | |
//! |---|---|
//! | `topics`, `gap`, `backoff` | pure: the topics of each channel, the time that is covered, the waits |
//! | `calls`, `queues` | the API: channels, subscriptions, queues |
//! | `protocol` | what distinguishes `notifications` from `direct` |
//! | `connection`, `session` | the loop that connects again and again; one open connection |
//! | `slot`, `topic_slots` | replaces channels while they overlap; one slot for each 1,000 topics |
//! | `queue`, `reading` | the items that wait for the consumer, and backpressure |

mod backoff;
mod calls;
mod channel_ids;
mod connection;
mod direct;
mod gap;
mod item;
mod lifecycle;
mod metrics;
mod notifications;
mod plan;
mod protocol;
mod queue;
mod queues;
mod reading;
mod session;
mod slot;
#[cfg(test)]
mod tests;
mod topic_slots;
mod topics;

pub use gap::{Gap, GapReason};
pub use item::{Interruption, Item, RejectedTopic, StreamError, Warning};
pub use metrics::StreamMetrics;
pub use plan::{
    DEFAULT_BUFFER_BYTES, DEFAULT_MAX_CHANNELS, DirectPlan, NotificationPlan, QueueSelection,
    RejectedTopics, StreamPlan, StreamSource,
};
pub use topics::{InvalidTopicId, MAX_TOPICS, TooManyTopics, TopicId};

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::genesys::GenesysClient;
use crate::net::clock::Clock;
use calls::StreamCalls;
use channel_ids::ChannelIds;
use connection::ConnectionContext;
use direct::Direct;
use lifecycle::LifecycleSender;
use queue::ItemQueue;
use reading::ReadingLimit;
use slot::{Replacement, Slot};
use topic_slots::TopicSlots;
use topics::TopicPlan;

/// Opens streams.
#[derive(Debug)]
pub struct Stream;

/// Stops a stream, and observes it. Clones refer to the same stream, which continues without them.
#[derive(Clone, Debug)]
pub struct StreamHandle {
    lifecycle: LifecycleSender,
    queue: ItemQueue,
}

/// The items of a stream, in the order of their arrival. Dropping it stops the stream.
#[derive(Debug)]
pub struct Items {
    lifecycle: LifecycleSender,
    queue: ItemQueue,
}

/// Marks the end of the stream even if its task panics.
struct EndGuard {
    lifecycle: LifecycleSender,
    queue: ItemQueue,
}

impl Stream {
    /// Starts a stream in tasks of its own. Errors, also those of the plan, are the last item.
    pub fn open(client: GenesysClient, plan: StreamPlan, clock: Clock) -> (StreamHandle, Items) {
        let lifecycle = LifecycleSender::new();
        let queue = ItemQueue::new(clock.clone());
        let guard = EndGuard {
            lifecycle: lifecycle.clone(),
            queue: queue.clone(),
        };
        let calls = StreamCalls { client, clock };
        tokio::spawn(async move {
            let outcome = run(calls, plan, &guard).await;
            guard.queue.add(Item::Ended(outcome));
        });
        let handle = StreamHandle {
            lifecycle: lifecycle.clone(),
            queue: queue.clone(),
        };
        (handle, Items { lifecycle, queue })
    }
}

impl StreamHandle {
    /// Closes the connections with code 1000, and returns after that: within seconds, also if a server does not respond.
    /// The items received before, and the last one, remain for the consumer.
    pub async fn stop(&self) {
        self.lifecycle.stop();
        self.lifecycle.subscribe().ended().await;
    }

    pub fn metrics(&self) -> StreamMetrics {
        self.queue.metrics()
    }
}

impl Items {
    /// The next item; `None` after [`Item::Ended`]. A cancelled call loses nothing.
    pub async fn next(&mut self) -> Option<Item> {
        self.queue.next().await
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.queue.close();
        self.lifecycle.mark_ended();
    }
}

async fn run(calls: StreamCalls, plan: StreamPlan, guard: &EndGuard) -> Result<(), StreamError> {
    let limit = ReadingLimit {
        full_bytes: plan.buffer_bytes,
    };
    match plan.source {
        StreamSource::Notifications(notifications) => {
            let slots = TopicSlots {
                topics: TopicPlan::new(notifications.max_channels),
                absent: BTreeSet::new(),
                plan: notifications,
                calls,
                queue: guard.queue.clone(),
                limit,
                lifecycle: guard.lifecycle.clone(),
                slots: Vec::new(),
                tasks: JoinSet::new(),
                ids: ChannelIds::new(guard.queue.clone()),
            };
            slots.run(plan.heard_until).await
        }
        StreamSource::Direct(direct) => {
            run_direct(calls, &direct, limit, plan.heard_until, guard).await
        }
    }
}

async fn run_direct(
    calls: StreamCalls,
    plan: &DirectPlan,
    limit: ReadingLimit,
    heard_until: Option<Timestamp>,
    guard: &EndGuard,
) -> Result<(), StreamError> {
    let slot = Slot {
        new_protocol: || Direct::new(calls.client.clone(), plan),
        context: ConnectionContext::new(
            heard_until,
            guard.queue.clone(),
            limit,
            calls.clock.clone(),
        ),
        replacement: Replacement::Never,
    };
    slot.run(guard.lifecycle.subscribe()).await
}
