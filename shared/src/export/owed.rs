//! The marker of an outcome whose webhook is owed to its receiver, and the time of the next delivery.
//!
//! The marker exists from before the webhook message is sent until the audit trail shows that the webhook was accepted,
//! declined for good, or given up. So sweep-exports can send a lost message again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::ids::ExportId;
use crate::base::time::later;
use crate::export::delivery::{Deliveries, DeliveryState, LAST_RETRY_DELAY, retry_delay};
use crate::export::message::WebhookMessage;
use crate::export::objects::ObjectKey;
use crate::export::outcome::Outcome;

/// `owed/{id}-{attempt}`. Overwritten each time a message is sent for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwedWebhook {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub attempt: u32,
    /// The key of the outcome.
    pub outcome_key: String,
    /// The time of the outcome; its deliveries are stored under that day.
    pub ended_at: Timestamp,
    /// Start of the delivery schedule: the time of the outcome, or of the last resume.
    pub since: Timestamp,
    /// Number of recorded deliveries when the schedule began.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deliveries_before: u32,
    /// Time of the newest message. Messages sent earlier are void.
    pub sent_at: Timestamp,
}

/// The next step for an owed webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextDelivery {
    /// None: it was accepted, declined for good, or given up.
    Finished(DeliveryState),
    Due(Timestamp),
}

impl OwedWebhook {
    /// A new schedule, after `deliveries_before` deliveries.
    pub fn new(outcome: &Outcome, deliveries_before: u32, now: Timestamp) -> Self {
        Self {
            format_version: FormatVersion,
            export_id: outcome.export_id.clone(),
            attempt: outcome.attempt,
            outcome_key: outcome.object_key().key(),
            ended_at: outcome.ended_at,
            since: now,
            deliveries_before,
            sent_at: now,
        }
    }

    /// The same marker with a message sent now.
    #[must_use]
    pub(crate) fn with_sent_at(self, now: Timestamp) -> Self {
        Self {
            sent_at: now,
            ..self
        }
    }

    pub fn object_key(&self) -> ObjectKey<'_> {
        ObjectKey::Owed(&self.export_id, self.attempt)
    }

    pub fn message(&self) -> WebhookMessage {
        WebhookMessage {
            format_version: FormatVersion,
            export_id: self.export_id.clone(),
            attempt: self.attempt,
            outcome_key: self.outcome_key.clone(),
            sent_at: Some(self.sent_at),
        }
    }

    /// Whether a later message replaces `message`, so that it is void.
    pub fn supersedes(&self, message: &WebhookMessage) -> bool {
        message.sent_at.is_none_or(|sent_at| sent_at < self.sent_at)
    }

    /// The next step, from the recorded deliveries alone; receives of messages do not count.
    pub fn next_delivery(&self, deliveries: &Deliveries) -> NextDelivery {
        let state = deliveries.state();
        let given_up_before = self.delivery_count(deliveries) == 0;
        match state {
            DeliveryState::Delivered | DeliveryState::Ended => NextDelivery::Finished(state),
            DeliveryState::GivenUp(_) if !given_up_before => NextDelivery::Finished(state),
            _ => NextDelivery::Due(self.due_at(deliveries)),
        }
    }

    /// The time of the next delivery in the schedule.
    pub fn due_at(&self, deliveries: &Deliveries) -> Timestamp {
        let delivery_count = self.delivery_count(deliveries);
        let newest = deliveries.newest_at().filter(|_| delivery_count > 0);
        newest.map_or(self.since, |newest| {
            let delay = retry_delay(delivery_count).unwrap_or(LAST_RETRY_DELAY);
            later(newest, delay)
        })
    }

    /// The number within this schedule of the outcome's delivery `number`; both count from 1.
    pub fn number_in_schedule(&self, number: u32) -> u32 {
        number.saturating_sub(self.deliveries_before)
    }

    /// Number of deliveries in this schedule.
    pub fn delivery_count(&self, deliveries: &Deliveries) -> u32 {
        deliveries.count().saturating_sub(self.deliveries_before)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde requires this signature"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
