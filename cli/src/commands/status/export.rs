//! The state of one export, slice by slice.

use std::fmt::Write as _;

use conversation_archive::archive::{Archive, ArchiveError, cancellation, outcomes};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::Outcome;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::scheduled_resume::ScheduledResume;
use conversation_archive::net::clock::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::records;
use crate::engine::{ExportState, SliceProgress};
use crate::figures::{bytes, quantity};
use crate::problem::Problem;
use crate::screen::Report;
use crate::stack::Stack;
use crate::style::style;
use crate::summary::{outcome_json, repeated_text};
use crate::webhook::{ObservedDeliveries, Webhook};

pub(super) async fn report(stack: &Stack, id: &ExportId) -> Result<Report, Problem> {
    let archive = stack.archive();
    let Some(plan) = archive.plan(id).await.map_err(anyhow::Error::from)? else {
        return Err(Problem::refused(format!(
            "there is no export {id} in {}",
            stack.place()
        )));
    };
    let status = Status::read(archive, &plan, id).await;
    let status = status.map_err(anyhow::Error::from)?;
    let state = ExportState::read(archive, id).await?;
    let resume = stack.resume_command(id);
    let request = stack.place().location_of(&ObjectKey::Request(id).key());
    Ok(Report {
        text: status.text(id, &state, &resume),
        json: status.json(id, &state, &resume, &request),
    })
}

/// The part of an export's state that depends on its outcome.
struct Status {
    outcome: Option<Outcome>,
    webhook: Option<Webhook>,
    is_cancelling: bool,
    /// If an automatic resume is scheduled.
    scheduled: Option<ScheduledResume>,
}

impl Status {
    async fn read(
        archive: &Archive,
        plan: &ExportPlan,
        id: &ExportId,
    ) -> Result<Self, ArchiveError> {
        let outcome = outcomes::newest(archive, id).await?;
        let (mut webhook, mut scheduled) = (None, None);
        if let Some(outcome) = &outcome {
            let observed = ObservedDeliveries::default();
            webhook = Webhook::of(archive, plan, outcome, &observed).await?;
            let key = ObjectKey::Resume(id, outcome.attempt);
            scheduled = archive.read(key).await?;
        }
        Ok(Self {
            outcome,
            webhook,
            is_cancelling: cancellation::is_requested(archive, id).await?,
            scheduled,
        })
    }

    fn word(&self) -> &'static str {
        match &self.outcome {
            Some(outcome) => outcome.status.as_str(),
            None if self.is_cancelling => "being cancelled",
            None => "running",
        }
    }

    fn text(&self, id: &ExportId, state: &ExportState, resume: &str) -> String {
        let mut text = format!(
            "{} is {}, attempt {}: {} of {}\n",
            style(id).bold(),
            self.word(),
            state.attempt,
            state.plan.interval,
            state.plan.source
        );
        let _ = writeln!(text, "  redaction: {}", state.plan.applied_redaction());
        let now = Clock::System.now();
        for slice in &state.slices {
            let _ = writeln!(text, "  {}", line(slice, now));
        }
        if let Some(outcome) = &self.outcome {
            let repeated = outcome
                .metrics
                .and_then(|it| repeated_text(it.identical_lines, it.ids_with_versions));
            text.extend(repeated.map(|repeated| format!("  with repeated records: {repeated}\n")));
            for failure in &outcome.failures {
                let _ = writeln!(text, "  {}", failure.failure);
            }
            if !outcome.failures.is_empty() {
                let _ = writeln!(text, "  resume it with: {resume}");
            }
        }
        if let Some(ScheduledResume { not_before, .. }) = &self.scheduled {
            let _ = writeln!(text, "  the sweep resumes it after {not_before:.0}");
        }
        if let Some(webhook) = &self.webhook {
            let _ = writeln!(text, "  webhook {}", webhook.row(resume));
        }
        text.trim_end().to_owned()
    }

    fn json(&self, id: &ExportId, state: &ExportState, resume: &str, request: &str) -> Value {
        let slices: Vec<_> = state.slices.iter().map(json_of).collect();
        let mut json = json!({
            "exportId": id,
            "status": self.word(),
            "attempt": state.attempt,
            "interval": state.plan.interval,
            "redaction": state.plan.applied_redaction(),
            "slices": slices,
            "outcome": self.outcome.as_ref().map(outcome_json),
            "resumedAfter": self.scheduled.as_ref().map(|scheduled| scheduled.not_before),
            "request": request,
        });
        if let Some(webhook) = &self.webhook {
            webhook.add_to_json(&mut json, resume);
        }
        json
    }
}

fn line(slice: &SliceProgress, now: Timestamp) -> String {
    let totals = slice.totals;
    let state = match (&slice.waiting, slice.complete) {
        (_, true) => "done".to_owned(),
        (Some(waiting), false) => {
            // After that time, only the next request shows whether the wait is over.
            let until = if waiting.not_before > now {
                "until"
            } else {
                "last until"
            };
            format!(
                "parked {} times, {until} {:.0}: {}",
                waiting.times_parked, waiting.not_before, waiting.detail
            )
        }
        (None, false) => "open".to_owned(),
    };
    format!(
        "slice {:<4} {}, {}, {}; {state}",
        slice.slice,
        quantity(totals.pages, "page", "pages"),
        records(totals.counts.archived),
        bytes(totals.stored_bytes)
    )
}

fn json_of(slice: &SliceProgress) -> serde_json::Value {
    json!({
        "slice": slice.slice,
        "complete": slice.complete,
        "pages": slice.totals.pages,
        "counts": slice.totals.counts,
        "storedBytes": slice.totals.stored_bytes,
        "waiting": slice.waiting,
    })
}

#[cfg(test)]
mod tests {
    use conversation_archive::base::format::FormatVersion;
    use conversation_archive::export::totals::Totals;
    use conversation_archive::export::waiting::{WaitReason, Waiting};

    use super::*;

    #[test]
    fn a_wait_that_has_ended_is_shown_as_the_last_one() {
        let not_before: Timestamp = "2026-03-10T04:00:00Z".parse().unwrap();
        let id = "nightly".parse::<ExportId>().unwrap();
        let run = conversation_archive::base::ids::RunId {
            export_id: id,
            slice: 1,
            run: 1,
        };
        let slice = SliceProgress {
            slice: 1,
            totals: Totals::default(),
            complete: false,
            waiting: Some(Waiting {
                format_version: FormatVersion,
                id: run.page(3),
                reason: WaitReason::Job,
                detail: "the job is queued".to_owned(),
                times_parked: 2,
                since: [(WaitReason::Job, not_before)].into(),
                not_before,
                deadline: not_before,
            }),
        };
        let line_at = |now: &str| line(&slice, now.parse().unwrap());

        let waiting = line_at("2026-03-10T03:00:00Z");
        assert!(waiting.ends_with("parked 2 times, until 2026-03-10T04:00:00Z: the job is queued"));
        let is_over = line_at("2026-03-10T05:00:00Z");
        assert!(is_over.contains("parked 2 times, last until 2026-03-10T04:00:00Z"));
    }
}
