//! The connections of a gateway's direct stream.

use std::time::Duration;

use futures::future::BoxFuture;

use super::backoff::HEALTHY_AFTER;
use super::item::{Interruption, StreamError};
use super::plan::DirectPlan;
use super::protocol::{Heard, OpenError, Protocol};
use crate::genesys::{GenesysClient, TokenStream};
use crate::net::websocket::{
    CloseCode, ConnectError, DEFAULT_MESSAGE_LIMIT_BYTES, Disconnected, Received, WebSocket,
};
use crate::records::live::{Piece, Splitter, UnreadableText};

/// The direct stream.
#[derive(Debug)]
pub(super) struct Direct {
    client: GenesysClient,
    splitter: Splitter,
    message_limit_bytes: usize,
    /// The address of the last connection.
    address: Option<TokenStream>,
    token: TokenState,
}

/// Whether the gateway refused a token since the last connection that was a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenState {
    Usable,
    Renewed,
}

const PATH: &str = "/api/v2/analytics/conversations/details/stream";

/// The token is not valid, or not any more.
const TOKEN_REFUSED: CloseCode = CloseCode(4001);

impl Direct {
    pub(super) fn new(client: GenesysClient, plan: &DirectPlan) -> Self {
        Self {
            client,
            splitter: Splitter::new(plan.value_limit_bytes),
            // A message may hold a whole value, and some more.
            message_limit_bytes: DEFAULT_MESSAGE_LIMIT_BYTES.max(plan.value_limit_bytes * 2),
            address: None,
            token: TokenState::Usable,
        }
    }

    /// Requests a new token for the next connection; once.
    async fn renew_token(&mut self, cause: Interruption) -> Result<Interruption, StreamError> {
        if self.token == TokenState::Renewed {
            return Err(StreamError::TokenRefused(cause));
        }
        self.token = TokenState::Renewed;
        if let Some(address) = self.address.take() {
            self.client.discard_token(&address).await;
        }
        Ok(cause)
    }
}

impl Protocol for Direct {
    async fn open(&mut self) -> Result<WebSocket, OpenError> {
        let address = self.client.token_stream(PATH).await?;
        let sockets = self.client.websockets(self.message_limit_bytes);
        let connected = sockets.connect(&address.url).await;
        self.address = Some(address);
        Ok(connected?)
    }

    async fn ping(&mut self, socket: &mut WebSocket, number: u64) -> Result<(), Disconnected> {
        socket.ping(number).await
    }

    fn read(&mut self, received: Received, heard: &mut Vec<Heard>) {
        let text = match received {
            Received::Message(text) => text,
            Received::Ping => return heard.push(Heard::Heartbeat),
            // The answer to a ping that is not ours shows only that the server is alive.
            Received::Pong(number) => {
                let answer = number.map(|number| Heard::Answer(Some(number)));
                return heard.push(answer.unwrap_or(Heard::Heartbeat));
            }
        };
        self.splitter.push(&text, |piece| {
            heard.push(match piece {
                Piece::Value(text) => Heard::Frame(text.to_owned()),
                Piece::Unreadable(text) => Heard::Unreadable(text),
            });
        });
        if heard.is_empty() {
            heard.push(Heard::Part);
        }
    }

    fn finish(&mut self) -> Option<UnreadableText> {
        self.splitter.finish()
    }

    async fn react(
        &mut self,
        cause: Interruption,
        heard_for: Duration,
    ) -> Result<Interruption, StreamError> {
        if heard_for >= HEALTHY_AFTER {
            self.token = TokenState::Usable;
        }
        match cause {
            Interruption::Disconnected(closed) if closed.code == CloseCode::POLICY => {
                Err(StreamError::Refused(closed))
            }
            Interruption::Disconnected(Disconnected {
                code: TOKEN_REFUSED,
                ..
            })
            | Interruption::Connect(ConnectError::Refused { status: 401, .. }) => {
                self.renew_token(cause).await
            }
            cause => Ok(cause),
        }
    }

    async fn topics_changed(&mut self) {
        std::future::pending::<()>().await;
    }

    fn subscribe(&mut self) -> BoxFuture<'static, Result<(), OpenError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
