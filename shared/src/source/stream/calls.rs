//! Calls for channels and subscriptions.
//! <https://developer.genesys.cloud/notificationsalerts/notifications/notification-service>

use std::time::Duration;

use serde_json::{Value, json};

use super::item::RejectedTopic;
use crate::base::deadline::Deadline;
use crate::base::decode;
use crate::base::time::later;
use crate::genesys::wire::{Channel, ChannelListing, Subscription, SubscriptionListing};
use crate::genesys::{ApiError, ApiPath, Call, GenesysClient};
use crate::net::clock::Clock;
use crate::records::foreign::ForeignText;

/// The part of the API that streams use.
#[derive(Clone, Debug)]
pub(super) struct StreamCalls {
    pub(super) client: GenesysClient,
    pub(super) clock: Clock,
}

/// The result of a subscription.
#[derive(Debug)]
pub(super) enum Subscribed {
    /// All topics but these.
    Except(Vec<RejectedTopic>),
    NoSuchChannel,
}

const CHANNELS: &str = "/api/v2/notifications/channels";

/// Limit for one call with its retries. The connection loop tries again.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// No permission of the API has a longer name.
const MAX_PERMISSION_BYTES: usize = 100;

impl StreamCalls {
    /// The channels of the OAuth client, whatever token created them.
    pub(super) async fn channels(&self) -> Result<Vec<Channel>, ApiError> {
        let call = Call::get(CHANNELS).query("includechannels", "oauthclient");
        let listing: ChannelListing = self.call(&call).await?;
        Ok(listing.entities)
    }

    pub(super) async fn create_channel(&self) -> Result<Channel, ApiError> {
        self.call(&Call::post(CHANNELS)).await
    }

    /// Whether the channel exists.
    pub(super) async fn has_channel(&self, id: &str) -> Result<bool, ApiError> {
        let Ok(path) = ApiPath::from(CHANNELS).segment(id) else {
            return Ok(false);
        };
        let reply = self
            .client
            .call(&Call::head(path), self.deadline(), decode::ignore)
            .await;
        match reply {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces the topics of the channel.
    pub(super) async fn subscribe(
        &self,
        channel: &str,
        topics: &[String],
    ) -> Result<Subscribed, ApiError> {
        let Ok(path) = ApiPath::from(CHANNELS).segment(channel) else {
            return Ok(Subscribed::NoSuchChannel);
        };
        let body: Value = topics.iter().map(|topic| json!({ "id": topic })).collect();
        let call = Call::put(path.then("/subscriptions"))
            .query("ignoreErrors", "true")
            .json(&body);
        match self.call::<SubscriptionListing>(&call).await {
            Ok(listing) => Ok(Subscribed::Except(self.rejected(listing, topics))),
            Err(error) if error.status() == Some(404) => Ok(Subscribed::NoSuchChannel),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn call<T: serde::de::DeserializeOwned>(
        &self,
        call: &Call,
    ) -> Result<T, ApiError> {
        let reply = self.client.call(call, self.deadline(), decode::json);
        Ok(reply.await?.value)
    }

    fn deadline(&self) -> Deadline {
        Deadline::at(later(self.clock.now(), CALL_TIMEOUT))
    }

    fn rejected(&self, listing: SubscriptionListing, topics: &[String]) -> Vec<RejectedTopic> {
        let rejected = listing
            .entities
            .into_iter()
            .filter(Subscription::is_rejected);
        rejected.map(|it| self.rejected_topic(it, topics)).collect()
    }

    fn rejected_topic(&self, rejected: Subscription, topics: &[String]) -> RejectedTopic {
        let is_ours = topics.contains(&rejected.id);
        let permissions = rejected.missing_permissions.unwrap_or_default();
        let reason = rejected.rejection_reason.unwrap_or_default();
        RejectedTopic {
            topic: if is_ours {
                rejected.id
            } else {
                "a topic that was not requested".to_owned()
            },
            missing_permissions: permissions
                .into_iter()
                .map(|name| self.permission(name))
                .collect(),
            reason: Some(self.client.quote(&reason)).filter(|reason| !reason.as_str().is_empty()),
        }
    }

    /// The name of a permission, such as `routing:queue:view`; any other text is cleaned.
    fn permission(&self, name: String) -> String {
        let is_part = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|it| it.is_ascii_alphabetic() || it == b'*')
        };
        let is_name = name.len() <= MAX_PERMISSION_BYTES
            && name.split(':').count() == 3
            && name.split(':').all(is_part);
        if is_name {
            name
        } else {
            let cleaned: ForeignText = self.client.quote(&name);
            cleaned.into()
        }
    }
}
