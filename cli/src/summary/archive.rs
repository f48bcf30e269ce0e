//! The part of the summary that describes the archived export: contents, size, location.

use std::fmt::Write as _;

use conversation_archive::archive::losses::Losses;
use conversation_archive::export::outcome::{ExportStatus, Manifest};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::records::redaction::Tally;
use serde_json::{Value, json};

use crate::figures::{bytes, count, first_of, quantity};
use crate::gaps;
use crate::place::Place;
use crate::style::{Styled, style};

/// The part of the summary that comes from the archive alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveSummary<'a> {
    pub plan: &'a ExportPlan,
    pub manifest: &'a Manifest,
    pub losses: &'a Losses,
    /// The location of the archive.
    pub root: &'a Place,
}

impl ArchiveSummary<'_> {
    /// Number of rows that come first and are always present.
    pub(super) const FIXED_ROWS: usize = 4;

    pub(crate) fn text(&self, rows: &[(&'static str, String)]) -> String {
        let outcome = &self.manifest.outcome;
        let headline = self.headline();
        let mut text = format!(
            "{} {} {headline}\n\n",
            self.mark(),
            style(&outcome.export_id).bold()
        );
        for (label, value) in rows {
            let _ = writeln!(text, "  {}  {value}", style(format!("{label:<9}")).dim());
        }
        text.trim_end().to_owned()
    }

    fn mark(&self) -> Styled {
        match self.manifest.outcome.status {
            ExportStatus::CompletedWithGaps => style("!").yellow().bold(),
            _ => style("✓").green().bold(),
        }
    }

    fn headline(&self) -> String {
        let mut headline = match self.manifest.outcome.status {
            ExportStatus::CompletedWithRejects => {
                "is complete, with quarantined records".to_owned()
            }
            ExportStatus::CompletedWithGaps => "is complete, with gaps".to_owned(),
            _ => "is complete".to_owned(),
        };
        let found = self.manifest.content.repeated.as_ref();
        if let Some(repeated) =
            found.and_then(|found| repeated_text(found.identical_lines, found.ids_with_versions))
        {
            let _ = write!(headline, ", with repeated records: {repeated}");
        }
        headline
    }

    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("archived", self.archived_text()),
            ("interval", self.plan.interval.to_string()),
            ("location", self.folder()),
            ("size", self.size_text()),
        ];
        let counts = self.manifest.content.counts;
        if self.is_empty() && counts.received == 0 {
            rows.push(("empty", self.empty_text()));
        }
        rows.extend(self.replaced_text().map(|replaced| ("lost", replaced)));
        if counts.left_out > 0 {
            let left_out = quantity(counts.left_out, "record that", "records that");
            rows.push((
                "left out",
                format!("{left_out} the API returned for another interval"),
            ));
        }
        if counts.unchanged > 0 {
            let unchanged = quantity(counts.unchanged, "record", "records");
            rows.push((
                "unchanged",
                format!("{unchanged} stored in the same version by an earlier export"),
            ));
        }
        if let Some(versions) = self.versions_text() {
            rows.push(("versions", versions));
        }
        let gaps = self.manifest.outcome.gaps.filter(|gaps| gaps.missing > 0);
        rows.extend(gaps.map(|gaps| ("gaps", gaps::text(gaps))));
        let statuses = &self.manifest.content.statuses;
        if !statuses.is_empty() {
            rows.push(("texts", tally_text(statuses)));
        }
        rows.push(("redacted", self.redacted_text()));
        if counts.rejected > 0 {
            let rejected = quantity(counts.rejected, "record", "records");
            rows.push((
                "rejected",
                format!(
                    "{rejected} quarantined in failures/: unreadable, or without an id or start"
                ),
            ));
        }
        if !self.manifest.missing_ids.is_empty() {
            rows.push(("not found", self.missing_text()));
        }
        rows.extend(
            self.manifest
                .warnings
                .iter()
                .map(|warning| ("warning", warning.clone())),
        );
        rows
    }

    fn redacted_text(&self) -> String {
        let applied = self.plan.applied_redaction();
        if applied.is_off() {
            return "off: texts are stored as they were typed".to_owned();
        }
        let redactions = &self.manifest.content.redactions;
        let total = quantity(redactions.total(), "value", "values");
        if redactions.is_empty() {
            return format!("{total} ({applied})");
        }
        format!("{total}: {} ({applied})", tally_text(redactions))
    }

    /// The first missing ids by name; the manifest lists all.
    fn missing_text(&self) -> String {
        const NAMED: usize = 3;
        let missing = &self.manifest.missing_ids;
        format!(
            "{} of {} ids, unknown or in a division that the client cannot access: {}",
            missing.len(),
            self.plan.requested_ids().len(),
            first_of(missing, NAMED)
        )
    }

    /// The first ids with several stored versions; the manifest lists up to 1,000.
    fn versions_text(&self) -> Option<String> {
        const NAMED: usize = 3;
        let repeated = self.manifest.content.repeated.as_ref()?;
        let versions = repeated.versions.iter();
        let named: Vec<_> = versions
            .map(|it| format!("{} ({})", it.id.escape_debug(), count(it.versions)))
            .collect();
        (!named.is_empty()).then(|| first_of(&named, NAMED))
    }

    fn archived_text(&self) -> String {
        let content = &self.manifest.content;
        let pages = content
            .slices
            .iter()
            .map(|slice| slice.pages.len() as u64)
            .sum();
        let what = if self.plan.source.is_analytics() {
            quantity(content.distinct_ids(), "conversation", "conversations")
        } else {
            quantity(content.records(), "record", "records")
        };
        let slices = quantity(content.slices.len() as u64, "slice", "slices");
        format!(
            "{what} in {slices} and {}",
            quantity(pages, "page", "pages")
        )
    }

    fn size_text(&self) -> String {
        let (stored, plain) = (
            self.manifest.content.stored_bytes,
            self.manifest.outcome.totals.record_bytes,
        );
        match plain.checked_div(stored) {
            Some(ratio) if ratio > 1 => format!(
                "{} compressed, {} uncompressed (1:{ratio})",
                bytes(stored),
                bytes(plain)
            ),
            _ => format!(
                "{} compressed, {} uncompressed",
                bytes(stored),
                bytes(plain)
            ),
        }
    }

    pub(super) fn folder(&self) -> String {
        self.root
            .location_of(&format!("exports/{}", self.plan.export_id))
    }

    pub(crate) fn json(&self) -> Value {
        let (outcome, content) = (&self.manifest.outcome, &self.manifest.content);
        let mut json = json!({
            "exportId": outcome.export_id,
            "status": outcome.status,
            "attempt": outcome.attempt,
            "interval": outcome.interval,
            "manifest": format!("{}/manifest.json", self.folder()),
            "counts": content.counts,
            "gaps": outcome.gaps,
            "redaction": self.plan.applied_redaction(),
            "redactions": content.redactions,
            "statuses": content.statuses,
            "pages": outcome.totals.pages,
            "slices": content.slices.len(),
            "storedBytes": content.stored_bytes,
            "recordBytes": outcome.totals.record_bytes,
            "warnings": self.manifest.warnings,
            "filters": self.plan.filters,
            "replaced": self.replaced_json(),
        });
        if let Some(repeated) = &content.repeated {
            json["repeated"] = json!(repeated);
        }
        json
    }
}

/// `2 identical lines, 1 id with several versions`; `None` without either.
pub(crate) fn repeated_text(identical_lines: u64, ids_with_versions: u64) -> Option<String> {
    let parts = [
        (identical_lines, "identical line", "identical lines"),
        (
            ids_with_versions,
            "id with several versions",
            "ids with several versions",
        ),
    ];
    let parts = parts.iter().filter(|(number, ..)| *number > 0);
    let parts: Vec<_> = parts
        .map(|(number, one, many)| quantity(*number, one, many))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `12 EMAIL, 3 PHONE`.
fn tally_text(tally: &Tally) -> String {
    let by_label = tally.by_label();
    let parts: Vec<_> = by_label
        .map(|(label, number)| format!("{} {label}", count(number)))
        .collect();
    parts.join(", ")
}
