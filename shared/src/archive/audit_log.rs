//! Audit events as lines of JSON for log shippers, written when the document that contains the event is committed.

use std::fmt::Debug;

use serde::Serialize;

use crate::export::audit::{AuditEvent, Audited};

/// Receives each committed audit event.
pub trait AuditLog: Send + Sync + Debug {
    /// Writes a line, given without its line break. A failure must not fail the step, which is committed already.
    fn write_line(&self, line: &str);
}

#[derive(Serialize)]
struct Line<'a> {
    audit: &'a AuditEvent,
}

/// The line of the audit event in this document, `{"audit": {…}}`; `None` if it holds no event. Nothing else of the
/// document is read: a plan or a manifest may be large.
pub(super) fn line(document: &impl Audited) -> Option<String> {
    let audit = document.audit_event()?;
    // Cannot fail: the event was serialized to be stored.
    serde_json::to_string(&Line { audit }).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::hash::Sha256;
    use crate::export::audit::{Action, EventType, NewAuditEvent};

    /// Cannot be serialized as a whole.
    struct Large(AuditEvent);

    impl Audited for Large {
        fn audit_event(&self) -> Option<&AuditEvent> {
            Some(&self.0)
        }
    }

    struct WithoutEvent;

    impl Audited for WithoutEvent {}

    #[test]
    fn the_line_holds_the_event_of_the_document_and_nothing_else() {
        let event = AuditEvent::new(NewAuditEvent {
            export_id: &"march".parse().unwrap(),
            query_hash: Sha256::of("request"),
            request_id: "invocation",
            timestamp: "2026-03-10T00:00:00Z".parse().unwrap(),
            action: Action::CompleteExport,
            event_type: EventType::Outcome,
            subject: "attempt 1".to_owned(),
            details: json!({}),
        });
        let event = event.chained_after(None);

        let written = line(&Large(event.clone())).unwrap();

        let written: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written, json!({ "audit": event }));
        assert_eq!(line(&WithoutEvent), None);
    }
}
