//! Copies of the audit events under `audit/`, by day, for whoever must look through them. The records remain the truth.

use futures::TryStreamExt as _;

use super::Concluding;
use super::content::{chain_records, slice_chain};
use crate::archive::{Archive, ArchiveError, SliceView};
use crate::audit::AuditEvent;
use crate::objects::{Name, audit_day};
use crate::outcome::Outcome;

impl Archive {
    pub(super) async fn copy_audit(
        &self,
        concluding: Concluding<'_>,
        outcome: &Outcome,
    ) -> Result<(), ArchiveError> {
        let day = audit_day(outcome.ended_at);
        let (export_id, attempt) = (&outcome.export_id, outcome.attempt);
        for view in concluding.views {
            let lines = self.slice_events(view).await?;
            let name = Name::AuditSlice {
                day,
                export_id,
                attempt,
                slice: view.slice.number,
            };
            self.put(name, lines).await?;
        }
        let mut lines = Vec::new();
        write_line(&mut lines, &concluding.plan.start_event)?;
        write_line(&mut lines, &outcome.event)?;
        self.put(
            Name::AuditOutcome {
                day,
                export_id,
                attempt,
            },
            lines,
        )
        .await
    }

    async fn slice_events(&self, view: &SliceView) -> Result<Vec<u8>, ArchiveError> {
        let pages = slice_chain(self, view).await?;
        let mut lines = Vec::new();
        let mut records = chain_records(self, &pages);
        while let Some(record) = records.try_next().await? {
            write_line(&mut lines, &record.event)?;
        }
        if let Some(end) = &view.end {
            write_line(&mut lines, &end.event)?;
        }
        Ok(lines)
    }
}

fn write_line(lines: &mut Vec<u8>, event: &AuditEvent) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *lines, event)?;
    lines.push(b'\n');
    Ok(())
}
