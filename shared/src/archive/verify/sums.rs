//! Compares the sums over the pages with the manifest.

use super::copies::Audit;
use super::history::History;
use super::rest::Rest;
use super::subject::{Subject, VerifyError};
use super::{Progress, Report, SignatureReport};
use crate::archive::{Comparison, PortionLimits, compare_in_scratch, repeated_warning};
use crate::base::hash::Sha256;
use crate::export::effort::Effort;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{ExportMetrics, Gaps, RepeatedRecords, SliceContent};
use crate::export::page_record::PageRecord;
use crate::export::run::RunEnd;
use crate::export::totals::Totals;
use crate::records::page::Counts;
use crate::records::redaction::Tally;

/// Sums recomputed from the page records.
pub(super) struct Sums<'a> {
    history: &'a History<'a>,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    seen: Progress,
    slice_counts: Counts,
    totals: Totals,
    effort: Effort,
    redactions: Tally,
    statuses: Tally,
    audit_heads: Vec<Sha256>,
    warnings: Vec<String>,
}

impl<'a> Sums<'a> {
    pub(super) fn new(
        history: &'a History<'a>,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Self {
        let pages = history
            .manifest
            .content
            .slices
            .iter()
            .map(|slice| slice.pages.len() as u64);
        Self {
            history,
            progress,
            seen: Progress {
                pages: 0,
                total_pages: pages.sum(),
            },
            slice_counts: Counts::default(),
            totals: Totals::default(),
            effort: Effort::default(),
            redactions: Tally::default(),
            statuses: Tally::default(),
            audit_heads: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn add_page(&mut self, record: &PageRecord) {
        self.slice_counts = self.slice_counts + record.content.counts;
        let place = format!("slice {} page {}: ", record.id.run.slice, record.id.page);
        let warnings = record.content.warnings.iter();
        self.warnings
            .extend(warnings.map(|warning| format!("{place}{warning}")));
        self.effort = self.effort.plus(record.effort);
        self.redactions.add(&record.content.redactions);
        self.statuses.add(&record.content.statuses);
        self.seen.pages += 1;
        (self.progress)(self.seen);
    }

    pub(super) fn end_slice(
        &mut self,
        listed: &SliceContent,
        end: &RunEnd,
        totals: Totals,
    ) -> Result<(), VerifyError> {
        let counts = std::mem::take(&mut self.slice_counts);
        let rule = format_args!(
            "its counts of slice {} are not the sum of its pages",
            listed.slice
        );
        self.manifest().require(listed.counts == counts, rule)?;
        self.totals = self.totals.plus(totals);
        self.audit_heads.push(end.event.hash);
        Ok(())
    }

    /// Checks the manifest as a whole, after all slices.
    pub(super) fn check_manifest(&self) -> Result<(), VerifyError> {
        let manifest = &self.history.manifest;
        let (outcome, content) = (&manifest.outcome, &manifest.content);
        let gaps = self.gaps()?;
        let slices = content.slices.iter().map(|slice| slice.slice);
        for (field, same) in [
            (
                "content.slices",
                slices.eq(1..=self.history.plan.slice_count),
            ),
            ("content.counts", content.counts == self.totals.counts),
            (
                "content.storedBytes",
                content.stored_bytes == self.totals.stored_bytes,
            ),
            ("content.statuses", content.statuses == self.statuses),
            ("content.redactions", content.redactions == self.redactions),
            ("totals", outcome.totals == self.totals),
            (
                "status",
                outcome.status == gaps.status(&self.history.plan, content),
            ),
            ("gaps", outcome.gaps.is_none_or(|stored| stored == gaps)),
            ("auditHeads", outcome.audit_heads == self.audit_heads),
            ("warnings", manifest.warnings == self.all_warnings()?),
            ("failures", outcome.failures.is_empty()),
            ("effort", outcome.effort.is_none()),
            ("metrics", self.metrics_match(gaps)),
        ] {
            let rule = format_args!("its `{field}` does not match the page records");
            self.manifest().require(same, rule)?;
        }
        Ok(())
    }

    /// The gaps that the contents show.
    fn gaps(&self) -> Result<Gaps, VerifyError> {
        let (plan, manifest) = (&self.history.plan, &self.history.manifest);
        let query = self.history.attempt()?.query(plan);
        let missing = manifest.missing_ids.len() as u64;
        Ok(Gaps::of(plan, query, &manifest.content, missing))
    }

    /// The warnings of the pages, the one about the repeated records that the manifest claims, and those of the sessions
    /// in the plan.
    fn all_warnings(&self) -> Result<Vec<String>, VerifyError> {
        let manifest = &self.history.manifest;
        let attempt = self.history.attempt()?;
        let of_repeated = repeated_warning(attempt.query(&self.history.plan), &manifest.content);
        let of_pages = self.warnings.iter().cloned();
        let of_sessions = self.history.plan.session_warnings();
        Ok(of_pages.chain(of_repeated).chain(of_sessions).collect())
    }

    /// Checks the metrics; manifests of earlier versions have none.
    fn metrics_match(&self, gaps: Gaps) -> bool {
        let manifest = &self.history.manifest;
        let missing = manifest.missing_ids.len() as u64;
        let computed = || ExportMetrics::of(&manifest.content, self.effort, missing, gaps);
        let stored = manifest.outcome.metrics;
        stored.is_none_or(|stored| stored == computed())
    }

    pub(super) fn report(
        self,
        ends: &[RunEnd],
        audit: Audit,
        rest: Rest,
        signatures: SignatureReport,
    ) -> Report {
        let History {
            manifest,
            failed,
            warnings: history_warnings,
            ..
        } = self.history;
        let totals = self.totals;
        let repeated = manifest.content.repeated.as_ref();
        let start_and_outcomes = 2 + failed.len() as u64;
        Report {
            export_id: manifest.outcome.export_id.clone(),
            status: manifest.outcome.status,
            attempt: manifest.outcome.attempt,
            pages: totals.pages,
            records: manifest.content.records(),
            identical_lines: repeated.map_or(0, |repeated| repeated.identical_lines),
            ids_with_versions: repeated.map_or(0, |repeated| repeated.ids_with_versions),
            record_bytes: totals.record_bytes,
            stored_bytes: totals.stored_bytes,
            rejects: totals.counts.rejected,
            events: start_and_outcomes
                + totals.pages
                + ends.len() as u64
                + audit.deliveries
                + rest.superseded.len() as u64,
            orphans: [rest.orphans, audit.orphans].concat(),
            superseded: rest.superseded,
            signatures,
            redaction: self.history.plan.applied_redaction(),
            warnings: [
                manifest.warnings.clone(),
                history_warnings.clone(),
                audit.warnings,
            ]
            .concat(),
        }
    }

    fn manifest(&self) -> Subject {
        Subject::of(ObjectKey::Manifest(self.history.id()))
    }
}

impl History<'_> {
    /// Checks that the repeated records match the page indexes, and that requested ids without a record are listed as
    /// missing.
    pub(super) async fn check_ids(&self) -> Result<(), VerifyError> {
        let of_manifest = Subject::of(ObjectKey::Manifest(self.id()));
        let content = &self.manifest.content;
        let limits = PortionLimits::default();
        let Comparison { repeated, missing } =
            compare_in_scratch(self.archive, &self.plan, content, limits).await?;
        let (claimed, found) = (
            describe(content.repeated.as_ref()),
            describe(repeated.as_ref()),
        );
        let rule =
            format!("its `content.repeated` is {claimed}, but the page indexes contain {found}");
        of_manifest.require(content.repeated == repeated, rule)?;
        // Manifests have listed missing ids for as long as they have had metrics.
        let is_named = self.manifest.outcome.metrics.is_some();
        of_manifest.require(
            !is_named || missing == self.manifest.missing_ids,
            "its `missingIds` are not the requested ids that the page indexes lack",
        )
    }
}

fn describe(repeated: Option<&RepeatedRecords>) -> String {
    repeated.map_or_else(|| "absent".to_owned(), |repeated| format!("({repeated})"))
}
