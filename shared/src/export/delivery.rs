//! The deliveries of an outcome's webhook: their recorded results and their schedule.

use jiff::Timestamp;

use crate::export::audit::{AuditEvent, Status};

mod failure;
mod schedule;

pub use failure::DeliveryFailure;
pub(crate) use schedule::LAST_RETRY_DELAY;
pub use schedule::{Verdict, retry_delay, verdict};

/// The state of an outcome's webhook, from the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// No delivery is recorded.
    NotTried,
    /// The newest delivery was refused; another one is owed.
    Refused(DeliveryFailure),
    /// The newest delivery was refused and was the last of its schedule. Only a resume sends it again.
    GivenUp(DeliveryFailure),
    Delivered,
    /// The receiver responded with 410 Gone: no further delivery is owed.
    Ended,
}

/// Field in a delivery's details: it was the last one of its schedule.
pub const GIVEN_UP: &str = "givenUp";

impl DeliveryState {
    /// Whether the receiver has neither accepted the outcome nor declined all deliveries, so that a resume sends it
    /// again.
    pub fn is_owed(&self) -> bool {
        match self {
            Self::NotTried | Self::Refused(_) | Self::GivenUp(_) => true,
            Self::Delivered | Self::Ended => false,
        }
    }

    fn of(event: &AuditEvent) -> Self {
        if event.status == Status::Success {
            return Self::Delivered;
        }
        let refusal = serde_json::from_value(event.details["refusal"].clone());
        let refusal = refusal.unwrap_or_else(|_| {
            DeliveryFailure::from_legacy_answer(
                event.details["answer"].as_str().unwrap_or_default(),
            )
        });
        match refusal {
            DeliveryFailure::Status { status, .. } if verdict(status) == Verdict::Gone => {
                Self::Ended
            }
            refusal if event.details[GIVEN_UP] == true => Self::GivenUp(refusal),
            refusal => Self::Refused(refusal),
        }
    }
}

/// The recorded deliveries of one outcome, in the order of recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deliveries(Vec<AuditEvent>);

impl Deliveries {
    #[expect(
        clippy::expect_used,
        reason = "4 billion events do not fit into memory"
    )]
    pub fn count(&self) -> u32 {
        u32::try_from(self.0.len()).expect("fewer than 4 billion deliveries")
    }

    /// Time of the newest delivery.
    pub(crate) fn newest_at(&self) -> Option<Timestamp> {
        self.0.last().map(|event| event.timestamp)
    }

    /// The overall state: delivered if any delivery was accepted, else ended if the response to any was 410, else the
    /// state of the newest.
    pub fn state(&self) -> DeliveryState {
        let mut states: Vec<_> = self.0.iter().map(DeliveryState::of).collect();
        for final_state in [DeliveryState::Delivered, DeliveryState::Ended] {
            if states.contains(&final_state) {
                return final_state;
            }
        }
        states.pop().unwrap_or(DeliveryState::NotTried)
    }
}

impl FromIterator<AuditEvent> for Deliveries {
    fn from_iter<T: IntoIterator<Item = AuditEvent>>(events: T) -> Self {
        Self(events.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::hash::Sha256;
    use crate::export::audit::{Action, EventType, NewAuditEvent};

    fn refused(details: Value) -> DeliveryState {
        let event = AuditEvent::new(NewAuditEvent {
            export_id: &"march".parse().unwrap(),
            query_hash: Sha256::of("q"),
            request_id: "r",
            timestamp: "2026-03-02T10:00:00Z".parse().unwrap(),
            action: Action::DeliverWebhook,
            event_type: EventType::Delivery,
            subject: "attempt 1 receipt 1".to_owned(),
            details,
        });
        DeliveryState::of(&event.with_failure("no").chained_after(None))
    }

    #[test]
    fn a_refused_delivery_is_owed_unless_the_receiver_answered_410() {
        let moved = json!({"kind": "status", "status": 308, "location": "https://new.example"});
        let gone = json!({"kind": "status", "status": 410});

        let moved = refused(json!({"answer": "status 308", "refusal": moved}));

        let expected = DeliveryFailure::Status {
            status: 308,
            location: Some("https://new.example".to_owned()),
        };
        assert_eq!(moved, DeliveryState::Refused(expected));
        assert!(moved.is_owed());
        let gone = refused(json!({"answer": "status 410", "refusal": gone}));
        assert_eq!(gone, DeliveryState::Ended);
        assert!(!gone.is_owed());
    }

    #[test]
    fn a_webhook_that_was_given_up_is_still_owed() {
        let status = json!({"kind": "status", "status": 500});

        let last = refused(json!({"answer": "status 500", "refusal": status, "givenUp": true}));

        let status = 500;
        let expected = DeliveryFailure::Status {
            status,
            location: None,
        };
        assert_eq!(last, DeliveryState::GivenUp(expected));
        assert!(last.is_owed());
    }

    #[test]
    fn a_delivery_of_an_earlier_version_is_read_from_its_answer() {
        assert_eq!(
            refused(json!({"answer": "status 410"})),
            DeliveryState::Ended
        );
        assert!(refused(json!({"answer": "status 308"})).is_owed());
        assert!(refused(json!({"answer": "the receiver could not be reached"})).is_owed());
        assert!(refused(json!({})).is_owed());
        // Written by a later version.
        assert!(refused(json!({"answer": "?", "refusal": {"kind": "unknown"}})).is_owed());
    }
}
