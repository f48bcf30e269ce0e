//! The audit chain: every start, page, failure, completion and delivery is an event that contains the hash of the event
//! before it.
//!
//! The start event is the head of each slice's chain. Each page follows the page before it, and the end of a run
//! follows its last page. The outcome follows the start event and lists the heads of all slices in its details;
//! deliveries follow the outcome.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::hash::Sha256;
use crate::base::ids::ExportId;

/// One event, sealed by its own hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Derived from the action and its subject, so that a repetition of the same step has the same id.
    pub audit_id: String,
    /// The invocation that made the event.
    pub request_id: String,
    pub export_id: ExportId,
    pub timestamp: Timestamp,
    pub action: Action,
    pub event_type: EventType,
    pub details: Value,
    /// The fingerprint of the export request.
    pub query_hash: Sha256,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_requested: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_retrieved: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Constant fields; only in the start event.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub governance: Option<Governance>,
    /// `None` for the start event only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_hash: Option<Sha256>,
    pub hash: Sha256,
}

/// A document of the archive, whose event is committed with it.
pub trait Audited {
    /// The event in the document. The default suits documents without one.
    fn audit_event(&self) -> Option<&AuditEvent> {
        None
    }
}

impl Audited for AuditEvent {
    fn audit_event(&self) -> Option<&AuditEvent> {
        Some(self)
    }
}

/// A document of any form, in tests.
#[cfg(test)]
impl Audited for Value {}

/// The action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    StartExport,
    ArchivePage,
    EndRun,
    CompleteExport,
    CancelExport,
    DeliverWebhook,
}

/// The category of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    Start,
    Page,
    Run,
    Outcome,
    Delivery,
}

/// The result of the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Success,
    Failure,
}

/// The data classification and the rules for processing and retention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Governance {
    pub data_classification: String,
    pub retention_directive: String,
    pub processor: String,
    pub compliance_version: String,
}

/// The content of an event before it is added to a chain.
#[derive(Clone, Debug)]
pub struct NewAuditEvent<'a> {
    pub export_id: &'a ExportId,
    pub query_hash: Sha256,
    pub request_id: &'a str,
    pub timestamp: Timestamp,
    pub action: Action,
    pub event_type: EventType,
    /// Distinguishes the event from others with its action in the same export: a page, a run, an attempt.
    pub subject: String,
    pub details: Value,
}

impl AuditEvent {
    /// The event of a successful action, not yet in a chain.
    pub fn new(event: NewAuditEvent<'_>) -> Self {
        let NewAuditEvent {
            export_id,
            query_hash,
            request_id,
            timestamp,
            action,
            event_type,
            subject,
            details,
        } = event;
        let audit_id = Sha256::of(format!("{export_id}/{action:?}/{subject}")).short(32);
        Self {
            audit_id,
            request_id: request_id.to_owned(),
            export_id: export_id.clone(),
            timestamp,
            action,
            event_type,
            details,
            query_hash,
            records_requested: None,
            records_retrieved: None,
            latency_ms: None,
            status: Status::Success,
            error_message: None,
            governance: None,
            previous_hash: None,
            hash: Sha256::of([]),
        }
    }

    /// Marks the event as a failure.
    #[must_use]
    pub fn with_failure(self, message: impl Into<String>) -> Self {
        Self {
            status: Status::Failure,
            error_message: Some(message.into()),
            ..self
        }
    }

    /// Chains the event after `previous` and seals it with its hash.
    #[must_use]
    pub fn chained_after(mut self, previous: Option<Sha256>) -> Self {
        self.previous_hash = previous;
        self.hash = self.computed_hash();
        self
    }

    /// Whether the event is unchanged since it was sealed.
    pub(crate) fn is_intact(&self) -> bool {
        self.hash == self.computed_hash()
    }

    /// The SHA-256 of the event's JSON with sorted keys and without `hash`.
    fn computed_hash(&self) -> Sha256 {
        Sha256::of_sorted_json(self, Some("hash"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(subject: &str) -> AuditEvent {
        AuditEvent::new(NewAuditEvent {
            export_id: &"e".parse().unwrap(),
            query_hash: Sha256::of("q"),
            request_id: "r",
            timestamp: "2026-03-02T10:00:00Z".parse().unwrap(),
            action: Action::ArchivePage,
            event_type: EventType::Page,
            subject: subject.to_owned(),
            details: json!({"page": 1, "object": "a"}),
        })
    }

    #[test]
    fn an_edited_event_is_not_intact() {
        let sealed = event("page 1").chained_after(None);
        let edited = AuditEvent {
            records_retrieved: Some(9),
            ..sealed.clone()
        };

        assert!(sealed.is_intact());
        assert!(!edited.is_intact());
    }

    #[test]
    fn the_hash_of_an_event_survives_a_round_trip() {
        let sealed = event("page 1").chained_after(Some(Sha256::of("before")));

        let read: AuditEvent =
            serde_json::from_slice(&serde_json::to_vec(&sealed).unwrap()).unwrap();

        assert_eq!(read, sealed);
        assert!(read.is_intact());
    }

    #[test]
    fn a_repeated_step_has_the_same_audit_id() {
        assert_eq!(event("page 1").audit_id, event("page 1").audit_id);
        assert_ne!(event("page 1").audit_id, event("page 2").audit_id);
    }
}
