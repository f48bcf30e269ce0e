//! Channels and subscriptions of the notification service, and the queues whose topics are subscribed.
//! <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/NotificationsApi.md>

use std::fmt;

use serde::Deserialize;

use crate::base::decode::lenient;

/// `POST /api/v2/notifications/channels`, and an element of the `GET` listing.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    #[serde(deserialize_with = "lenient::identifier")]
    pub id: String,
    /// The address of its socket. It holds no token, but whoever knows it may connect.
    pub connect_uri: String,
}

/// Without its id and address: whoever knows one can hear the channel.
impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}

/// `GET /api/v2/notifications/channels`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChannelListing {
    #[serde(deserialize_with = "lenient::elements")]
    pub entities: Vec<Channel>,
}

/// `PUT /api/v2/notifications/channels/{id}/subscriptions`: one entity for each topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SubscriptionListing {
    #[serde(deserialize_with = "lenient::elements")]
    pub entities: Vec<Subscription>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The topic.
    pub id: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub state: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub rejection_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub missing_permissions: Option<Vec<String>>,
}

/// `GET /api/v2/routing/queues`: one page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueListing {
    #[serde(deserialize_with = "lenient::elements")]
    pub entities: Vec<Queue>,
    #[serde(default, deserialize_with = "lenient::optional_count")]
    pub page_count: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Queue {
    #[serde(deserialize_with = "lenient::identifier")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<String>,
}

impl Subscription {
    pub fn is_rejected(&self) -> bool {
        let state = self.state.as_deref();
        state.is_some_and(|state| state.eq_ignore_ascii_case("rejected"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_topic_names_the_missing_permissions() {
        let body = r#"{"entities":[
            {"id":"v2.users.1.conversations","state":"Permitted","selfUri":"/"},
            {"id":"v2.users.2.conversations","state":"Rejected","rejectionReason":"no","missingPermissions":["a:b:c"]},
            {"id":"v2.users.3.conversations","missingPermissions":7}
        ]}"#;

        let listing: SubscriptionListing = serde_json::from_str(body).unwrap();

        let rejected: Vec<_> = listing
            .entities
            .iter()
            .filter(|it| it.is_rejected())
            .collect();
        assert_eq!((listing.entities.len(), rejected.len()), (3, 1));
        assert_eq!(
            rejected[0].missing_permissions,
            Some(vec!["a:b:c".to_owned()])
        );
    }
}
