//! One open connection, from its first ping to its end.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::connection::{Connection, ConnectionContext, Order, Signal, ended};
use super::gap::GapReason;
use super::item::{Interruption, Item, StreamError, Warning};
use super::protocol::{Heard, OpenError, Protocol};
use super::reading::Reading;
use crate::base::time::{elapsed, later};
use crate::genesys::ApiError;
use crate::net::websocket::{CloseCode, Disconnected, Received, WebSocket};

/// How a session ended.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// As ordered.
    Closed,
    Interrupted {
        cause: Interruption,
        /// The time between its first and its last frame.
        heard_for: Duration,
    },
    Failed(StreamError),
}

/// Not everything that was sent has been read: reading was paused, or the process did not run.
#[derive(Clone, Copy, Debug)]
struct Lag {
    since: Timestamp,
    /// The ping after whose answer everything that was sent before has been read; `None` while reading is paused.
    until_ping: Option<u64>,
}

/// An open connection.
pub(super) struct Session<'a, P> {
    connection: &'a mut Connection<P>,
    socket: WebSocket,
    reading: Reading,
    /// The first and the last frame or heartbeat.
    heard: Option<(Timestamp, Timestamp)>,
    /// The number of the last ping, and of the last one that was answered.
    pings: u64,
    answered: u64,
    lag: Option<Lag>,
    silent_at: Timestamp,
    ping_at: Timestamp,
    subscribing: Option<BoxFuture<'static, Result<(), OpenError>>>,
    /// Of the current message.
    meanings: Vec<Heard>,
}

enum Event {
    Close,
    Ping,
    TopicsChanged,
    Subscribed(Result<(), OpenError>),
    Received(Result<Received, Disconnected>),
    Resumed(Reading),
    Silence,
}

/// Servers and proxies close connections that are idle for about a minute.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// After the retries of the call itself.
const SUBSCRIPTION_RETRY: Duration = Duration::from_secs(30);

/// A heartbeat comes every 30 seconds.
const SILENCE: Duration = Duration::from_secs(45);

impl<'a, P: Protocol> Session<'a, P> {
    pub(super) fn new(connection: &'a mut Connection<P>, socket: WebSocket) -> Self {
        let now = connection.context.clock.now();
        Self {
            connection,
            socket,
            reading: Reading::Open,
            heard: None,
            pings: 0,
            answered: 0,
            lag: None,
            silent_at: later(now, SILENCE),
            // The first pong shows at once that the subscription is alive.
            ping_at: now,
            subscribing: None,
            meanings: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) -> SessionEnd {
        loop {
            let event = self.next_event().await;
            if let ControlFlow::Break(end) = self.handle(event).await {
                return self.end(end).await;
            }
        }
    }

    /// The next thing to do. A stream of messages delays none of the others, and a message that has arrived prevents a
    /// silence.
    async fn next_event(&mut self) -> Event {
        let Connection {
            protocol,
            orders,
            context:
                ConnectionContext {
                    queue,
                    limit,
                    clock,
                    ..
                },
            ..
        } = &mut *self.connection;
        let (reading, subscribing) = (self.reading, &mut self.subscribing);
        tokio::select! {
            biased;
            () = ended(orders, |order| order == Order::Close) => Event::Close,
            () = clock.wait_until(self.ping_at) => Event::Ping,
            result = poll_slot(subscribing) => Event::Subscribed(result),
            () = protocol.topics_changed() => Event::TopicsChanged,
            next = reading.resumed(queue, *limit, clock) => Event::Resumed(next),
            received = self.socket.receive(), if !reading.is_paused() => Event::Received(received),
            () = clock.wait_until(self.silent_at), if !reading.is_paused() => Event::Silence,
        }
    }

    async fn handle(&mut self, event: Event) -> ControlFlow<SessionEnd> {
        match event {
            Event::Close => return ControlFlow::Break(SessionEnd::Closed),
            Event::Ping => {
                self.ping_at = later(self.connection.context.clock.now(), PING_INTERVAL);
                self.pings += 1;
                let number = self.pings;
                let Connection {
                    protocol, orders, ..
                } = &mut *self.connection;
                // A server that takes no more data does not delay the end of the stream. If the connection has ended, the
                // next message says why.
                tokio::select! {
                    biased;
                    () = ended(orders, |order| order == Order::Close) => {}
                    _ = protocol.ping(&mut self.socket, number) => {}
                }
            }
            Event::TopicsChanged => self.subscribing = Some(self.connection.protocol.subscribe()),
            Event::Subscribed(result) => {
                self.subscribing = None;
                return match result {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(OpenError::Final(error)) => ControlFlow::Break(SessionEnd::Failed(error)),
                    Err(OpenError::Retry(Interruption::Api(error))) => {
                        self.subscribe_later(error);
                        ControlFlow::Continue(())
                    }
                    Err(OpenError::Retry(cause)) => self.interrupted(cause),
                };
            }
            Event::Received(Ok(received)) => return self.received(received),
            Event::Received(Err(disconnected)) => return self.interrupted(disconnected.into()),
            Event::Resumed(next) => self.resume(next),
            Event::Silence => return self.interrupted(Interruption::Silence),
        }
        ControlFlow::Continue(())
    }

    /// An outage of the API does not end a connection that hears the earlier topics.
    fn subscribe_later(&mut self, error: ApiError) {
        let clock = self.connection.context.clock.clone();
        let warning = Warning::QueuesNotUpdated(StreamError::Api(error));
        self.connection.context.queue.add(Item::Warning(warning));
        let at = later(clock.now(), SUBSCRIPTION_RETRY);
        let subscription = self.connection.protocol.subscribe();
        self.subscribing = Some(Box::pin(async move {
            clock.wait_until(at).await;
            subscription.await
        }));
    }

    fn received(&mut self, received: Received) -> ControlFlow<SessionEnd> {
        let size = match &received {
            Received::Message(text) => text.len(),
            Received::Ping | Received::Pong(_) => 0,
        };
        let now = self.connection.context.clock.now();
        if now > self.silent_at {
            // The process did not run for a while: this may have been sent at any time since the last sign of life.
            let since = self.heard.map_or(now, |(_, last)| last);
            self.begin_lag(since);
            self.begin_to_catch_up(now);
        }
        let mut meanings = std::mem::take(&mut self.meanings);
        self.connection.protocol.read(received, &mut meanings);
        for heard in meanings.drain(..) {
            self.pass_on(heard, now)?;
        }
        self.meanings = meanings;
        self.pause_if_full(size, now);
        ControlFlow::Continue(())
    }

    fn pass_on(&mut self, heard: Heard, arrived_at: Timestamp) -> ControlFlow<SessionEnd> {
        if let Heard::Interrupted(cause) = heard {
            return self.interrupted(cause);
        }
        self.mark_heard(arrived_at);
        let item = match heard {
            Heard::Frame(text) => Item::Frame { text, arrived_at },
            Heard::Unreadable(text) => Item::Unreadable { text, arrived_at },
            Heard::Heartbeat => Item::Heartbeat { arrived_at },
            Heard::Answer(number) => {
                self.answered = number.unwrap_or(self.answered + 1);
                self.catch_up_if_answered();
                Item::Heartbeat { arrived_at }
            }
            Heard::Leaving => {
                self.signal(Signal::Leaving);
                return ControlFlow::Continue(());
            }
            Heard::Part | Heard::Interrupted(_) => return ControlFlow::Continue(()),
        };
        self.connection.context.queue.add(item);
        ControlFlow::Continue(())
    }

    fn mark_heard(&mut self, now: Timestamp) {
        self.silent_at = later(now, SILENCE);
        let number = self.connection.number;
        // A text that is read after a pause may have been sent before it.
        let heard_until = self.lag.map_or(now, |lag| lag.since);
        self.connection
            .context
            .cover(|coverage| coverage.heard(number, heard_until));
        if let Some((_, last)) = &mut self.heard {
            *last = now;
        } else {
            self.heard = Some((now, now));
            self.signal(Signal::Hearing);
        }
    }

    fn pause_if_full(&mut self, size: usize, now: Timestamp) {
        let ConnectionContext { queue, limit, .. } = &self.connection.context;
        self.reading = self.reading.after_message(size, queue.bytes(), *limit, now);
        if self.reading.is_paused() {
            queue.count_pause();
            self.begin_lag(now);
        }
    }

    fn begin_lag(&mut self, since: Timestamp) {
        if self.lag.is_none() {
            let from = since;
            self.connection
                .context
                .queue
                .add(Item::Interrupted { from });
        }
        let lag = self.lag.get_or_insert(Lag {
            since,
            until_ping: None,
        });
        lag.until_ping = None;
    }

    /// Sends a ping: its answer comes after everything that was sent before.
    fn begin_to_catch_up(&mut self, now: Timestamp) {
        if let Some(lag) = &mut self.lag {
            lag.until_ping = Some(self.pings + 1);
            self.ping_at = now;
        }
    }

    fn catch_up_if_answered(&mut self) {
        let until = self.lag.and_then(|lag| lag.until_ping);
        if until.is_some_and(|until| until <= self.answered) {
            self.catch_up();
        }
    }

    fn catch_up(&mut self) {
        if let Some(Lag { since: from, .. }) = self.lag.take() {
            self.connection.context.queue.add(Item::CaughtUp { from });
        }
    }

    fn resume(&mut self, next: Reading) {
        let ConnectionContext { queue, clock, .. } = &self.connection.context;
        let paused = self.reading.paused_for(clock.now());
        queue.count_paused_time(paused);
        // Messages that were sent during the pause are still to be read.
        self.silent_at = later(self.silent_at, paused);
        self.reading = next;
        let now = clock.now();
        self.begin_to_catch_up(now);
    }

    fn interrupted(&self, cause: Interruption) -> ControlFlow<SessionEnd> {
        let heard_for = self.heard.map(|(first, last)| elapsed(first, last));
        ControlFlow::Break(SessionEnd::Interrupted {
            cause,
            heard_for: heard_for.unwrap_or_default(),
        })
    }

    async fn end(mut self, end: SessionEnd) -> SessionEnd {
        let now = self.connection.context.clock.now();
        if self.reading.is_paused() {
            self.resume(Reading::Open);
        }
        if let Some(rest) = self.connection.protocol.finish() {
            // It is not a sign of life: the connection has ended.
            self.connection.context.queue.add(Item::Unreadable {
                text: rest,
                arrived_at: now,
            });
        }
        let reason = match &end {
            SessionEnd::Interrupted { cause, .. } => cause.gap_reason(),
            SessionEnd::Closed => GapReason::Closed(Some(CloseCode::NORMAL)),
            SessionEnd::Failed(_) => GapReason::Closed(None),
        };
        let number = self.connection.number;
        let context = &self.connection.context;
        context.cover(|coverage| coverage.ended(number, reason));
        // Everything that was not read is in the gap.
        self.catch_up();
        self.signal(Signal::Lost);
        // Without effect on a connection that the server has closed.
        self.socket.close().await;
        end
    }

    fn signal(&self, signal: Signal) {
        // The receiver has ended only if the stream has.
        let _ = self
            .connection
            .signals
            .send((self.connection.number, signal));
    }
}

/// The result of a future, if there is one.
async fn poll_slot<T>(slot: &mut Option<BoxFuture<'static, T>>) -> T {
    match slot {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
