//! The connection loop: opens a connection, reads it to its end, waits, and begins again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::backoff::Backoff;
use super::gap::{Change, ConnectionNumber, Coverage};
use super::item::{Interruption, Item, StreamError, Warning};
use super::protocol::{OpenError, Protocol};
use super::queue::ItemQueue;
use super::reading::ReadingLimit;
use super::session::{Session, SessionEnd};
use crate::base::time::later;
use crate::net::clock::Clock;

/// A connection loop.
#[derive(Debug)]
pub(super) struct Connection<P> {
    pub(super) number: ConnectionNumber,
    pub(super) protocol: P,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) signals: mpsc::UnboundedSender<(ConnectionNumber, Signal)>,
    pub(super) context: ConnectionContext,
}

/// Shared by the connections of one set of topics.
#[derive(Clone, Debug)]
pub(super) struct ConnectionContext {
    coverage: Arc<Mutex<Coverage>>,
    pub(super) queue: ItemQueue,
    pub(super) limit: ReadingLimit,
    pub(super) clock: Clock,
}

/// The next task of a connection loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Run,
    /// Read the connection that is open, and open no other one.
    Finish,
    /// Close the connection.
    Close,
}

/// A change in the state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// The first frame or heartbeat after the subscription.
    Hearing,
    /// The server will close the connection.
    Leaving,
    /// The connection has ended.
    Lost,
}

impl<P: Protocol> Connection<P> {
    /// Runs until it is ordered to end, or cannot continue.
    pub(super) async fn run(mut self) -> Result<(), StreamError> {
        let mut backoff = Backoff::default();
        loop {
            let (cause, heard_for) = match self.connect_once().await {
                SessionEnd::Closed => return Ok(()),
                SessionEnd::Failed(error) => return Err(error),
                SessionEnd::Interrupted { cause, heard_for } => (cause, heard_for),
            };
            if *self.orders.borrow() != Order::Run {
                return Ok(());
            }
            let cause = self.protocol.react(cause, heard_for).await?;
            let wait = backoff.wait(heard_for, fastrand::f64());
            if !self.wait(cause, wait).await {
                return Ok(());
            }
        }
    }

    /// Opens a connection and reads it to its end.
    async fn connect_once(&mut self) -> SessionEnd {
        let opened = tokio::select! {
            biased;
            () = ended(&mut self.orders, |order| order != Order::Run) => return SessionEnd::Closed,
            opened = self.protocol.open() => opened,
        };
        match opened {
            Ok(socket) => {
                self.context.queue.count_connection();
                Session::new(self, socket).run().await
            }
            Err(OpenError::Final(error)) => SessionEnd::Failed(error),
            Err(OpenError::Retry(cause)) => SessionEnd::Interrupted {
                cause,
                heard_for: Duration::ZERO,
            },
        }
    }

    /// Waits before the next connection. Returns `false` if there shall be none.
    async fn wait(&mut self, cause: Interruption, wait: Duration) -> bool {
        let ConnectionContext { queue, clock, .. } = &self.context;
        let until = later(clock.now(), wait);
        queue.add(Item::Warning(Warning::Reconnecting { cause, wait }));
        tokio::select! {
            biased;
            () = ended(&mut self.orders, |order| order != Order::Run) => false,
            () = clock.wait_until(until) => true,
        }
    }
}

impl ConnectionContext {
    /// The context of a set of topics that an earlier process covered until a moment.
    pub(super) fn new(
        heard_until: Option<Timestamp>,
        queue: ItemQueue,
        limit: ReadingLimit,
        clock: Clock,
    ) -> Self {
        if let Some(from) = heard_until {
            queue.add(Item::Interrupted { from });
        }
        Self {
            coverage: Arc::new(Mutex::new(Coverage::new(heard_until))),
            queue,
            limit,
            clock,
        }
    }

    /// Changes the coverage, and adds what this changes.
    pub(super) fn cover(&self, change: impl FnOnce(&mut Coverage) -> Option<Change>) {
        let mut coverage = self.coverage.lock().unwrap_or_else(PoisonError::into_inner);
        // In the order of the changes: the coverage stays locked.
        match change(&mut coverage) {
            Some(Change::Interrupted(from)) => self.queue.add(Item::Interrupted { from }),
            Some(Change::Resumed(gap)) => self.queue.add(Item::Gap(gap)),
            Some(Change::Late(gap)) => {
                self.queue.add(Item::Interrupted { from: gap.from });
                self.queue.add(Item::Gap(gap));
            }
            None => {}
        }
    }
}

/// Waits for an order to end. So does the loss of the sender.
pub(super) async fn ended(orders: &mut watch::Receiver<Order>, is_end: impl Fn(Order) -> bool) {
    let _ = orders.wait_for(|order| is_end(*order)).await;
}
