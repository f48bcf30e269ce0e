//! Copies of the audit events under `audit/`, by day, for queries and audits. The page records remain authoritative.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt as _;

use super::ConclusionInput;
use super::portions::ExportSize;
use crate::archive::content::{chain_records, slice_chain};
use crate::archive::{Archive, ArchiveError, SliceStatus};
use crate::export::audit::AuditEvent;
use crate::export::objects::{AuditPart, ObjectKey, audit_day, slice_copies_prefix};
use crate::export::outcome::Outcome;
use crate::pipeline::Pipeline;

/// More than the time to copy the events of the largest slice (`PageSettings::max_pages_per_slice`).
const SLICE_TIME: Duration = Duration::from_mins(1);

/// Copies the audit events slice by slice. Returns whether all copies are written: for an export larger than one
/// portion this may take more than one invocation, and a later one continues with the slices that have no copy.
pub(super) async fn copy_audit(
    pipeline: &Pipeline,
    input: ConclusionInput<'_>,
    outcome: &Outcome,
) -> Result<bool, ArchiveError> {
    let ConclusionInput {
        slice_statuses,
        invocation,
        ..
    } = input;
    let day = audit_day(outcome.ended_at);
    let (export_id, attempt) = (&outcome.export_id, outcome.attempt);
    let is_large = ExportSize::of(slice_statuses).pages > pipeline.portions.pages;
    let copied = if is_large {
        copied_keys(&pipeline.archive, outcome).await?
    } else {
        BTreeSet::new()
    };
    for slice_status in slice_statuses {
        let name = ObjectKey::Audit(
            day,
            export_id,
            attempt,
            AuditPart::Slice(slice_status.slice.number),
        );
        if copied.contains(&name.key()) {
            continue;
        }
        if is_large && !invocation.deadline.allows(pipeline.clock.now(), SLICE_TIME) {
            return Ok(false);
        }
        let lines = slice_events(&pipeline.archive, slice_status).await?;
        pipeline.archive.put(name, lines).await?;
    }
    let mut lines = Vec::new();
    write_line(&mut lines, &input.plan.start_event)?;
    write_line(&mut lines, &outcome.event)?;
    let name = ObjectKey::Audit(day, export_id, attempt, AuditPart::Outcome);
    pipeline.archive.put(name, lines).await?;
    Ok(true)
}

/// The keys of the existing copies of the outcome.
async fn copied_keys(
    archive: &Archive,
    outcome: &Outcome,
) -> Result<BTreeSet<String>, ArchiveError> {
    let prefix = slice_copies_prefix(
        audit_day(outcome.ended_at),
        &outcome.export_id,
        outcome.attempt,
    );
    let listed = archive.list_all(&prefix).await?;
    Ok(listed.into_iter().map(|object| object.key).collect())
}

async fn slice_events(
    archive: &Archive,
    slice_status: &SliceStatus,
) -> Result<Vec<u8>, ArchiveError> {
    let pages = slice_chain(archive, slice_status).await?;
    let mut lines = Vec::new();
    let mut records = chain_records(archive, &pages);
    while let Some(record) = records.try_next().await? {
        write_line(&mut lines, &record.event)?;
    }
    if let Some(end) = &slice_status.end {
        write_line(&mut lines, &end.event)?;
    }
    Ok(lines)
}

fn write_line(lines: &mut Vec<u8>, event: &AuditEvent) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *lines, event)?;
    lines.push(b'\n');
    Ok(())
}
