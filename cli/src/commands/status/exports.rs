//! All exports of an archive, from the few objects that hold the state of each.

use std::fmt::Write as _;
use std::sync::Arc;

use conversation_archive::archive::{Archive, ArchiveError, exports, outcomes};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use conversation_archive::export::plan::ExportPlan;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{heading, records};
use crate::figures::{bytes, quantity, time};
use crate::problem::Problem;

/// Number of exports to read in parallel.
const MAX_PARALLEL_READS: usize = 16;

/// The plan and the outcome of one export.
#[derive(Clone, Debug)]
pub(super) struct ExportView {
    pub(super) plan: Arc<ExportPlan>,
    /// The outcome of the newest attempt; `None` while it is running.
    pub(super) outcome: Option<Outcome>,
}

/// Reads the exports, the newest first. An id without a plan is not an export yet.
pub(super) async fn read_all(archive: &Archive) -> Result<Vec<ExportView>, Problem> {
    let ids = exports::ids(archive).await.map_err(anyhow::Error::from)?;
    let views = stream::iter(ids.iter().map(|id| read_export(archive, id)))
        .buffer_unordered(MAX_PARALLEL_READS)
        .try_collect::<Vec<_>>()
        .await
        .map_err(anyhow::Error::from)?;
    let mut views: Vec<_> = views.into_iter().flatten().collect();
    views.sort_by_key(|view| {
        std::cmp::Reverse((view.plan.planned_at, view.plan.export_id.to_string()))
    });
    Ok(views)
}

/// The exports whose texts are stored as people typed them.
pub(super) fn unredacted(views: Vec<ExportView>) -> Vec<ExportView> {
    let is_unredacted = |view: &ExportView| view.plan.applied_redaction().is_off();
    views.into_iter().filter(is_unredacted).collect()
}

async fn read_export(archive: &Archive, id: &ExportId) -> Result<Option<ExportView>, ArchiveError> {
    let Some(plan) = archive.plan(id).await? else {
        return Ok(None);
    };
    let outcome = outcomes::newest(archive, id).await?;
    Ok(Some(ExportView { plan, outcome }))
}

impl ExportView {
    pub(super) fn status(&self) -> &'static str {
        self.outcome
            .as_ref()
            .map_or("running", |outcome| outcome.status.as_str())
    }

    /// Whether the export is complete without gaps.
    pub(super) fn is_whole(&self) -> bool {
        let status = self.outcome.as_ref().map(|outcome| outcome.status);
        status
            .is_some_and(|status| status.is_complete() && status != ExportStatus::CompletedWithGaps)
    }

    fn line(&self, now: Timestamp) -> String {
        let age = |since: Timestamp| {
            let age = now.duration_since(since).unsigned_abs();
            format!("{} ago", time(age))
        };
        let details = match &self.outcome {
            None => format!(
                "{}, started {}",
                quantity(self.plan.slice_count.into(), "slice", "slices"),
                age(self.plan.planned_at)
            ),
            Some(outcome) => format!(
                "{}, {}, {}, ended {}",
                quantity(outcome.totals.pages, "page", "pages"),
                records(outcome.records()),
                bytes(outcome.totals.stored_bytes),
                age(outcome.ended_at)
            ),
        };
        let mark = if self.plan.applied_redaction().is_off() {
            ", not redacted"
        } else {
            ""
        };
        format!(
            "  {:<24} {:<22} {}  {details}{mark}",
            self.plan.export_id.as_str(),
            self.status(),
            self.plan.interval
        )
    }
}

pub(super) fn text(views: &[ExportView], shown: usize, now: Timestamp) -> String {
    let mut text = heading("exports");
    if views.is_empty() {
        text.push_str("  none yet\n");
    }
    for view in views.iter().take(shown) {
        let _ = writeln!(text, "{}", view.line(now));
    }
    if let more @ 1.. = views.len().saturating_sub(shown) {
        let _ = writeln!(
            text,
            "  and {more} more, shown with --exports {}",
            views.len()
        );
    }
    text
}

pub(super) fn json(views: &[ExportView], shown: usize) -> Vec<Value> {
    let views = views.iter().take(shown);
    views
        .map(|view| {
            json!({
                "exportId": view.plan.export_id,
                "status": view.status(),
                "interval": view.plan.interval,
                "plannedAt": view.plan.planned_at,
                "outcome": view.outcome.as_ref().map(crate::summary::outcome_json),
                "slices": view.plan.slice_count,
                "source": view.plan.source,
                "redaction": view.plan.applied_redaction(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use conversation_archive::export::plan::{Draft, ExportIdentity, PlanLimits, Residency};
    use conversation_archive::export::request::ExportRequest;

    use super::*;

    fn view(id: &str, redaction: &str) -> ExportView {
        let now = "2026-03-10T00:00:00Z".parse().unwrap();
        let json = format!(
            r#"{{"exportId":"{id}","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","redaction":{redaction}}}"#
        );
        let request = ExportRequest::parse(&json).unwrap();
        let limits = PlanLimits::default();
        let identity = ExportIdentity::of(&request, now).unwrap();
        let draft = Draft::check(request, identity, now, &limits).unwrap();
        let residency = Residency::decide(None, None, &[]).unwrap();
        let plan = draft.plan(None, residency, &limits, now, "r").unwrap();
        ExportView {
            plan: Arc::new(plan),
            outcome: None,
        }
    }

    #[test]
    fn only_exports_without_redaction_are_listed_as_unredacted() {
        let all = vec![
            view("standard", "{}"),
            view("off", r#"{"enabled":false}"#),
            view("cards", r#"{"kinds":["card"]}"#),
        ];

        let listed = json(&unredacted(all.clone()), 9);
        let lines = text(&all, 9, "2026-03-10T01:00:00Z".parse().unwrap());

        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["exportId"], "off");
        assert_eq!(listed[0]["redaction"]["profile"], "off");
        assert_eq!(lines.matches("not redacted").count(), 1, "{lines}");
    }
}
