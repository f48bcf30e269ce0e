//! WebSocket connections (RFC 6455). The HTTP client opens them, so that proxy, TLS and name resolution are those of all
//! other requests.
//!
//! The URL of a connection may hold a token. It is in no error and no log line.

use std::fmt;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::Upgraded;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::transport::ProxyUrl;
use crate::records::foreign::{ForeignText, Secrets};

mod handshake;
mod url;

pub use handshake::ConnectError;
pub use url::{StreamUrl, StreamUrlError};

/// Opens connections.
#[derive(Clone, Debug)]
pub struct WebSockets {
    pub user_agent: String,
    /// `None` uses the proxy of the environment.
    pub proxy: Option<ProxyUrl>,
    /// The size of the largest message.
    pub message_limit_bytes: usize,
    /// Removed from everything that the server says about an error.
    pub secrets: Secrets,
}

/// An open connection.
#[derive(Debug)]
pub struct WebSocket {
    stream: WebSocketStream<Upgraded>,
    secrets: Secrets,
    /// Set before the last steps of a connection that has ended, which a caller may cancel.
    ended: Option<Disconnected>,
}

/// Something that the server sent.
#[derive(PartialEq, Eq)]
pub enum Received {
    Message(String),
    /// A ping, which was answered.
    Ping,
    /// The answer to a ping, with its number, if it is one of [`WebSocket::ping`].
    Pong(Option<u64>),
}

/// The connection has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
pub struct Disconnected {
    pub code: CloseCode,
    /// The server's words, if it closed the connection with some.
    pub reason: Option<ForeignText>,
}

/// A close code: the server's, or ours if the server broke the protocol.
/// <https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    pub const NORMAL: Self = Self(1000);
    pub const GOING_AWAY: Self = Self(1001);
    pub const PROTOCOL: Self = Self(1002);
    /// The server closed the connection without a code.
    pub const NO_CODE: Self = Self(1005);
    /// The connection ended without being closed.
    pub const LOST: Self = Self(1006);
    pub const NOT_UTF8: Self = Self(1007);
    pub const POLICY: Self = Self(1008);
    pub const TOO_LARGE: Self = Self(1009);
}

/// The limit on messages unless an operator sets another one: a value of the direct stream of 1 MiB, and some more.
pub const DEFAULT_MESSAGE_LIMIT_BYTES: usize = 1024 * 1024 + 64 * 1024;

/// Limit for writing a message of a few bytes: a server that does not take it for so long is not there.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Limit for the server's response to our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// We send pings, a few bytes each.
const MAX_WRITE_BUFFER_BYTES: usize = 64 * 1024;

impl WebSocket {
    async fn new(connection: Upgraded, sockets: &WebSockets) -> Self {
        let limit = Some(sockets.message_limit_bytes);
        let config = WebSocketConfig::default()
            .max_message_size(limit)
            .max_frame_size(limit)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES);
        let stream = WebSocketStream::from_raw_socket(connection, Role::Client, Some(config));
        Self {
            stream: stream.await,
            secrets: sockets.secrets.clone(),
            ended: None,
        }
    }

    /// Waits for the next message. A cancelled call loses nothing.
    pub async fn receive(&mut self) -> Result<Received, Disconnected> {
        if self.ended.is_none() {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Received::Message(text.to_string())),
                // A text that was sent under the wrong name.
                Some(Ok(Message::Binary(bytes))) => match String::from_utf8(bytes.into()) {
                    Ok(text) => return Ok(Received::Message(text)),
                    Err(_) => self.ended = Some(Disconnected::with(CloseCode::NOT_UTF8)),
                },
                Some(Ok(Message::Close(frame))) => self.ended = Some(self.closed(frame)),
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => {
                    // The pong to a ping is queued. A failure ends the connection, which the next call reports.
                    let _ = tokio::time::timeout(WRITE_TIMEOUT, self.stream.flush()).await;
                    return Ok(Received::Ping);
                }
                Some(Ok(Message::Pong(payload))) => {
                    let number = <[u8; 8]>::try_from(&*payload).ok();
                    return Ok(Received::Pong(number.map(u64::from_be_bytes)));
                }
                Some(Err(error)) => self.ended = Some(Disconnected::with(code_of(&error))),
                None => self.ended = Some(Disconnected::with(CloseCode::LOST)),
            }
        }
        let ended = self.ended.clone();
        let ended = ended.unwrap_or_else(|| Disconnected::with(CloseCode::LOST));
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.answer_end(ended.code)).await;
        Err(ended)
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: &str) -> Result<(), Disconnected> {
        self.write(Message::text(text)).await
    }

    /// Sends a ping of the protocol. The server answers with the same number; it may answer only the latest one.
    pub async fn ping(&mut self, number: u64) -> Result<(), Disconnected> {
        let payload = number.to_be_bytes().to_vec();
        self.write(Message::Ping(payload.into())).await
    }

    /// Closes the connection with code 1000. Messages that have not been received are discarded.
    pub async fn close(mut self) {
        let farewell = async {
            if self
                .write(Message::Close(Some(close_frame(CloseCode::NORMAL))))
                .await
                .is_ok()
            {
                // Until the server has closed, too: a connection with unread data would be reset, and the code lost.
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, farewell).await;
    }

    async fn write(&mut self, message: Message) -> Result<(), Disconnected> {
        match tokio::time::timeout(WRITE_TIMEOUT, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            // What ended it was perhaps sent before, and has not been received yet.
            Ok(Err(_)) | Err(_) => Err(Disconnected::with(CloseCode::LOST)),
        }
    }

    /// Completes the close that the server began, or closes with the code of its violation.
    async fn answer_end(&mut self, code: CloseCode) {
        let is_ours = [
            CloseCode::PROTOCOL,
            CloseCode::NOT_UTF8,
            CloseCode::TOO_LARGE,
        ]
        .contains(&code);
        // Fails if the server has closed.
        let _ = if is_ours {
            self.stream
                .send(Message::Close(Some(close_frame(code))))
                .await
        } else {
            self.stream.flush().await
        };
    }

    fn closed(&self, frame: Option<CloseFrame>) -> Disconnected {
        match frame {
            Some(CloseFrame { code, reason }) => Disconnected {
                code: CloseCode(code.into()),
                reason: ForeignText::non_empty(&reason, &self.secrets),
            },
            None => Disconnected::with(CloseCode::NO_CODE),
        }
    }
}

impl Disconnected {
    fn with(code: CloseCode) -> Self {
        Self { code, reason: None }
    }

    fn description(&self) -> String {
        let reason = self.reason.as_ref();
        let reason = reason
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        match self.code {
            CloseCode::LOST => "the connection was lost".to_owned(),
            CloseCode::NOT_UTF8 => "the server sent a text that is not UTF-8".to_owned(),
            CloseCode::TOO_LARGE => "the server sent a message over the limit".to_owned(),
            CloseCode::PROTOCOL => "the server broke the WebSocket protocol".to_owned(),
            code => format!("the server closed the connection with code {code}{reason}"),
        }
    }
}

fn code_of(error: &Error) -> CloseCode {
    match error {
        Error::Utf8(_) => CloseCode::NOT_UTF8,
        Error::Capacity(_) => CloseCode::TOO_LARGE,
        // A server that goes away without closing breaks the protocol, too, but nothing can be sent to it.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => CloseCode::LOST,
        Error::Protocol(_) => CloseCode::PROTOCOL,
        _ => CloseCode::LOST,
    }
}

fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame {
        code: code.0.into(),
        reason: String::new().into(),
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Without the message.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(text) => write!(f, "Message({} bytes)", text.len()),
            Self::Ping => f.write_str("Ping"),
            Self::Pong(number) => write!(f, "Pong({number:?})"),
        }
    }
}

#[cfg(test)]
mod tests;
