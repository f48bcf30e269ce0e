//! The differences between the notification service and the direct stream, for one connection loop.

use std::time::Duration;

use futures::future::BoxFuture;

use super::gap::GapReason;
use super::item::{Interruption, StreamError};
use crate::genesys::ApiError;
use crate::net::websocket::{ConnectError, Disconnected, Received, WebSocket};
use crate::records::live::UnreadableText;

/// The connections of one channel, or of the direct stream, one after the other.
pub(super) trait Protocol: Send + 'static {
    /// Subscribes, and opens a connection.
    fn open(&mut self) -> impl Future<Output = Result<WebSocket, OpenError>> + Send;

    /// Sends something that the server answers. Numbers ascend.
    fn ping(
        &mut self,
        socket: &mut WebSocket,
        number: u64,
    ) -> impl Future<Output = Result<(), Disconnected>> + Send;

    /// Appends the meaning of a message, which may be several values or a part of one.
    fn read(&mut self, received: Received, heard: &mut Vec<Heard>);

    /// The rest of what the connection sent.
    fn finish(&mut self) -> Option<UnreadableText>;

    /// The reaction to the end of a connection that heard frames for `heard_for`, or to one that could not be opened: a
    /// new connection after a wait, or the end of the stream.
    fn react(
        &mut self,
        cause: Interruption,
        heard_for: Duration,
    ) -> impl Future<Output = Result<Interruption, StreamError>> + Send;

    /// Waits until the topics have changed. A cancelled call loses nothing.
    fn topics_changed(&mut self) -> impl Future<Output = ()> + Send;

    /// Subscribes to the changed topics while the connection is read.
    fn subscribe(&mut self) -> BoxFuture<'static, Result<(), OpenError>>;
}

/// The meaning of a message.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(String),
    Unreadable(UnreadableText),
    Heartbeat,
    /// The answer to the ping with this number; without one, to the next ping.
    Answer(Option<u64>),
    /// A part of a value.
    Part,
    /// The server will close the connection.
    Leaving,
    /// The subscription has ended.
    Interrupted(Interruption),
}

/// Why a connection could not be opened.
#[derive(Debug)]
pub(super) enum OpenError {
    Retry(Interruption),
    Final(StreamError),
}

impl From<ApiError> for OpenError {
    fn from(error: ApiError) -> Self {
        if error.is_transient() {
            Self::Retry(Interruption::Api(error))
        } else {
            Self::Final(StreamError::Api(error))
        }
    }
}

impl From<ConnectError> for OpenError {
    fn from(error: ConnectError) -> Self {
        match error {
            // The settings of the HTTP client.
            error @ ConnectError::Client(_) => Self::Final(StreamError::Client(error)),
            error => Self::Retry(error.into()),
        }
    }
}

impl Interruption {
    /// The reason of the gap that begins with this interruption.
    pub(super) fn gap_reason(&self) -> GapReason {
        match self {
            Self::Disconnected(disconnected) => GapReason::Closed(Some(disconnected.code)),
            Self::Silence => GapReason::Silence,
            Self::NoLongerSubscribed
            | Self::TokenRevoked
            | Self::ChannelLost
            | Self::Connect(_)
            | Self::Api(_) => GapReason::Closed(None),
        }
    }
}
