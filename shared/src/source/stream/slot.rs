//! One set of topics, or the direct stream: a connection loop, and its replacement while a new channel takes over.
//!
//! A channel lives for 24 hours, and the server closes sockets for maintenance. In both cases a second connection loop, with
//! a channel of its own, begins to hear before the first one ends.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::connection::{Connection, ConnectionContext, Order, Signal};
use super::gap::ConnectionNumber;
use super::item::{Item, StreamError, Warning};
use super::lifecycle::Lifecycle;
use super::protocol::Protocol;
use crate::base::time::later;

/// When connection loops are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    /// By new channels.
    Channels,
    Never,
}

/// A set of topics.
pub(super) struct Slot<F> {
    /// Makes the protocol of the next connection loop.
    pub(super) new_protocol: F,
    pub(super) context: ConnectionContext,
    pub(super) replacement: Replacement,
}

/// The connection loops of a slot.
struct Loops<F> {
    slot: Slot<F>,
    tasks: JoinSet<(ConnectionNumber, Result<(), StreamError>)>,
    signals: mpsc::UnboundedSender<(ConnectionNumber, Signal)>,
    count: u64,
    active: Running,
    successor: Option<Running>,
    /// When the active loop is replaced.
    replace_at: Option<Timestamp>,
    /// When the active loop ends: the overlap with its successor is over.
    retire_at: Option<Timestamp>,
    replaced_at: Option<Timestamp>,
    phase: Phase,
}

struct Running {
    number: ConnectionNumber,
    orders: watch::Sender<Order>,
}

enum Phase {
    Hearing,
    Ending(Result<(), StreamError>),
}

/// Before the 24 hours after which a channel expires.
const CHANNEL_LIFE: Duration = Duration::from_hours(20);

/// Two heartbeats.
const OVERLAP: Duration = Duration::from_mins(1);

/// A server that announces its end more often closes its connections without a replacement: each takes one of the 20
/// channels of the client.
const LEAST_LIFE: Duration = Duration::from_mins(10);

impl<F, P> Slot<F>
where
    F: FnMut() -> P + Send,
    P: Protocol,
{
    /// Runs until the stream stops or cannot continue.
    pub(super) async fn run(self, mut lifecycle: Lifecycle) -> Result<(), StreamError> {
        let (signals, mut received) = mpsc::unbounded_channel();
        let mut loops = Loops::start(self, signals);
        let clock = loops.slot.context.clock.clone();
        loop {
            tokio::select! {
                biased;
                () = lifecycle.stopping(), if loops.is_hearing() => loops.end(Ok(())),
                Some((number, signal)) = received.recv() => loops.signalled(number, signal),
                ended = loops.tasks.join_next() => match ended {
                    None => return loops.outcome(),
                    Some(Ok((number, outcome))) => loops.ended(number, outcome),
                    Some(Err(_)) => loops.end(Err(StreamError::Panicked)),
                },
                () = clock.wait_until_any(loops.replace_at), if loops.may_replace() => loops.replace(),
                () = clock.wait_until_any(loops.retire_at) => loops.retire(),
            }
        }
    }
}

impl<F, P> Loops<F>
where
    F: FnMut() -> P + Send,
    P: Protocol,
{
    fn start(slot: Slot<F>, signals: mpsc::UnboundedSender<(ConnectionNumber, Signal)>) -> Self {
        let mut loops = Self {
            slot,
            tasks: JoinSet::new(),
            signals,
            count: 0,
            active: Running {
                number: ConnectionNumber(0),
                orders: watch::Sender::new(Order::Run),
            },
            successor: None,
            replace_at: None,
            retire_at: None,
            replaced_at: None,
            phase: Phase::Hearing,
        };
        loops.active = loops.start_next();
        loops.schedule_replacement();
        loops
    }

    fn start_next(&mut self) -> Running {
        self.count += 1;
        let number = ConnectionNumber(self.count);
        let orders = watch::Sender::new(Order::Run);
        let connection = Connection {
            number,
            protocol: (self.slot.new_protocol)(),
            orders: orders.subscribe(),
            signals: self.signals.clone(),
            context: self.slot.context.clone(),
        };
        self.tasks
            .spawn(async move { (number, connection.run().await) });
        Running { number, orders }
    }

    fn schedule_replacement(&mut self) {
        let at = later(self.slot.context.clock.now(), CHANNEL_LIFE);
        self.replace_at = (self.slot.replacement == Replacement::Channels).then_some(at);
    }

    fn is_hearing(&self) -> bool {
        matches!(self.phase, Phase::Hearing)
    }

    fn may_replace(&self) -> bool {
        self.is_hearing() && self.successor.is_none()
    }

    fn signalled(&mut self, number: ConnectionNumber, signal: Signal) {
        let is_successor = self
            .successor
            .as_ref()
            .is_some_and(|it| it.number == number);
        match signal {
            Signal::Hearing if is_successor => {
                self.retire_at = Some(later(self.slot.context.clock.now(), OVERLAP));
            }
            // The active connection is needed for longer.
            Signal::Lost if is_successor => self.retire_at = None,
            Signal::Leaving if self.active.number == number && self.may_replace_early() => {
                let queue = &self.slot.context.queue;
                queue.add(Item::Warning(Warning::SocketClosing));
                self.replace();
            }
            Signal::Hearing | Signal::Lost | Signal::Leaving => {}
        }
    }

    fn may_replace_early(&self) -> bool {
        let now = self.slot.context.clock.now();
        let is_old = self
            .replaced_at
            .is_none_or(|at| now >= later(at, LEAST_LIFE));
        is_old && self.may_replace() && self.replace_at.is_some()
    }

    fn replace(&mut self) {
        self.replaced_at = Some(self.slot.context.clock.now());
        self.successor = Some(self.start_next());
        // The server may answer the new subscription by ending the old one, which is not to be restored.
        self.active.orders.send_replace(Order::Finish);
    }

    fn retire(&mut self) {
        self.retire_at = None;
        self.active.orders.send_replace(Order::Close);
    }

    fn ended(&mut self, number: ConnectionNumber, outcome: Result<(), StreamError>) {
        if outcome.is_err() {
            return self.end(outcome);
        }
        if self.active.number == number
            && let Some(successor) = self.successor.take()
        {
            self.active = successor;
            self.retire_at = None;
            self.schedule_replacement();
        }
    }

    /// Closes the connections. The first outcome counts.
    fn end(&mut self, outcome: Result<(), StreamError>) {
        if self.is_hearing() {
            self.phase = Phase::Ending(outcome);
        }
        for running in self.successor.iter().chain([&self.active]) {
            running.orders.send_replace(Order::Close);
        }
    }

    fn outcome(self) -> Result<(), StreamError> {
        match self.phase {
            Phase::Ending(outcome) => outcome,
            Phase::Hearing => Ok(()),
        }
    }
}
