//! Audit events as lines of JSON for log shippers, written when the document that contains the event is committed.

use std::fmt::Debug;

use serde::Serialize;
use serde_json::{Value, json};

use crate::export::objects::{AuditPart, ObjectKey};

/// Receives each committed audit event.
pub trait AuditLog: Send + Sync + Debug {
    /// Writes a line, given without its line break. A failure must not fail the step, which is committed already.
    fn write_line(&self, line: &str);
}

/// The field of a document that holds its audit event.
enum EventField {
    Named(&'static str),
    /// The document is the event.
    Whole,
}

/// The line of the audit event in a document with this key, `{"audit": {…}}`; `None` if such documents hold no event.
pub(super) fn line(name: ObjectKey<'_>, document: &impl Serialize) -> Option<String> {
    let field = event_field(name)?;
    // Cannot fail: the document was serialized to be stored.
    let document = serde_json::to_value(document).ok()?;
    let event = match field {
        EventField::Named(field) => document.get(field)?.clone(),
        EventField::Whole => document,
    };
    let line: Value = json!({ "audit": event });
    Some(line.to_string())
}

fn event_field(name: ObjectKey<'_>) -> Option<EventField> {
    match name {
        ObjectKey::Request(_) => Some(EventField::Named("startEvent")),
        ObjectKey::Record(_)
        | ObjectKey::End(_)
        | ObjectKey::Failed(..)
        | ObjectKey::Cancelled(_)
        | ObjectKey::Manifest(_) => Some(EventField::Named("event")),
        ObjectKey::Audit(_, _, _, AuditPart::Delivery(_)) => Some(EventField::Whole),
        ObjectKey::Attempt(..)
        | ObjectKey::Run(_)
        | ObjectKey::Waiting(_)
        | ObjectKey::Page(..)
        | ObjectKey::Index(..)
        | ObjectKey::File(..)
        | ObjectKey::Reject(..)
        | ObjectKey::DeadLetter(..)
        | ObjectKey::UnassignedDeadLetter(_)
        | ObjectKey::Comparison(..)
        | ObjectKey::Ledger(_)
        | ObjectKey::Cancel(_)
        | ObjectKey::Probe(_)
        | ObjectKey::Open(_)
        | ObjectKey::Owed(..)
        | ObjectKey::Resume(..)
        // Copies of events that were written before.
        | ObjectKey::Audit(_, _, _, AuditPart::Slice(_) | AuditPart::Outcome) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::ids::ExportId;

    #[test]
    fn the_line_holds_the_event_of_the_document_and_nothing_else() {
        let id: ExportId = "march".parse().unwrap();
        let document = json!({"formatVersion": 1, "event": {"auditId": "a1"}, "warnings": []});

        let of_manifest = line(ObjectKey::Manifest(&id), &document);
        let of_attempt = line(ObjectKey::Attempt(&id, 1), &document);

        insta::assert_snapshot!(of_manifest.unwrap(), @r#"{"audit":{"auditId":"a1"}}"#);
        assert_eq!(of_attempt, None);
    }
}
