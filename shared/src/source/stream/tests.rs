//! Tests of streams against a small Genesys Cloud on this machine, written from the documentation of the notification
//! service. The clock stands still unless a test advances it.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::base::time::later;
use crate::net::websocket::CloseCode;
use server::{Peer, Server};

mod backpressure;
mod direct;
mod ends;
mod notifications;
mod replacement;
mod server;
mod subscriptions;

const HEARTBEAT: &str =
    r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#;

/// A stream and its server.
struct Setup {
    server: Server,
    clock: Clock,
    handle: StreamHandle,
    items: Items,
    /// The beginnings of gaps and pauses that are not over.
    interrupted: Vec<Timestamp>,
}

impl Setup {
    /// A stream of the queue `q-1`.
    async fn notifications() -> Self {
        let server = Server::start().await;
        server.add_queues(1);
        Self::open(server, StreamSource::Notifications(all_queues()))
    }

    async fn direct() -> Self {
        let server = Server::start().await;
        Self::open(server, StreamSource::Direct(DirectPlan::default()))
    }

    fn open(server: Server, source: StreamSource) -> Self {
        Self::open_plan(
            server,
            StreamPlan {
                source,
                heard_until: None,
                buffer_bytes: DEFAULT_BUFFER_BYTES,
            },
        )
    }

    fn open_plan(server: Server, plan: StreamPlan) -> Self {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let client = server.client(clock.clone());
        let (handle, items) = Stream::open(client, plan, clock.clone());
        Self {
            server,
            clock,
            handle,
            items,
            interrupted: Vec::new(),
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The connection of a stream that hears its first heartbeat.
    async fn hearing(&mut self) -> Peer {
        let mut peer = self.server.connected().await;
        peer.send(HEARTBEAT).await;
        // A second channel may have missed what the first one has heard.
        loop {
            match self.next_but_ids().await {
                Item::Gap(gap) if gap.reason == GapReason::Start => {
                    self.end_interruption(gap.from);
                }
                Item::Heartbeat { .. } => return peer,
                item => panic!("{item:?}"),
            }
        }
    }

    async fn next(&mut self) -> Item {
        self.items.next().await.expect("another item")
    }

    /// Skips the ids of channels, and the beginnings of gaps.
    async fn next_but_ids(&mut self) -> Item {
        loop {
            match self.next().await {
                Item::Channels(_) => {}
                Item::Interrupted { from } => self.interrupted.push(from),
                Item::CaughtUp { from } => self.end_interruption(from),
                item => return item,
            }
        }
    }

    async fn heartbeat(&mut self) {
        let item = self.next_but_ids().await;
        assert!(matches!(item, Item::Heartbeat { .. }), "{item:?}");
    }

    async fn gap(&mut self) -> Gap {
        match self.next_but_ids().await {
            Item::Gap(gap) => {
                self.end_interruption(gap.from);
                gap
            }
            item => panic!("{item:?}"),
        }
    }

    fn end_interruption(&mut self, from: Timestamp) {
        let announced = self.interrupted.iter().position(|begun| *begun == from);
        self.interrupted.remove(announced.expect("it has begun"));
    }

    async fn frame(&mut self) -> String {
        match self.next_but_ids().await {
            Item::Frame { text, .. } => text,
            item => panic!("{item:?}"),
        }
    }

    async fn warning(&mut self) -> Warning {
        match self.next_but_ids().await {
            Item::Warning(warning) => warning,
            item => panic!("{item:?}"),
        }
    }

    async fn channels(&mut self) -> Vec<String> {
        match self.next().await {
            Item::Channels(ids) => ids,
            item => panic!("{item:?}"),
        }
    }

    /// Advances the clock to the next connection, and returns the cause of the wait.
    async fn reconnecting(&mut self) -> Interruption {
        match self.warning().await {
            Warning::Reconnecting { cause, wait } => {
                self.clock.advance(wait);
                cause
            }
            other => panic!("{other:?}"),
        }
    }

    /// The outcome of the stream, after which there is no item.
    async fn outcome(&mut self) -> Result<(), StreamError> {
        match self.next_but_ids().await {
            Item::Ended(outcome) => {
                assert!(self.items.next().await.is_none());
                outcome
            }
            item => panic!("{item:?}"),
        }
    }

    /// Lets the other tasks run until the condition holds.
    async fn until(&self, condition: impl Fn(StreamMetrics) -> bool) {
        while !condition(self.handle.metrics()) {
            tokio::task::yield_now().await;
        }
    }
}

fn all_queues() -> NotificationPlan {
    NotificationPlan::of_queues(QueueSelection::All)
}

fn frame(number: u32) -> String {
    format!(
        r#"{{"topicName":"v2.routing.queues.q-1.conversations","eventBody":{{"id":"{number}"}}}}"#
    )
}

fn system(kind: &str) -> String {
    format!(r#"{{"topicName":"v2.system.{kind}","eventBody":{{"systemTopicType":"{kind}"}}}}"#)
}

fn at(seconds: u64) -> Timestamp {
    later(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
}

fn closed(code: CloseCode) -> GapReason {
    GapReason::Closed(Some(code))
}
