//! Live traffic: conversations that happen while the simulator runs, the sockets that hear of them, and what goes wrong
//! on the way. The handle is for tests: it steps, disturbs, and returns the account of what was sent to which socket.

pub(crate) mod broker;
mod bus_event;
mod disturbing;
mod faults;
pub(crate) mod ledger;
mod settings;
pub(crate) mod sockets;
mod stepping;

use std::sync::Arc;

use jiff::Timestamp;

pub use bus_event::{BusEvent, EventSource};
pub use faults::LiveFaults;
pub use ledger::{Delivery, LiveFrame, Loss};
pub use settings::{DirectRefusal, LiveSettings, Pieces};
pub use sockets::{SocketId, SocketKind, SocketState, SocketView};

use crate::data::live::LiveConversation;
use crate::simulator::Shared;

/// A handle on live traffic. Its clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Live {
    shared: Arc<Shared>,
    /// The socket to which commands are limited.
    only: Option<SocketId>,
}

/// A notification channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelView {
    pub id: String,
    pub expires: Timestamp,
    /// As subscribed: a combined topic is one entry.
    pub subscriptions: Vec<String>,
    pub socket: Option<SocketId>,
    /// Number of PUTs of its subscriptions.
    pub replacements: u64,
}

impl Live {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, only: None }
    }

    /// A handle whose commands (heartbeats, silences, closes, …) go to this socket only.
    #[must_use]
    pub fn only(&self, socket: SocketId) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            only: Some(socket),
        }
    }

    /// All frames in the order in which they were sent, as far back as [`LiveSettings::history`].
    pub fn frames(&self) -> Vec<LiveFrame> {
        let organisation = self.shared.lock();
        organisation.live.ledger.frames().cloned().collect()
    }

    /// Number of all frames, including those that are forgotten.
    pub fn frame_count(&self) -> u64 {
        self.shared.lock().live.ledger.count()
    }

    /// All sockets in the order in which they were opened, including closed ones.
    pub fn sockets(&self) -> Vec<SocketView> {
        let organisation = self.shared.lock();
        organisation.live.sockets.views().cloned().collect()
    }

    pub fn open_sockets(&self) -> usize {
        self.shared.lock().live.sockets.open_ids(None).len()
    }

    /// All channels in the order of their creation.
    pub fn channels(&self) -> Vec<ChannelView> {
        let organisation = self.shared.lock();
        let channels = organisation.live.channels.all().iter();
        let views = channels.map(|it| ChannelView {
            id: it.id.clone(),
            expires: it.expires,
            subscriptions: it.subscriptions().iter().map(|it| it.id.clone()).collect(),
            socket: it.socket,
            replacements: it.replacements,
        });
        views.collect()
    }

    /// All live conversations in the order in which they began.
    pub fn conversations(&self) -> Vec<LiveConversation> {
        let organisation = self.shared.lock();
        organisation.live.traffic.conversations().to_vec()
    }

    /// Waits until the condition holds. It is checked after each request, and after each message on a socket.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.changes();
        while !condition(self) {
            // The sender is as old as the handle, so that this never fails.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
