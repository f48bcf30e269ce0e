//! Webhook messages, each with the marker that outlives it.
//!
//! The marker is written before its message is sent, so that a lost message is found and sent again.

use super::{Dispatch, DispatchError};
use crate::outcome::Outcome;
use crate::owed::{NextDelivery, OwedWebhook};

impl Dispatch {
    /// Owes the outcome's webhook and sends its message. A schedule that has begun goes on.
    pub async fn owe_webhook(&self, outcome: &Outcome) -> Result<(), DispatchError> {
        let new = OwedWebhook::new(outcome, 0, self.clock.now());
        let stored: Option<OwedWebhook> = self.archive.read(new.name()).await?;
        self.send_webhook(stored.unwrap_or(new)).await
    }

    /// Owes the outcome's webhook, with a schedule that begins now, and sends its message.
    pub async fn owe_webhook_anew(&self, outcome: &Outcome) -> Result<(), DispatchError> {
        let owed = self.restart_schedule(outcome).await?;
        self.send_webhook(owed).await
    }

    /// Owes the outcome's webhook, with a schedule that begins now. Sends nothing.
    pub async fn restart_schedule(&self, outcome: &Outcome) -> Result<OwedWebhook, DispatchError> {
        let before = self.archive.deliveries(outcome).await?.count();
        let owed = OwedWebhook::new(outcome, before, self.clock.now());
        self.archive.replace(owed.name(), &owed).await?;
        Ok(owed)
    }

    /// Sends the message of an owed webhook, and makes void those that were sent before.
    pub async fn send_webhook(&self, owed: OwedWebhook) -> Result<(), DispatchError> {
        let owed = owed.sent(self.clock.now());
        self.archive.replace(owed.name(), &owed).await?;
        self.send(owed.message().outgoing()?).await
    }

    /// What the webhook needs next. The marker of one that needs nothing is removed.
    pub async fn next_delivery(&self, owed: &OwedWebhook) -> Result<NextDelivery, DispatchError> {
        let deliveries = self.archive.deliveries_owed(owed).await?;
        let next = owed.next_delivery(&deliveries);
        if let NextDelivery::Settled(_) = next {
            self.archive.delete(owed.name()).await?;
        }
        Ok(next)
    }
}
