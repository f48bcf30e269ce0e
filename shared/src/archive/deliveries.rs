//! The delivery attempts of an outcome: siblings in the audit trail that hang on the outcome's hash.

use super::{Archive, ArchiveError};
use crate::audit::{AuditEvent, Status};
use crate::objects::{Name, audit_day, delivery_prefix};
use crate::outcome::Outcome;

impl Archive {
    /// Whether the outcome needs no further delivery: it arrived.
    pub async fn is_delivered(&self, outcome: &Outcome) -> Result<bool, ArchiveError> {
        for key in self.delivery_keys(outcome).await?.iter().rev() {
            let event: Option<AuditEvent> = self.read_key(key).await?;
            if event.is_some_and(|event| event.status == Status::Success) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keeps a delivery attempt behind those that stand already.
    pub async fn keep_delivery(
        &self,
        outcome: &Outcome,
        event: AuditEvent,
    ) -> Result<(), ArchiveError> {
        let delivery =
            u32::try_from(self.delivery_keys(outcome).await?.len()).unwrap_or(u32::MAX) + 1;
        let day = audit_day(outcome.ended_at);
        let name = Name::AuditDelivery {
            day,
            export_id: &outcome.export_id,
            attempt: outcome.attempt,
            delivery,
        };
        self.create_or_read(name, event).await?;
        Ok(())
    }

    async fn delivery_keys(&self, outcome: &Outcome) -> Result<Vec<String>, ArchiveError> {
        let prefix = delivery_prefix(
            audit_day(outcome.ended_at),
            &outcome.export_id,
            outcome.attempt,
        );
        Ok(self
            .list_all(&prefix)
            .await?
            .into_iter()
            .map(|object| object.key)
            .collect())
    }
}
