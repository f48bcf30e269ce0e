//! The marker of an outcome whose webhook is owed to its receiver, and when the next delivery is due.
//!
//! The marker stands from before the webhook message is sent until the audit trail says that the webhook was taken,
//! refused for good, or given up. A lost message is therefore sent again by sweep-exports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::archive::{Deliveries, Delivery};
use crate::format::FormatVersion;
use crate::ids::ExportId;
use crate::message::WebhookMessage;
use crate::objects::Name;
use crate::outcome::Outcome;
use crate::webhook::{LAST_RETRY_DELAY, retry_delay};

/// `owed/{id}-{attempt}`. Overwritten each time a message is sent for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwedWebhook {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub attempt: u32,
    /// Where the outcome is stored.
    pub outcome_key: String,
    /// When the outcome was decided: its deliveries are filed under that day.
    pub ended_at: Timestamp,
    /// When the schedule of deliveries began: at the outcome, or at the last resume.
    pub since: Timestamp,
    /// Number of deliveries on record when the schedule began.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deliveries_before: u32,
    /// When the newest message was sent. A message that was sent earlier is void.
    pub sent_at: Timestamp,
}

/// What an owed webhook needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextDelivery {
    /// Nothing: it was taken, refused for good, or given up.
    Settled(Delivery),
    Due(Timestamp),
}

impl OwedWebhook {
    /// A schedule that begins now, after `deliveries_before` deliveries.
    pub fn new(outcome: &Outcome, deliveries_before: u32, now: Timestamp) -> Self {
        Self {
            format_version: FormatVersion,
            export_id: outcome.export_id.clone(),
            attempt: outcome.attempt,
            outcome_key: outcome.name().key(),
            ended_at: outcome.ended_at,
            since: now,
            deliveries_before,
            sent_at: now,
        }
    }

    /// The same obligation with a message sent now.
    #[must_use]
    pub fn sent(self, now: Timestamp) -> Self {
        Self {
            sent_at: now,
            ..self
        }
    }

    pub fn name(&self) -> Name<'_> {
        Name::Owed(&self.export_id, self.attempt)
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

    /// Whether a later message stands for this obligation, so that `message` is void.
    pub fn supersedes(&self, message: &WebhookMessage) -> bool {
        message.sent_at.is_none_or(|sent_at| sent_at < self.sent_at)
    }

    /// Goes by the deliveries on record alone, however often messages were received.
    pub fn next_delivery(&self, deliveries: &Deliveries) -> NextDelivery {
        let delivery = deliveries.delivery();
        let given_up_before = self.tried(deliveries) == 0;
        match delivery {
            Delivery::Delivered | Delivery::Ended => NextDelivery::Settled(delivery),
            Delivery::GivenUp(_) if !given_up_before => NextDelivery::Settled(delivery),
            _ => NextDelivery::Due(self.due(deliveries)),
        }
    }

    /// When the next delivery of the schedule is due.
    pub fn due(&self, deliveries: &Deliveries) -> Timestamp {
        let tried = self.tried(deliveries);
        let newest = deliveries.newest().filter(|_| tried > 0);
        newest.map_or(self.since, |newest| {
            let delay = retry_delay(tried).unwrap_or(LAST_RETRY_DELAY);
            newest.saturating_add(delay).unwrap_or(Timestamp::MAX)
        })
    }

    /// The place in this schedule of a delivery that is the `number`-th of the outcome, both counted from 1.
    pub fn number_of(&self, number: u32) -> u32 {
        number.saturating_sub(self.deliveries_before)
    }

    /// Number of deliveries of this schedule.
    pub fn tried(&self, deliveries: &Deliveries) -> u32 {
        deliveries.count().saturating_sub(self.deliveries_before)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde wants"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
