//! The sockets, as far as the organisation knows them: the channel or stream of each, and a queue of its commands.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub(crate) u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// Of the channel with this id.
    Channel(String),
    Direct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketState {
    Open,
    /// The simulator has decided to close it, and sends nothing more.
    Closing,
    Closed,
}

/// A socket, open or closed, and what was seen on it.
#[derive(Clone, Debug)]
pub struct SocketView {
    pub id: SocketId,
    pub kind: SocketKind,
    pub state: SocketState,
    pub opened: Timestamp,
    /// Frames written, including second copies.
    pub frames: u64,
    pub heartbeats: u64,
    /// `{"message":"ping"}` received.
    pub pings: u64,
    /// Ping frames of the WebSocket protocol received. The library answers them.
    pub control_pings: u64,
    /// Pong frames of the WebSocket protocol received.
    pub pongs: u64,
    /// The code with which the client closed it; 1005 if it gave none.
    pub client_close_code: Option<u16>,
}

/// Work of a socket, done in the order in which it was queued.
#[derive(Debug)]
pub(crate) enum Command {
    Frames(Vec<Outgoing>),
    /// A message that is not in the ledger.
    Text(String),
    /// The payload of a text message, which need not be valid.
    Bytes(Vec<u8>),
    Heartbeat,
    ControlPing,
    /// From now on nothing is read, written or answered.
    Silence,
    Resume,
    Close(u16),
    /// Ends the connection without a close frame.
    Disconnect,
    /// Ends the connection by a TCP reset.
    Reset,
    /// Answered when everything before it has been written.
    Flush(oneshot::Sender<()>),
}

/// A socket that a connection has to become.
#[derive(Debug)]
pub(crate) struct OpenSocket {
    pub(crate) id: SocketId,
    pub(crate) kind: SocketKind,
    pub(crate) commands: UnboundedReceiver<Command>,
}

#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) number: u64,
    pub(crate) text: Arc<str>,
}

#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// At the index of its id.
    all: Vec<Socket>,
}

#[derive(Debug)]
struct Socket {
    view: SocketView,
    commands: UnboundedSender<Command>,
}

impl Sockets {
    pub(crate) fn open(&mut self, kind: SocketKind, now: Timestamp) -> OpenSocket {
        let id = SocketId(self.all.len() as u64);
        let (commands, receiver) = unbounded_channel();
        let view = SocketView {
            id,
            kind: kind.clone(),
            state: SocketState::Open,
            opened: now,
            frames: 0,
            heartbeats: 0,
            pings: 0,
            control_pings: 0,
            pongs: 0,
            client_close_code: None,
        };
        self.all.push(Socket { view, commands });
        OpenSocket {
            id,
            kind,
            commands: receiver,
        }
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = &SocketView> {
        self.all.iter().map(|it| &it.view)
    }

    pub(crate) fn view_mut(&mut self, id: SocketId) -> Option<&mut SocketView> {
        self.get_mut(id).map(|it| &mut it.view)
    }

    pub(crate) fn kind(&self, id: SocketId) -> Option<&SocketKind> {
        self.get(id).map(|it| &it.view.kind)
    }

    /// The open sockets, or the one of them with this id.
    pub(crate) fn open_ids(&self, only: Option<SocketId>) -> Vec<SocketId> {
        let open = self.views().filter(|it| it.state == SocketState::Open);
        let wanted = open.filter(|it| only.is_none_or(|only| only == it.id));
        wanted.map(|it| it.id).collect()
    }

    /// Queues a command. A socket that is closed discards it.
    pub(crate) fn command(&self, id: SocketId, command: Command) {
        if let Some(socket) = self.get(id) {
            socket.commands.send(command).ok();
        }
    }

    /// Gives the socket its last command. Frames that are sent later are lost.
    pub(crate) fn end(&mut self, id: SocketId, command: Command) {
        if let Some(socket) = self
            .get_mut(id)
            .filter(|it| it.view.state == SocketState::Open)
        {
            socket.view.state = SocketState::Closing;
            socket.commands.send(command).ok();
        }
    }

    pub(crate) fn set_closed(&mut self, id: SocketId) {
        if let Some(socket) = self.get_mut(id) {
            socket.view.state = SocketState::Closed;
        }
    }

    fn get(&self, id: SocketId) -> Option<&Socket> {
        self.all.get(usize::try_from(id.0).ok()?)
    }

    fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.all.get_mut(usize::try_from(id.0).ok()?)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket-{}", self.0)
    }
}
