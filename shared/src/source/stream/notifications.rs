//! The connections of a channel of the notification service.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::calls::{StreamCalls, Subscribed};
use super::channel_ids::ChannelIds;
use super::item::{Interruption, Item, StreamError, Warning};
use super::plan::RejectedTopics;
use super::protocol::{Heard, OpenError, Protocol};
use super::queue::ItemQueue;
use crate::genesys::wire::Channel;
use crate::net::websocket::{
    ConnectError, DEFAULT_MESSAGE_LIMIT_BYTES, Disconnected, Received, WebSocket,
};
use crate::records::live::UnreadableText;

/// A channel and its topics.
#[derive(Debug)]
pub(super) struct Notifications {
    pub(super) calls: StreamCalls,
    pub(super) queue: ItemQueue,
    pub(super) rejected: RejectedTopics,
    pub(super) topics: watch::Receiver<Arc<[String]>>,
    pub(super) channel: ChannelChoice,
    pub(super) ids: ChannelIds,
    /// Position of this set of topics.
    pub(super) slot: usize,
}

/// The channel of the next connection.
#[derive(Clone, Debug)]
pub(super) enum ChannelChoice {
    New,
    /// The channel of an earlier process, if it exists.
    Kept(String),
    Open(Channel),
}

/// The parts of a message that say what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    topic_name: Cow<'a, str>,
    #[serde(borrow, default)]
    event_body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SystemMessage<'a> {
    #[serde(borrow)]
    system_topic_type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
}

const PING: &str = r#"{"message":"ping"}"#;

/// A client has this number of channels; a further one ends the one that was not used for longest.
const MAX_CHANNELS: usize = 20;

impl Protocol for Notifications {
    async fn open(&mut self) -> Result<WebSocket, OpenError> {
        let channel = self.find_channel().await?;
        let subscribed = self.subscribe().await;
        if let Err(OpenError::Retry(Interruption::ChannelLost)) = subscribed {
            self.channel = ChannelChoice::New;
        }
        subscribed?;
        let client = &self.calls.client;
        let url = client.channel_url(&channel.connect_uri);
        let url = url.map_err(|error| OpenError::Final(error.into()))?;
        let sockets = client.websockets(DEFAULT_MESSAGE_LIMIT_BYTES);
        match sockets.connect(&url).await {
            Ok(socket) => Ok(socket),
            Err(error) => Err(self.not_connected(&channel, error).await),
        }
    }

    async fn ping(&mut self, socket: &mut WebSocket, _: u64) -> Result<(), Disconnected> {
        socket.send(PING).await
    }

    fn read(&mut self, received: Received, heard: &mut Vec<Heard>) {
        // Frames of the protocol come from the server, not from the channel.
        if let Received::Message(text) = received {
            heard.push(meaning(text));
        }
    }

    fn finish(&mut self) -> Option<UnreadableText> {
        None
    }

    async fn react(
        &mut self,
        cause: Interruption,
        _heard_for: Duration,
    ) -> Result<Interruption, StreamError> {
        if matches!(
            cause,
            Interruption::TokenRevoked | Interruption::ChannelLost
        ) {
            self.channel = ChannelChoice::New;
        }
        Ok(cause)
    }

    async fn topics_changed(&mut self) {
        if self.topics.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn subscribe(&mut self) -> BoxFuture<'static, Result<(), OpenError>> {
        let topics = Arc::clone(&self.topics.borrow_and_update());
        let ChannelChoice::Open(Channel { id, .. }) = self.channel.clone() else {
            let lost = OpenError::Retry(Interruption::ChannelLost);
            return Box::pin(std::future::ready(Err(lost)));
        };
        let (calls, queue, rule) = (self.calls.clone(), self.queue.clone(), self.rejected);
        Box::pin(async move {
            match calls.subscribe(&id, &topics).await? {
                Subscribed::NoSuchChannel => Err(OpenError::Retry(Interruption::ChannelLost)),
                Subscribed::Except(rejected) if rejected.is_empty() => Ok(()),
                Subscribed::Except(rejected) => match rule {
                    RejectedTopics::Refuse => {
                        Err(OpenError::Final(StreamError::Rejected(rejected)))
                    }
                    RejectedTopics::Allow => {
                        queue.add(Item::Warning(Warning::Rejected(rejected)));
                        Ok(())
                    }
                },
            }
        })
    }
}

impl Notifications {
    /// The channel of the last connection, the kept one, or a new one.
    async fn find_channel(&mut self) -> Result<Channel, OpenError> {
        let kept = match &self.channel {
            ChannelChoice::Open(channel) => return Ok(channel.clone()),
            ChannelChoice::Kept(id) => Some(id.clone()),
            ChannelChoice::New => None,
        };
        let existing = self.calls.channels().await?;
        let count = existing.len();
        let is_kept = |channel: &Channel| kept.as_ref() == Some(&channel.id);
        let channel = match existing.into_iter().find(is_kept) {
            Some(channel) => channel,
            None => self.new_channel(count).await?,
        };
        self.ids.set(self.slot, channel.id.clone());
        self.channel = ChannelChoice::Open(channel.clone());
        Ok(channel)
    }

    async fn new_channel(&self, existing: usize) -> Result<Channel, OpenError> {
        if existing >= MAX_CHANNELS {
            self.queue
                .add(Item::Warning(Warning::ManyChannels(existing)));
        }
        Ok(self.calls.create_channel().await?)
    }

    /// A server that refuses the handshake may know the channel no more.
    async fn not_connected(&mut self, channel: &Channel, error: ConnectError) -> OpenError {
        let is_refused = matches!(error, ConnectError::Refused { .. });
        if is_refused && let Ok(false) = self.calls.has_channel(&channel.id).await {
            self.channel = ChannelChoice::New;
            return OpenError::Retry(Interruption::ChannelLost);
        }
        error.into()
    }
}

/// The meaning of a message. A message that cannot be read is a frame, so that the consumer quarantines it.
fn meaning(text: String) -> Heard {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(&text) else {
        return Heard::Frame(text);
    };
    let body = envelope.event_body.map(RawValue::get).unwrap_or_default();
    if envelope.topic_name == "channel.metadata" {
        return match serde_json::from_str::<Metadata<'_>>(body) {
            Ok(metadata) if metadata.message == "pong" => Heard::Answer(None),
            _ => Heard::Heartbeat,
        };
    }
    let Some(topic) = envelope.topic_name.strip_prefix("v2.system.") else {
        return Heard::Frame(text);
    };
    // Whether the topic or the body names the type is not documented for each of them.
    let body = serde_json::from_str::<SystemMessage<'_>>(body);
    let named = body.as_ref().map(|body| &*body.system_topic_type);
    let kinds = [topic, named.unwrap_or_default()];
    let is = |kind: &str| kinds.contains(&kind);
    if is("socket_closing") {
        Heard::Leaving
    } else if is("no_longer_subscribed") {
        Heard::Interrupted(Interruption::NoLongerSubscribed)
    } else if is("token_revoked") {
        Heard::Interrupted(Interruption::TokenRevoked)
    } else if is("subscription_changed") {
        // The answer to our own subscription.
        Heard::Heartbeat
    } else {
        Heard::Frame(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(text: &str) -> String {
        match meaning(text.to_owned()) {
            Heard::Frame(_) => "frame".to_owned(),
            Heard::Heartbeat => "heartbeat".to_owned(),
            Heard::Answer(None) => "pong".to_owned(),
            Heard::Leaving => "leaving".to_owned(),
            Heard::Interrupted(cause) => cause.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_message_of_a_channel_has_its_meaning() {
        let system = |kind: &str| {
            format!(r#"{{"topicName":"v2.system.x","eventBody":{{"systemTopicType":"{kind}"}}}}"#)
        };
        for (text, expected) in [
            (
                r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#,
                "heartbeat",
            ),
            (
                r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#,
                "pong",
            ),
            (
                r#"{"topicName":"v2.system.socket_closing","eventBody":{"message":"soon"}}"#,
                "leaving",
            ),
            (
                r#"{"topicName":"v2.system.no_longer_subscribed"}"#,
                "the server ended the subscriptions of the channel",
            ),
            (
                r#"{"topicName":"v2.system.subscription_changed"}"#,
                "heartbeat",
            ),
            (r#"{"topicName":"v2.system.future","eventBody":7}"#, "frame"),
            (
                r#"{"topicName":"v2.users.1.conversations","eventBody":{"systemTopicType":"token_revoked"}}"#,
                "frame",
            ),
            (
                &system("token_revoked"),
                "the server revoked the token of the channel",
            ),
            (&system("socket_closing"), "leaving"),
            (
                r#"{"topicName":"v2.\u0073ystem.token_revoked"}"#,
                "the server revoked the token of the channel",
            ),
        ] {
            assert_eq!(meaning_of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_frame() {
        let deep = format!(r#"{{"topicName":"t","eventBody":{}"#, "[".repeat(1_000));
        for text in ["", "not JSON", "[]", "{}", r#"{"topicName":7}"#, &deep] {
            assert_eq!(meaning_of(text), "frame", "{text}");
        }
    }
}
