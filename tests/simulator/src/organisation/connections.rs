//! Sockets from the organisation's side: which requests for one are accepted, and what clients send on them.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Organisation;
use super::notifications::subscribing::{Mode, OnRejection, Outcome};
use super::request::Request;
use super::response::{ApiError, ApiResponse};
use crate::live::broker::REPLACED;
use crate::live::sockets::{Command, OpenSocket, SocketId, SocketKind};
use crate::live::{DirectRefusal, Loss, SocketView};
use crate::route::Route;

/// The decision about a request for a socket.
#[derive(Debug)]
pub(crate) enum Admission {
    Open(OpenSocket),
    /// The socket opens, and closes with this code.
    Close(u16),
}

/// A message from a client, as far as the organisation reacts to it.
#[derive(Debug, Deserialize)]
#[serde(tag = "message", rename_all = "lowercase")]
enum ClientMessage {
    Ping,
    #[serde(rename_all = "camelCase")]
    Subscribe {
        topics: Vec<String>,
        #[serde(default)]
        correlation_id: Value,
    },
}

impl Organisation {
    /// Decides about a request for a socket, after the faults that all requests may meet.
    pub(crate) fn admit(&mut self, request: &Request) -> Result<Admission, ApiResponse> {
        let admission = self.try_admit(request);
        let correlation = self.new_id();
        admission.map_err(|error| error.into_response(&correlation))
    }

    fn try_admit(&mut self, request: &Request) -> Result<Admission, ApiError> {
        let now = self.now();
        let (route, id) = self.route(request);
        *self.stats.requests.entry(route).or_default() += 1;
        let fault = self.next_fault(route, now);
        if let Some(error) = self.error_of(&fault) {
            return Err(error);
        }
        if let Some(status) = self.settings.live.faults.refuse_sockets {
            return Err(ApiError::new(
                status,
                "socket.refused",
                "The socket is refused.",
            ));
        }
        match route {
            Route::ChannelSocket => self.admit_to_channel(&id, now),
            Route::DirectStream => self.admit_to_stream(request, now),
            _ => Err(ApiError::bad_request(
                "Only channels and the direct stream have sockets.",
            )),
        }
    }

    /// A second socket of a channel closes the first.
    fn admit_to_channel(&mut self, id: &str, now: Timestamp) -> Result<Admission, ApiError> {
        self.expire_channels(now);
        let channel = self.live.channels.touch(id, now);
        let channel = channel.ok_or_else(super::notifications::unknown_channel)?;
        let kind = SocketKind::Channel(id.to_owned());
        let socket = self.live.sockets.open(kind, now);
        let earlier = channel.socket.replace(socket.id);
        if let Some(earlier) = earlier {
            self.live.sockets.end(earlier, Command::Close(REPLACED));
        }
        Ok(Admission::Open(socket))
    }

    fn admit_to_stream(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Admission, ApiError> {
        let token = request.parameter("access_token").unwrap_or_default();
        if self.tokens.is_valid(token, now) {
            let socket = self.live.sockets.open(SocketKind::Direct, now);
            return Ok(Admission::Open(socket));
        }
        match self.settings.live.direct_refusal {
            DirectRefusal::Unauthorized => Err(ApiError::bad_credentials()),
            DirectRefusal::Close(code) => Ok(Admission::Close(code)),
        }
    }

    /// Reacts to a ping or a subscription, and ignores any other text. That others are ignored is unverified.
    pub(crate) fn receive_text(&mut self, socket: SocketId, text: &str) {
        match serde_json::from_str(text) {
            Ok(ClientMessage::Ping) => {
                self.note(socket, |view| view.pings += 1);
                let pong = metadata_frame("pong");
                self.live.sockets.command(socket, Command::Text(pong));
            }
            Ok(ClientMessage::Subscribe {
                topics,
                correlation_id,
            }) => self.subscribe_over(socket, &topics, &correlation_id),
            Err(error) => tracing::debug!(%socket, %error, "message ignored"),
        }
    }

    /// The shape of the reply is unverified.
    fn subscribe_over(&mut self, socket: SocketId, topics: &[String], correlation_id: &Value) {
        let Some(SocketKind::Channel(channel)) = self.live.sockets.kind(socket).cloned() else {
            return;
        };
        let now = self.now();
        let outcomes = self.subscribe(&channel, topics, Mode::Add, OnRejection::Report, now);
        let entities = |outcomes: &[Outcome]| -> Value {
            outcomes.iter().map(|it| it.json(&channel)).collect()
        };
        let mut reply = match &outcomes {
            Ok(outcomes) => json!({ "status": "subscribed", "entities": entities(outcomes) }),
            Err(error) => json!({ "status": "failed", "code": error.code() }),
        };
        reply["message"] = json!("subscribe");
        reply["correlationId"] = correlation_id.clone();
        self.live
            .sockets
            .command(socket, Command::Text(reply.to_string()));
    }

    /// Changes what is known about a socket.
    pub(crate) fn note(&mut self, socket: SocketId, change: impl FnOnce(&mut SocketView)) {
        if let Some(view) = self.live.sockets.view_mut(socket) {
            change(view);
        }
    }

    /// Frames that a socket has written.
    pub(crate) fn record_sent(&mut self, socket: SocketId, numbers: &[u64]) {
        self.note(socket, |view| view.frames += numbers.len() as u64);
        for number in numbers {
            self.live.ledger.record_sent(*number, socket);
        }
    }

    /// Frames that a socket will not write.
    pub(crate) fn record_losses(&mut self, socket: SocketId, numbers: &[u64], loss: Loss) {
        for number in numbers {
            self.live.ledger.record_loss(*number, socket, loss);
        }
    }

    pub(crate) fn socket_is_closed(&mut self, socket: SocketId) {
        self.live.sockets.set_closed(socket);
        self.live.ledger.close(socket);
        self.live.channels.disconnect(socket);
    }
}

/// A frame about the socket itself.
pub(crate) fn metadata_frame(message: &str) -> String {
    json!({ "topicName": "channel.metadata", "eventBody": { "message": message } }).to_string()
}
