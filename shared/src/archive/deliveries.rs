//! The deliveries of an outcome's webhook, stored as audit events that each follow the outcome's event.

use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::ids::ExportId;
use crate::export::audit::AuditEvent;
use crate::export::delivery::{Deliveries, DeliveryState};
use crate::export::objects::{AuditPart, ObjectKey, audit_day, delivery_prefix};
use crate::export::outcome::Outcome;
use crate::export::owed::OwedWebhook;
use crate::storage::store::Stored;

/// The state of the outcome's webhook.
pub async fn delivery_state(
    archive: &Archive,
    outcome: &Outcome,
) -> Result<DeliveryState, ArchiveError> {
    Ok(of_outcome(archive, outcome).await?.state())
}

pub(crate) async fn of_outcome(
    archive: &Archive,
    outcome: &Outcome,
) -> Result<Deliveries, ArchiveError> {
    let Outcome {
        ended_at,
        export_id,
        attempt,
        ..
    } = outcome;
    read_deliveries(archive, *ended_at, export_id, *attempt).await
}

/// The deliveries of an outcome, identified by its marker, which avoids reading a manifest that may be large.
pub async fn of_marker(archive: &Archive, owed: &OwedWebhook) -> Result<Deliveries, ArchiveError> {
    read_deliveries(archive, owed.ended_at, &owed.export_id, owed.attempt).await
}

/// Records a delivery after the existing ones.
pub async fn record(
    archive: &Archive,
    outcome: &Outcome,
    event: AuditEvent,
) -> Result<(), ArchiveError> {
    let (day, export_id) = (audit_day(outcome.ended_at), &outcome.export_id);
    let prefix = delivery_prefix(day, export_id, outcome.attempt);
    let existing = archive.list_all(&prefix).await?.len();
    for delivery in (1_u32..).skip(existing) {
        let attempt = outcome.attempt;
        let name = ObjectKey::Audit(day, export_id, attempt, AuditPart::Delivery(delivery));
        // A concurrent delivery may have taken the number; both are recorded.
        if archive.create_or_read(name, event.clone()).await?.1 == Stored::Created {
            break;
        }
    }
    Ok(())
}

async fn read_deliveries(
    archive: &Archive,
    ended_at: Timestamp,
    export_id: &ExportId,
    attempt: u32,
) -> Result<Deliveries, ArchiveError> {
    let prefix = delivery_prefix(audit_day(ended_at), export_id, attempt);
    let mut listed = archive.list_all(&prefix).await?;
    // Sorts by length first, because numbers may exceed two digits.
    listed.sort_by_key(|object| object.key.len());
    let mut events = Vec::new();
    for object in listed {
        events.extend(archive.read_key::<AuditEvent>(&object.key).await?);
    }
    Ok(events.into_iter().collect())
}
