//! The delivery attempts of an outcome: siblings in the audit trail that hang on the outcome's hash.

use super::{Archive, ArchiveError};
use crate::audit::{AuditEvent, Status};
use crate::objects::{Name, audit_day, delivery_prefix};
use crate::outcome::Outcome;
use crate::store::Stored;
use crate::webhook::{Refusal, Verdict, verdict};

/// How far an outcome's webhook is, as the audit trail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// No attempt was recorded.
    NotTried,
    /// The newest attempt was refused; another one is owed.
    Refused(Refusal),
    Delivered,
    /// The receiver answered 410: it wants no more deliveries, and none is owed.
    Ended,
}

impl Delivery {
    /// Whether the receiver is to get the outcome still.
    pub fn is_owed(&self) -> bool {
        matches!(self, Self::NotTried | Self::Refused(_))
    }

    fn of(event: &AuditEvent) -> Self {
        if event.status == Status::Success {
            return Self::Delivered;
        }
        let refusal = serde_json::from_value(event.details["refusal"].clone());
        let refusal = refusal.unwrap_or_else(|_| {
            Refusal::of_answer(event.details["answer"].as_str().unwrap_or_default())
        });
        match refusal {
            Refusal::Status { status, .. } if verdict(status) == Verdict::Gone => Self::Ended,
            refusal => Self::Refused(refusal),
        }
    }
}

impl Archive {
    /// How far the outcome's webhook is. One delivery, or one end, decides; else the newest attempt.
    pub async fn delivery(&self, outcome: &Outcome) -> Result<Delivery, ArchiveError> {
        let mut newest = Delivery::NotTried;
        for key in self.delivery_keys(outcome).await?.iter().rev() {
            let Some(event) = self.read_key(key).await? else {
                continue;
            };
            match Delivery::of(&event) {
                Delivery::Delivered => return Ok(Delivery::Delivered),
                Delivery::Ended => newest = Delivery::Ended,
                refused if newest == Delivery::NotTried => newest = refused,
                _ => {}
            }
        }
        Ok(newest)
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::{Action, EventType, Happening};
    use crate::hash::Sha256;

    fn refused(details: Value) -> Delivery {
        let event = AuditEvent::new(Happening {
            export_id: &"march".parse().unwrap(),
            query_hash: Sha256::of("q"),
            request_id: "r",
            timestamp: "2026-03-02T10:00:00Z".parse().unwrap(),
            action: Action::DeliverWebhook,
            event_type: EventType::Delivery,
            subject: "attempt 1 receipt 1".to_owned(),
            details,
        });
        Delivery::of(&event.failed("no").after(None))
    }

    #[test]
    fn a_refused_delivery_is_owed_unless_the_receiver_wants_no_more() {
        let moved = json!({"kind": "status", "status": 308, "location": "https://new.example"});
        let gone = json!({"kind": "status", "status": 410});

        let moved = refused(json!({"answer": "status 308", "refusal": moved}));

        let expected = Refusal::Status {
            status: 308,
            location: Some("https://new.example".to_owned()),
        };
        assert_eq!(moved, Delivery::Refused(expected));
        assert!(moved.is_owed());
        let gone = refused(json!({"answer": "status 410", "refusal": gone}));
        assert_eq!(gone, Delivery::Ended);
        assert!(!gone.is_owed());
    }

    #[test]
    fn a_delivery_of_an_earlier_version_is_understood_by_its_answer() {
        assert_eq!(refused(json!({"answer": "status 410"})), Delivery::Ended);
        assert!(refused(json!({"answer": "status 308"})).is_owed());
        assert!(refused(json!({"answer": "the receiver could not be reached"})).is_owed());
        assert!(refused(json!({})).is_owed());
        // Of a later version.
        assert!(refused(json!({"answer": "?", "refusal": {"kind": "unknown"}})).is_owed());
    }
}
