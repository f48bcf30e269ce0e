//! The audit trail under `audit/`: copies of the events of each attempt, and the deliveries of its outcome.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::history::{Closing, History};
use super::subject::{Subject, VerifyError};
use crate::archive::ArchiveError;
use crate::base::failure::error_chain;
use crate::export::audit::{Action, AuditEvent};
use crate::export::objects::{AuditPart, ObjectKey, audit_day, delivery_prefix};
use crate::export::outcome::{Outcome, RequestMetrics, SliceFailure};
use crate::export::run::{End, RunEnd};
use crate::export::totals::Totals;

/// Objects found beside the copies.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) deliveries: u64,
    pub(super) orphans: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl History<'_> {
    /// Compares the copies of every outcome with the run ends that the outcome names as the heads of its chains.
    pub(super) async fn check_audit(&self, ends: &[RunEnd]) -> Result<Audit, VerifyError> {
        let mut audit = Audit::default();
        let mut listed = BTreeSet::new();
        let outcomes = || self.failed.iter().chain([&self.manifest.outcome]);
        for outcome in outcomes() {
            let folder = format!("audit/dt={}/{}/", audit_day(outcome.ended_at), self.id());
            let objects = self.archive.list_all(&folder).await?;
            listed.extend(objects.into_iter().map(|object| object.key));
        }
        for outcome in outcomes() {
            self.check_copies(outcome, ends, &mut listed, &mut audit)
                .await?;
            self.check_deliveries(outcome, &mut listed, &mut audit)
                .await?;
        }
        audit.orphans.extend(listed);
        Ok(audit)
    }

    async fn check_copies(
        &self,
        outcome: &Outcome,
        ends: &[RunEnd],
        listed: &mut BTreeSet<String>,
        audit: &mut Audit,
    ) -> Result<(), VerifyError> {
        let (day, export_id, attempt) = (audit_day(outcome.ended_at), self.id(), outcome.attempt);
        let subject = Subject::of(outcome.object_key());
        let heads = outcome.audit_heads.len() as u64;
        subject.same(
            "its number of audit heads",
            heads,
            u64::from(self.plan.slice_count),
        )?;
        let mut totals = Totals::default();
        let mut failures = Vec::new();
        for (slice, head) in (1..).zip(&outcome.audit_heads) {
            let rule = format!(
                "it names {}… as the last event of slice {slice}, but no run ended with it",
                head.short(12)
            );
            let is_head = |end: &&RunEnd| end.id.slice == slice && end.event.hash == *head;
            let end = ends
                .iter()
                .find(is_head)
                .ok_or_else(|| subject.damaged(rule))?;
            totals = totals.plus(end.totals);
            failures.extend(slice_failure(end));
            let name = ObjectKey::Audit(day, export_id, attempt, AuditPart::Slice(slice));
            if let Some(copy) = self.read_copy(name, outcome, listed, audit).await? {
                self.check_slice_copy(&Subject::of(name), &copy, end)?;
            }
        }
        subject.require(
            outcome.totals == totals,
            "its totals differ from those of its runs",
        )?;
        let effort = RequestMetrics::of(totals.effort, totals.pages);
        subject.require(
            outcome.effort.is_none_or(|stored| stored == effort),
            "its effort differs from that of its runs",
        )?;
        // A failure of the export as a whole is not in any run.
        let of_slices = outcome
            .failures
            .iter()
            .all(|failure| failure.slice.is_some());
        let same = !of_slices || outcome.failures == failures;
        subject.require(same, "its failures differ from those of its runs")?;
        let name = ObjectKey::Audit(day, export_id, attempt, AuditPart::Outcome);
        if let Some(copy) = self.read_copy(name, outcome, listed, audit).await? {
            let expected = [
                event_line(&self.plan.start_event)?,
                event_line(&outcome.event)?,
            ]
            .concat();
            let rule = "its lines are not the start event and the event of the outcome";
            Subject::of(name).require(copy == expected, rule)?;
        }
        Ok(())
    }

    /// Reads a copy. While the announcement is owed, the copies of the manifest may be missing.
    async fn read_copy(
        &self,
        name: ObjectKey<'_>,
        outcome: &Outcome,
        listed: &mut BTreeSet<String>,
        audit: &mut Audit,
    ) -> Result<Option<Bytes>, VerifyError> {
        let key = name.key();
        listed.remove(&key);
        let copy = self
            .archive
            .store()
            .get(&key)
            .await
            .map_err(ArchiveError::from)?;
        if copy.is_none() {
            let is_owed = self.closing == Closing::Owed && *outcome == self.manifest.outcome;
            Subject::at(&key).require(is_owed, "missing, though the outcome was announced")?;
            audit.warnings.push(format!("{key} is not written yet"));
        }
        Ok(copy)
    }

    /// Checks that the pages follow one another from the start event to the end that the outcome names.
    fn check_slice_copy(
        &self,
        subject: &Subject,
        copy: &[u8],
        end: &RunEnd,
    ) -> Result<(), VerifyError> {
        let mut lines = copy.split_inclusive(|byte| *byte == b'\n');
        let mut head = self.plan.start_event.hash;
        for page in 1..=end.last_page {
            let cut_off = || subject.damaged(format!("it ends before the event of page {page}"));
            let event = self.copied_event(subject, lines.next().ok_or_else(cut_off)?)?;
            subject.details(&event, "page", page)?;
            subject.follows(&event, head)?;
            head = event.hash;
        }
        // A run that was failed from outside may be chained to a page after its last one.
        if end.end == End::Complete {
            subject.follows(&end.event, head)?;
        }
        let last = event_line(&end.event)?;
        let ends = lines.next() == Some(&last) && lines.next().is_none();
        subject.require(
            ends,
            format_args!(
                "its last line is not the event of {}",
                ObjectKey::End(&end.id).key()
            ),
        )
    }

    fn copied_event(&self, subject: &Subject, text: &[u8]) -> Result<AuditEvent, VerifyError> {
        let unreadable = |error: serde_json::Error| {
            subject.damaged(format!(
                "a line is not an audit event: {}",
                error_chain(&error)
            ))
        };
        let event: AuditEvent = serde_json::from_slice(text).map_err(unreadable)?;
        subject.event(&event, &self.plan, Action::ArchivePage)?;
        subject.require(
            event_line(&event)? == text,
            "a line differs from its audit event",
        )?;
        Ok(event)
    }

    async fn check_deliveries(
        &self,
        outcome: &Outcome,
        listed: &mut BTreeSet<String>,
        audit: &mut Audit,
    ) -> Result<(), VerifyError> {
        let (day, export_id, attempt) = (audit_day(outcome.ended_at), self.id(), outcome.attempt);
        let name =
            |delivery| ObjectKey::Audit(day, export_id, attempt, AuditPart::Delivery(delivery));
        let mut before: Option<AuditEvent> = None;
        let mut delivery = 1;
        while listed.remove(&name(delivery).key()) {
            let subject = Subject::of(name(delivery));
            let event: AuditEvent = super::history::required(self.archive, name(delivery)).await?;
            subject.event(&event, &self.plan, Action::DeliverWebhook)?;
            subject.details(&event, "attempt", attempt)?;
            subject.follows(&event, outcome.event.hash)?;
            // Two concurrent deliveries may be recorded in either order, so this is not damage.
            if before.is_some_and(|before| before.timestamp > event.timestamp) {
                audit.warnings.push(format!(
                    "{} is older than the delivery before it",
                    subject.key
                ));
            }
            before = Some(event);
            audit.deliveries += 1;
            delivery += 1;
        }
        let prefix = delivery_prefix(day, export_id, attempt);
        let later = listed.iter().any(|key| key.starts_with(&prefix));
        Subject::of(name(delivery)).require(!later, "missing, though later deliveries exist")
    }
}

fn slice_failure(end: &RunEnd) -> Option<SliceFailure> {
    let End::Failed { failure } = &end.end else {
        return None;
    };
    Some(SliceFailure {
        slice: Some(end.id.slice),
        run: Some(end.id.run),
        after_page: Some(end.last_page),
        failure: failure.clone(),
    })
}

fn event_line(event: &AuditEvent) -> Result<Vec<u8>, VerifyError> {
    let mut line = serde_json::to_vec(event).map_err(ArchiveError::from)?;
    line.push(b'\n');
    Ok(line)
}
