//! The contents that a complete export lacks, and the jobs and queries that were lost and replaced.

use conversation_archive::export::request::{Membership, SourceKind};
use serde_json::{Value, json};

use super::ArchiveSummary;
use crate::figures::{first_of, quantity};

impl ArchiveSummary<'_> {
    /// Whether the export is complete and holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.manifest.content.counts.archived == 0
    }

    /// The request of an empty export in words, so that the user can find a typing error in a filter.
    pub(super) fn empty_text(&self) -> String {
        const SHOWN: usize = 60;
        let interval = self.plan.interval;
        let filters = self
            .plan
            .filters
            .non_empty()
            .into_iter()
            .map(|(name, value)| {
                let cut = if value.chars().nth(SHOWN).is_some() {
                    "…"
                } else {
                    ""
                };
                let value: String = value.chars().take(SHOWN).collect();
                format!("{name} {value}{cut}")
            });
        let filters: Vec<_> = filters.collect();
        let with = match (filters.is_empty(), &self.plan.from_export) {
            (true, None) => ", and no filter was given".to_owned(),
            (true, Some(from)) => format!(" among the conversations of {from}"),
            (false, _) => format!(" with {}", filters.join("; ")),
        };
        let what = match (self.plan.source, self.plan.membership) {
            (SourceKind::AnalyticsJob, Membership::Activity) => {
                format!("no conversation was active in {interval}{with}")
            }
            (SourceKind::AnalyticsJob | SourceKind::AnalyticsQuery, _) => {
                format!("no conversation started in {interval}{with}")
            }
            (SourceKind::ExportGateway | SourceKind::HistoryGateway, _) => {
                format!("the gateway has no record in {interval}{with}")
            }
            (SourceKind::Transcripts, _) => format!("no conversation has texts to archive{with}"),
        };
        if self.plan.source.is_analytics() {
            format!("{what}; or the client's role lacks their divisions")
        } else {
            what
        }
    }

    /// `2 jobs`: the number of jobs or queries that the source lost and that were replaced.
    pub(super) fn lost_text(&self) -> Option<String> {
        let (one, many) = match self.plan.source {
            SourceKind::AnalyticsJob => ("job", "jobs"),
            _ => ("query", "queries"),
        };
        let number = self.losses.number;
        (number > 0).then(|| quantity(number, one, many))
    }

    /// Like `lost_text`, with the reasons.
    pub(super) fn replaced_text(&self) -> Option<String> {
        const NAMED: usize = 3;
        let mut reasons: Vec<&str> = Vec::new();
        for run in &self.losses.runs {
            if !reasons.contains(&run.reason.as_str()) {
                reasons.push(&run.reason);
            }
        }
        let lost = self.lost_text()?;
        let reasons = first_of(&reasons, NAMED);
        Some(format!("{lost}, replaced by new ones: {reasons}"))
    }

    /// The runs whose job or query was lost.
    pub(super) fn replaced_json(&self) -> Value {
        let runs = self.losses.runs.iter();
        runs.map(|run| json!({"slice": run.slice, "run": run.run, "reason": run.reason}))
            .collect()
    }
}
