//! Checks a list of topics and adds it to a channel, or puts it in the place of the earlier one.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::topics::Subscription;
use super::unknown_channel;
use crate::organisation::Organisation;
use crate::organisation::response::ApiError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Add,
    Replace,
}

/// The effect of a topic without permission on the whole request. The SDKs document `ignoreErrors`; the response to a
/// request without it is unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRejection {
    /// It is refused with 403.
    Refuse,
    /// The others are subscribed.
    Report,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Permitted(Subscription),
    Rejected {
        id: String,
        missing_permissions: Vec<&'static str>,
    },
}

impl Organisation {
    /// Subscribes to all topics or, on an error, to none.
    pub(crate) fn subscribe(
        &mut self,
        channel: &str,
        topics: &[String],
        mode: Mode,
        on_rejection: OnRejection,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, ApiError> {
        let held = &self.settings.permissions;
        let outcomes: Vec<Outcome> = topics
            .iter()
            .map(|id| Outcome::of(id, held))
            .collect::<Result<_, _>>()?;
        if on_rejection == OnRejection::Refuse {
            outcomes.iter().try_for_each(Outcome::require_permission)?;
        }
        let settings = &self.settings.live;
        let channels = &mut self.live.channels;
        let channel = channels.touch(channel, now).ok_or_else(unknown_channel)?;
        let mut subscriptions = match mode {
            Mode::Add => channel.subscriptions().to_vec(),
            Mode::Replace => Vec::new(),
        };
        add_permitted(&mut subscriptions, &outcomes);
        if subscriptions.len() > settings.topics_max {
            return Err(too_many(settings.topics_max));
        }
        match mode {
            Mode::Add => channel.set(subscriptions),
            Mode::Replace => channel.replace(subscriptions, settings, now),
        }
        Ok(outcomes)
    }
}

/// A topic that is in the list already is not added again.
fn add_permitted(subscriptions: &mut Vec<Subscription>, outcomes: &[Outcome]) {
    let mut known: std::collections::HashSet<String> =
        subscriptions.iter().map(|it| it.id.clone()).collect();
    for outcome in outcomes {
        if let Outcome::Permitted(subscription) = outcome
            && known.insert(subscription.id.clone())
        {
            subscriptions.push(subscription.clone());
        }
    }
}

impl Outcome {
    fn of(id: &str, held: &[String]) -> Result<Self, ApiError> {
        let subscription = Subscription::parse(id).ok_or_else(|| invalid(id))?;
        let missing_permissions = subscription.missing_permissions(held);
        if missing_permissions.is_empty() {
            return Ok(Self::Permitted(subscription));
        }
        Ok(Self::Rejected {
            id: id.to_owned(),
            missing_permissions,
        })
    }

    fn require_permission(&self) -> Result<(), ApiError> {
        let Self::Rejected {
            id,
            missing_permissions,
        } = self
        else {
            return Ok(());
        };
        let message = format!(
            "Unable to subscribe to {id}. You are missing the following permission(s): {}",
            missing_permissions.join(", ")
        );
        Err(ApiError::new(403, "missing.permissions", &message))
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Permitted(subscription) => &subscription.id,
            Self::Rejected { id, .. } => id,
        }
    }

    /// A `ChannelTopic`. The wording of a reason is unverified.
    pub(crate) fn json(&self, channel: &str) -> Value {
        let id = self.id();
        let mut body = json!({
            "id": id,
            "state": "Permitted",
            "selfUri": format!("/api/v2/notifications/channels/{channel}/subscriptions/{id}"),
        });
        if let Self::Rejected {
            missing_permissions,
            ..
        } = self
        {
            body["state"] = json!("Rejected");
            body["rejectionReason"] = json!("missing.permissions");
            body["missingPermissions"] = json!(missing_permissions);
        }
        body
    }
}

fn invalid(id: &str) -> ApiError {
    let message = format!("The topic {id} is not valid.");
    ApiError::new(400, "notification.invalid.topic", &message)
}

fn too_many(most: usize) -> ApiError {
    let message = format!("A channel can have at most {most} subscriptions.");
    ApiError::new(
        400,
        "notification.subscription.too.many.subscriptions",
        &message,
    )
}
