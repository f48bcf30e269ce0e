//! Outcomes: failures of earlier attempts, open steps after the manifest, and the checks for every outcome.

use serde::Deserialize;

use super::history::{Closing, History};

use super::subject::{Subject, VerifyError};
use crate::archive::ArchiveError;
use crate::base::ids::ExportId;
use crate::export::attempt::Cause;
use crate::export::audit::Action;
use crate::export::marker::OpenMarker;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{ExportStatus, Outcome, OutcomeSummary};

/// The relevant part of `cancel.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelRequest {
    export_id: ExportId,
}

impl History<'_> {
    /// Reads the failures of the attempts before the manifest's; each resume must be preceded by one.
    pub(super) async fn read_failures(&mut self) -> Result<(), VerifyError> {
        let concluded = self.manifest.outcome.attempt;
        let newest = self.newest("failed-").await?.unwrap_or(0).max(concluded);
        for number in 1..=newest {
            let name = ObjectKey::Failed(&self.plan.export_id, number);
            let Some(failed) = self.archive.read::<Outcome>(name).await? else {
                let resumed =
                    number < concluded && self.attempt_number(number + 1)?.cause == Cause::Resume;
                let rule = "missing, though the next attempt resumes a failed one";
                Subject::of(name).require(!resumed, rule)?;
                continue;
            };
            let same = (failed.status, failed.attempt) == (ExportStatus::Failed, number);
            Subject::of(name).require(same, "it belongs to another attempt or outcome")?;
            self.check_outcome(name, &failed)?;
            self.check_summary(name, &failed)?;
            if number < concluded {
                self.failed.push(failed);
            } else {
                self.warnings.push(format!(
                    "{} exists although the export is complete; the manifest takes precedence",
                    name.key()
                ));
            }
        }
        Ok(())
    }

    /// Reads documents that a complete export may have but does not need.
    pub(super) async fn read_optional_documents(&mut self) -> Result<(), VerifyError> {
        let id = &self.plan.export_id;
        let (cancel, cancelled, open) = (
            ObjectKey::Cancel(id),
            ObjectKey::Cancelled(id),
            ObjectKey::Open(id),
        );
        if let Some(request) = self.archive.read::<CancelRequest>(cancel).await? {
            Subject::of(cancel).same_id(&request.export_id, id)?;
            self.warnings.push(format!(
                "{} came too late: the export is complete",
                cancel.key()
            ));
        }
        if let Some(outcome) = self.archive.read::<Outcome>(cancelled).await? {
            let same = outcome.status == ExportStatus::Cancelled;
            Subject::of(cancelled).require(same, "it is not a cancellation")?;
            self.check_outcome(cancelled, &outcome)?;
            self.check_summary(cancelled, &outcome)?;
            self.warnings.push(format!(
                "{} exists although the export is complete; the manifest takes precedence",
                cancelled.key()
            ));
        }
        if let Some(marker) = self.archive.read::<OpenMarker>(open).await? {
            Subject::of(open).same_id(&marker.export_id, id)?;
            self.closing = Closing::Owed;
            let problem =
                "the export is complete, but its announcement is still owed; resume sends it";
            self.warnings
                .push(format!("{} still exists: {problem}", open.key()));
        }
        Ok(())
    }

    /// Checks the summary in the event; events of earlier versions have none.
    pub(super) fn check_summary(
        &self,
        name: ObjectKey<'_>,
        outcome: &Outcome,
    ) -> Result<(), VerifyError> {
        let (subject, event) = (Subject::of(name), &outcome.event);
        if event.details.get("result").is_none() {
            return Ok(());
        }
        let (metrics, gaps) = (outcome.metrics.as_ref(), outcome.gaps);
        let summary =
            OutcomeSummary::of(&self.plan, outcome.status, &outcome.totals, metrics, gaps);
        let summary = serde_json::to_value(summary).map_err(ArchiveError::from)?;
        for (field, value) in summary.as_object().into_iter().flatten() {
            subject.details(event, field, value)?;
        }
        Ok(())
    }

    /// Checks the values that every outcome takes from the plan and its attempt, and repeats in its event.
    pub(super) fn check_outcome(
        &self,
        name: ObjectKey<'_>,
        outcome: &Outcome,
    ) -> Result<(), VerifyError> {
        let (subject, plan, event) = (Subject::of(name), &self.plan, &outcome.event);
        subject.same_id(&outcome.export_id, self.id())?;
        let action = match outcome.status {
            ExportStatus::Cancelled => Action::CancelExport,
            _ => Action::CompleteExport,
        };
        subject.event(event, plan, action)?;
        subject.follows(event, plan.start_event.hash)?;
        subject.details(event, "status", outcome.status)?;
        subject.details(event, "attempt", outcome.attempt)?;
        subject.details(event, "auditHeads", &outcome.audit_heads)?;
        let reason = outcome
            .failures
            .first()
            .map(|first| first.failure.to_string());
        subject.require(
            event.error_message == reason,
            "its failure differs from that of its audit event",
        )?;
        let attempt = self.attempt_number(outcome.attempt)?;
        let query_id = attempt.query(plan).map(|query| query.query_id.as_str());
        // Outcomes of earlier versions do not state it.
        let stated = outcome.redaction.as_ref();
        let is_unstated_or_same = stated.is_none_or(|it| *it == plan.applied_redaction());
        for (field, same) in [
            ("source", outcome.source == plan.source),
            ("interval", outcome.interval == plan.interval),
            ("residency", outcome.residency == plan.residency),
            ("redaction", is_unstated_or_same),
            ("startedAt", outcome.started_at == plan.planned_at),
            ("queryId", outcome.query_id.as_deref() == query_id),
        ] {
            subject.require(
                same,
                format_args!("its `{field}` differs from that of request.json"),
            )?;
        }
        let same = outcome.ended_at == event.timestamp;
        subject.require(same, "its `endedAt` is not the time of its audit event")
    }
}
