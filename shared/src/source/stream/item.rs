//! The items of a stream, its warnings and errors.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::gap::Gap;
use super::topics::TooManyTopics;
use crate::genesys::ApiError;
use crate::net::websocket::{ConnectError, Disconnected, StreamUrlError};
use crate::records::foreign::ForeignText;
use crate::records::live::UnreadableText;

/// A part of a stream.
pub enum Item {
    /// A text message of a channel, or a value of the direct stream, as received. It may still not be JSON.
    Frame {
        text: String,
        arrived_at: Timestamp,
    },
    /// A part of the direct stream that is not a value.
    Unreadable {
        text: UnreadableText,
        arrived_at: Timestamp,
    },
    /// A sign that the subscription is alive. Until then, all events that were sent have been received.
    Heartbeat {
        arrived_at: Timestamp,
    },
    /// Events that were sent after this moment may be missed, or may not have been read yet. Ends with the gap that has the
    /// same beginning, or with [`Item::CaughtUp`].
    Interrupted {
        from: Timestamp,
    },
    /// Nothing was missed since this moment: reading was paused, and everything was read afterwards.
    CaughtUp {
        from: Timestamp,
    },
    /// A gap is over. It comes after its [`Item::Interrupted`], before the frame or heartbeat that ends it. Gaps of two
    /// channels may overlap.
    Gap(Gap),
    /// The ids of all channels of the stream, after a change. A later process may continue with them.
    Channels(Vec<String>),
    Warning(Warning),
    /// The last item.
    Ended(Result<(), StreamError>),
}

/// Something that an operator should know; the stream continues.
#[derive(Debug, thiserror::Error)]
pub enum Warning {
    #[error("{cause}; connecting again in {} ms", wait.as_millis())]
    Reconnecting { cause: Interruption, wait: Duration },
    #[error("not allowed to subscribe to {}", list(.0))]
    Rejected(Vec<RejectedTopic>),
    #[error("the server will close the connection for maintenance; a new channel takes over")]
    SocketClosing,
    #[error(
        "the OAuth client has {0} channels; a new one ends the one that was not used for longest"
    )]
    ManyChannels(usize),
    #[error(
        "two lists of queues in a row lack {0} of the topics that were heard; they are not heard any more"
    )]
    TopicsGone(usize),
    #[error("the list of queues could not be updated; the queues of the last list are heard")]
    QueuesNotUpdated(#[source] StreamError),
}

/// Why a connection or its subscription ended, or could not be established.
#[derive(Debug, thiserror::Error)]
pub enum Interruption {
    #[error(transparent)]
    Disconnected(#[from] Disconnected),
    #[error("neither a frame nor a heartbeat was received for 45 seconds")]
    Silence,
    #[error("the server ended the subscriptions of the channel")]
    NoLongerSubscribed,
    #[error("the server revoked the token of the channel")]
    TokenRevoked,
    #[error("the channel does not exist any more")]
    ChannelLost,
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Api(ApiError),
}

/// Why a stream cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(transparent)]
    TooManyTopics(#[from] TooManyTopics),
    #[error("there is nothing to hear: no queue, user or conversation")]
    NoTopics,
    #[error("the API knows no queue {}", quoted(.0))]
    UnknownQueues(Vec<String>),
    #[error("not allowed to subscribe to {}", list(.0))]
    Rejected(Vec<RejectedTopic>),
    #[error(transparent)]
    Api(ApiError),
    #[error(transparent)]
    Url(#[from] StreamUrlError),
    #[error(transparent)]
    Client(ConnectError),
    /// Close code 1008.
    #[error(
        "the gateway refuses this client ({0}); ask its operator whether the OAuth client may use the stream"
    )]
    Refused(Disconnected),
    /// Close code 4001 or status 401, with a token that was requested for this connection.
    #[error(
        "the gateway refused a new token, too ({0}); check the roles of the OAuth client, and that GENESYS_API_URL and GENESYS_LOGIN_URL belong to the same organisation"
    )]
    TokenRefused(Interruption),
    #[error("the stream ended because of an error in the program")]
    Panicked,
}

/// A topic to which the client may not subscribe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedTopic {
    pub topic: String,
    pub missing_permissions: Vec<String>,
    pub reason: Option<ForeignText>,
}

/// The number of topics that a message names.
const SHOWN_TOPICS: usize = 5;

fn list(rejected: &[RejectedTopic]) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        for (position, topic) in rejected.iter().take(SHOWN_TOPICS).enumerate() {
            write!(f, "{}{topic}", if position == 0 { "" } else { ", " })?;
        }
        match rejected.len().saturating_sub(SHOWN_TOPICS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    })
}

fn quoted(names: &[String]) -> String {
    let names = names.iter().map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for RejectedTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.topic)?;
        if !self.missing_permissions.is_empty() {
            let names = self.missing_permissions.join(", ");
            return write!(f, " (missing permission: {names})");
        }
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// Without the text.
impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { text, arrived_at } => {
                write!(f, "Frame({} bytes, {arrived_at})", text.len())
            }
            Self::Unreadable { text, arrived_at } => {
                write!(f, "Unreadable({text:?}, {arrived_at})")
            }
            Self::Heartbeat { arrived_at } => write!(f, "Heartbeat({arrived_at})"),
            Self::Interrupted { from } => write!(f, "Interrupted({from})"),
            Self::CaughtUp { from } => write!(f, "CaughtUp({from})"),
            Self::Gap(gap) => gap.fmt(f),
            Self::Channels(ids) => write!(f, "Channels({})", ids.len()),
            Self::Warning(warning) => warning.fmt(f),
            Self::Ended(outcome) => write!(f, "Ended({outcome:?})"),
        }
    }
}
