//! Notifications: the routes of channels and their subscriptions, and the available topics.

pub(crate) mod channels;
pub(crate) mod subscribing;
pub(crate) mod topics;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Organisation;
use super::request::Request;
use super::response::{ApiError, ApiResponse};
use channels::Channel;
use subscribing::{Mode, OnRejection, Outcome};

/// An entry of a request for subscriptions.
#[derive(Debug, Deserialize)]
struct TopicReference {
    id: String,
}

impl Organisation {
    pub(crate) fn create_channel(&mut self, now: Timestamp) -> Result<ApiResponse, ApiError> {
        self.expire_channels(now);
        let id = format!(
            "streaming-{}-{}",
            self.live.channels.all().len(),
            self.new_id()
        );
        let evicted = self
            .live
            .channels
            .create(id.clone(), &self.settings.live, now);
        self.close_sockets(evicted);
        let channel = self.channel(&id)?;
        Ok(ApiResponse::json(200, &self.channel_json(channel)))
    }

    /// All channels are of this client, so that `includechannels` makes no difference.
    pub(crate) fn list_channels(&mut self, now: Timestamp) -> ApiResponse {
        self.expire_channels(now);
        let channels = self.live.channels.all().iter();
        let entities: Vec<Value> = channels.map(|it| self.channel_json(it)).collect();
        ApiResponse::json(200, &json!({ "entities": entities }))
    }

    pub(crate) fn check_channel(
        &mut self,
        id: &str,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        self.expire_channels(now);
        self.channel(id).map(|_| ApiResponse::empty(200))
    }

    pub(crate) fn subscriptions(
        &mut self,
        id: &str,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        self.expire_channels(now);
        let subscriptions = self.channel(id)?.subscriptions().iter();
        let outcomes = subscriptions.map(|it| Outcome::Permitted(it.clone()));
        Ok(listing(id, outcomes))
    }

    pub(crate) fn change_subscriptions(
        &mut self,
        id: &str,
        request: &Request,
        mode: Mode,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        self.expire_channels(now);
        let topics: Vec<TopicReference> = request.json()?;
        let topics: Vec<String> = topics.into_iter().map(|it| it.id).collect();
        let ignores_errors = request.parameter("ignoreErrors");
        // The Python SDK writes a capital letter.
        let on_rejection = match ignores_errors.map(str::to_ascii_lowercase).as_deref() {
            Some("true") => OnRejection::Report,
            _ => OnRejection::Refuse,
        };
        let outcomes = self.subscribe(id, &topics, mode, on_rejection, now)?;
        Ok(listing(id, outcomes.into_iter()))
    }

    /// The status of the response is unverified.
    pub(crate) fn remove_subscriptions(
        &mut self,
        id: &str,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        self.expire_channels(now);
        let channel = self.live.channels.touch(id, now);
        channel.ok_or_else(unknown_channel)?.set(Vec::new());
        Ok(ApiResponse::empty(204))
    }

    fn channel(&self, id: &str) -> Result<&Channel, ApiError> {
        self.live.channels.find(id).ok_or_else(unknown_channel)
    }

    fn channel_json(&self, channel: &Channel) -> Value {
        json!({
            "connectUri": format!("ws://{}/channels/{}", self.host, channel.id),
            "id": channel.id,
            "expires": format!("{:.3}", channel.expires),
        })
    }
}

/// Descriptions and permissions are included on request. The fields are those of the official SDKs.
pub(crate) fn available_topics(request: &Request) -> ApiResponse {
    let is_expanded = |field: &str| {
        let mut expanded = request.parameters_named("expand");
        expanded.any(|it| it.split(',').any(|it| it == field))
    };
    let entities = topics::templates().map(|it| {
        let mut entity = json!({ "id": it.topic });
        if is_expanded("description") {
            entity["description"] = json!(format!("Events of {}", it.topic));
        }
        if is_expanded("requiresPermissions") {
            entity["requiresPermissions"] = json!([it.permission]);
        }
        entity
    });
    let entities: Vec<Value> = entities.collect();
    ApiResponse::json(200, &json!({ "entities": entities }))
}

fn listing(channel: &str, outcomes: impl Iterator<Item = Outcome>) -> ApiResponse {
    let entities: Vec<Value> = outcomes.map(|it| it.json(channel)).collect();
    ApiResponse::json(200, &json!({ "entities": entities }))
}

pub(crate) fn unknown_channel() -> ApiError {
    ApiError::not_found("The channel was not found.")
}
