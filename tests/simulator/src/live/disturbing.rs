//! Commands of a test to sockets: heartbeats and system messages, silences, and every way to end a connection. Each
//! takes its place after the frames that were sent before it.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Live, SocketId, SocketKind};
use crate::data::speech::ORGANISATION;
use crate::live::sockets::Command;

impl Live {
    /// Sends a heartbeat: a frame on channels, a ping of the WebSocket protocol on direct streams.
    pub fn heartbeat(&self) {
        let mut organisation = self.shared.lock();
        let now = organisation.now();
        organisation.expire_channels(now);
        drop(organisation);
        self.command(|| Command::Heartbeat);
    }

    /// Sends a ping of the WebSocket protocol, which the client's library answers when it reads.
    pub fn control_ping(&self) {
        self.command(|| Command::ControlPing);
    }

    /// Sends a text message that is in no account, such as one that is not JSON.
    pub fn send_text(&self, text: &str) {
        self.command(|| Command::Text(text.to_owned()));
    }

    /// Sends a text message with this payload, which need not be UTF-8.
    pub fn send_bytes(&self, payload: &[u8]) {
        self.command(|| Command::Bytes(payload.to_vec()));
    }

    /// The connections stay open, but nothing is sent, read or answered: frames are lost until [`Self::resume`]. New
    /// sockets are not silent.
    pub fn silence(&self) {
        self.command(|| Command::Silence);
    }

    pub fn resume(&self) {
        self.command(|| Command::Resume);
    }

    /// Closes with this code. 1006 cannot be sent: it stands for the end of a connection without a close frame.
    pub fn close(&self, code: u16) {
        self.end(|| match code {
            1006 => Command::Disconnect,
            code => Command::Close(code),
        });
    }

    /// Resets the TCP connections.
    pub fn reset(&self) {
        self.end(|| Command::Reset);
    }

    /// Announces that the sockets will be closed for maintenance. That the body looks like this is unverified.
    pub fn announce_closing(&self) {
        self.system(
            "v2.system.socket_closing",
            |_| json!({ "message": "WebSocket is going to be closed" }),
        );
    }

    /// Removes a topic from the channels that are subscribed to it, as happens when another channel of a user takes it
    /// over, and sends them the system message about it.
    pub fn take_subscription(&self, topic: &str) {
        let mut organisation = self.shared.lock();
        for socket in organisation.live.sockets.open_ids(self.only) {
            let Some(SocketKind::Channel(channel)) =
                organisation.live.sockets.kind(socket).cloned()
            else {
                continue;
            };
            if organisation.live.channels.unsubscribe(&channel, topic) {
                let mut body = system_message(
                    &channel,
                    "no_longer_subscribed",
                    "another_channel_subscribed",
                );
                body["data"] = json!({ "topic": topic });
                let text = frame("v2.system.no_longer_subscribed", &body);
                organisation
                    .live
                    .sockets
                    .command(socket, Command::Text(text));
            }
        }
    }

    /// Revokes all tokens issued so far, and sends the system message about it to the channels.
    pub fn revoke_tokens(&self) {
        self.shared.lock().tokens.revoke_all();
        self.system("v2.system.token_revoked", |channel| {
            system_message(channel, "token_revoked", "user_tokens_revoked")
        });
    }

    /// Creates channels as another program with the same client would, up to the limit and beyond.
    pub fn create_channels(&self, count: usize) {
        let mut organisation = self.shared.lock();
        let now = organisation.now();
        for _ in 0..count {
            organisation.create_channel(now).ok();
        }
        drop(organisation);
        self.shared.notify();
    }

    /// Waits until the sockets have written everything that was sent so far, or are closed. It waits for a client that
    /// does not read.
    pub async fn flush(&self) {
        let sockets = self.sockets_in_scope();
        let flushes: Vec<_> = sockets
            .into_iter()
            .map(|socket| {
                let (done, flushed) = oneshot::channel();
                self.shared
                    .lock()
                    .live
                    .sockets
                    .command(socket, Command::Flush(done));
                flushed
            })
            .collect();
        for flushed in flushes {
            // An error means that the socket is closed.
            flushed.await.ok();
        }
    }

    fn sockets_in_scope(&self) -> Vec<SocketId> {
        self.shared.lock().live.sockets.open_ids(self.only)
    }

    fn command(&self, command: impl Fn() -> Command) {
        for socket in self.sockets_in_scope() {
            self.shared.lock().live.sockets.command(socket, command());
        }
    }

    fn end(&self, command: impl Fn() -> Command) {
        for socket in self.sockets_in_scope() {
            self.shared.lock().live.sockets.end(socket, command());
        }
        self.shared.notify();
    }

    fn system(&self, topic: &str, body: impl Fn(&str) -> Value) {
        let organisation = self.shared.lock();
        for socket in organisation.live.sockets.open_ids(self.only) {
            if let Some(SocketKind::Channel(channel)) = organisation.live.sockets.kind(socket) {
                let text = frame(topic, &body(channel));
                organisation
                    .live
                    .sockets
                    .command(socket, Command::Text(text));
            }
        }
    }
}

/// `SystemMessageSystemMessage`.
fn system_message(channel: &str, kind: &str, reason: &str) -> Value {
    json!({
        "channelId": channel, "systemTopicType": kind, "organizationId": ORGANISATION, "reason": reason,
        "message": format!("{kind}: {reason}"),
    })
}

fn frame(topic: &str, body: &Value) -> String {
    json!({ "topicName": topic, "version": "2", "eventBody": body, "metadata": {} }).to_string()
}
