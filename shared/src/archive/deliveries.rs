//! The delivery attempts of an outcome: siblings in the audit trail that hang on the outcome's hash.

use super::{Archive, ArchiveError};
use crate::audit::{AuditEvent, Status};
use crate::objects::{Name, audit_day, delivery_prefix};
use crate::outcome::Outcome;
use crate::store::Stored;

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
        let stood = self.delivery_keys(outcome).await?.len();
        let (day, export_id) = (audit_day(outcome.ended_at), &outcome.export_id);
        for delivery in u32::try_from(stood).unwrap_or(u32::MAX).. {
            let attempt = outcome.attempt;
            let name = Name::AuditDelivery {
                day,
                export_id,
                attempt,
                delivery: delivery + 1,
            };
            // A concurrent delivery may have taken the number: each attempt is kept.
            if self.create_or_read(name, event.clone()).await?.1 == Stored::Created {
                break;
            }
        }
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
