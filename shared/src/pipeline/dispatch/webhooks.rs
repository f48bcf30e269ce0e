//! Webhook messages and their markers.
//!
//! The marker is written before its message is sent and outlives it, so that sweep-exports can send a lost message
//! again.

use super::{Dispatch, DispatchError};
use crate::export::outcome::Outcome;
use crate::export::owed::{NextDelivery, OwedWebhook};

impl Dispatch {
    /// Writes the marker of the outcome's webhook and sends its message. Continues a schedule that has begun.
    pub async fn owe_webhook(&self, outcome: &Outcome) -> Result<(), DispatchError> {
        let new = OwedWebhook::new(outcome, 0, self.clock.now());
        let stored: Option<OwedWebhook> = self.archive.read(new.name()).await?;
        self.send_webhook(stored.unwrap_or(new)).await
    }

    /// Writes the marker of the outcome's webhook with a new schedule, and sends its message.
    pub async fn owe_webhook_anew(&self, outcome: &Outcome) -> Result<(), DispatchError> {
        let owed = self.restart_schedule(outcome).await?;
        self.send_webhook(owed).await
    }

    /// Writes the marker of the outcome's webhook with a new schedule. Sends no message.
    pub async fn restart_schedule(&self, outcome: &Outcome) -> Result<OwedWebhook, DispatchError> {
        let before = self.archive.deliveries(outcome).await?.count();
        let owed = OwedWebhook::new(outcome, before, self.clock.now());
        self.archive.replace(owed.name(), &owed).await?;
        Ok(owed)
    }

    /// Sends the message of an owed webhook. Messages sent before become void.
    pub async fn send_webhook(&self, owed: OwedWebhook) -> Result<(), DispatchError> {
        let owed = owed.sent(self.clock.now());
        self.archive.replace(owed.name(), &owed).await?;
        self.send(owed.message().outgoing()?).await
    }

    /// The next step for the webhook. Deletes the marker if there is none.
    pub async fn next_delivery(&self, owed: &OwedWebhook) -> Result<NextDelivery, DispatchError> {
        let deliveries = self.archive.deliveries_owed(owed).await?;
        let next = owed.next_delivery(&deliveries);
        if let NextDelivery::Settled(_) = next {
            self.archive.delete(owed.name()).await?;
        }
        Ok(next)
    }
}
