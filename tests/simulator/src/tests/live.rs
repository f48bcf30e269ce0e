//! Channels, sockets, the direct stream and live traffic.

mod accounts;
mod bus_events;
mod channels;
mod direct;
mod disturbances;
mod lookups;
mod schemas;
mod socket;
mod sockets;
mod subscriptions;
mod traffic;
mod truth;

use serde_json::{Value, json};

use super::*;
use crate::{Live, LiveFrame, LiveSettings, Route, Traffic};
use socket::Socket;

const CHANNELS: &str = "api/v2/notifications/channels";

/// No heartbeats by themselves.
fn quiet() -> Settings {
    Settings {
        conversations: 0,
        spill: 0.0,
        gateway_records: 0,
        rate_per_minute: 0,
        token_lifetime: Duration::from_hours(48),
        live: LiveSettings {
            heartbeat_interval: None,
            ..LiveSettings::default()
        },
        ..Settings::default()
    }
}

impl World {
    async fn channel(&self) -> Value {
        let response = self.post(CHANNELS, &json!({})).await;
        assert_eq!(response.status, 200);
        response.json()
    }

    /// A socket of a new channel with these topics.
    async fn listen(&self, topics: &[&str]) -> Socket {
        let channel = self.channel().await;
        let id = channel["id"].as_str().unwrap();
        self.subscribe(id, topics).await;
        Socket::connect(channel["connectUri"].as_str().unwrap())
            .await
            .unwrap()
    }

    async fn subscribe(&self, channel: &str, topics: &[&str]) -> ClientResponse {
        let path = format!("{CHANNELS}/{channel}/subscriptions");
        self.put(&path, &as_topics(topics)).await
    }

    async fn direct(&self, token: &str) -> Result<Socket, Failure> {
        let host = self.simulator.url().authority().to_owned();
        let path = "api/v2/analytics/conversations/details/stream";
        Socket::connect(&format!("ws://{host}/{path}?access_token={token}")).await
    }

    fn live(&self) -> Live {
        self.simulator.live()
    }

    /// The ids of all queues.
    async fn queues(&self) -> Vec<String> {
        let queues = self.get("api/v2/routing/queues?pageSize=100").await.json();
        let queues = queues["entities"].as_array().unwrap().iter();
        queues
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A socket that hears the snapshots of all queues.
    async fn listen_to_queues(&self) -> Socket {
        let queues = self.queues().await;
        let topics: Vec<String> = queues
            .iter()
            .map(|id| format!("v2.routing.queues.{id}?conversations&conversations.messages"))
            .collect();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        self.listen(&topics).await
    }
}

fn as_topics(topics: &[&str]) -> Value {
    topics.iter().map(|it| json!({ "id": it })).collect()
}

/// Plays all of the traffic.
fn play(live: &Live, traffic: Traffic) {
    live.begin(traffic);
    while live.step(100) > 0 {}
}
