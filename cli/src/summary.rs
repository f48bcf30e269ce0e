//! The closing summary of an export, for people and for programs: contents, location, and the faults it survived.

use std::fmt::Write as _;
use std::time::Duration;

use console::style;
use conversation_archive::archive::losses::Losses;
use conversation_archive::export::outcome::{ExportStatus, Manifest, Outcome};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::genesys::StatsSnapshot;
use conversation_archive::records::page::Projection;
use conversation_archive::records::redaction::Tally;
use serde_json::{Value, json};

use crate::figures::{bytes, count, first_of, quantity, rate, time};
use crate::place::Place;
use crate::screen::Report;
use crate::shell;
use crate::webhook::Webhook;

mod gaps;
mod view_commands;

use view_commands::ViewCommands;

/// Everything that the closing summary reports.
#[derive(Clone, Debug)]
pub(crate) struct Summary<'a> {
    pub plan: &'a ExportPlan,
    pub manifest: &'a Manifest,
    pub losses: &'a Losses,
    /// The location of the archive.
    pub root: &'a Place,
    pub effort: Effort,
    /// `None` for an export without a receiver.
    pub webhook: Option<&'a Webhook>,
    /// Number of page objects in the archive that the manifest does not name: of replaced runs, or left by a crash.
    pub unlisted_pages: u64,
}

/// The part of the summary that comes from the archive alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveSummary<'a> {
    pub plan: &'a ExportPlan,
    pub manifest: &'a Manifest,
    pub losses: &'a Losses,
    /// The location of the archive.
    pub root: &'a Place,
}

/// The work of this process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    pub records: u64,
    pub elapsed: Duration,
    pub stats: StatsSnapshot,
    /// Number of engines that were killed and replaced by another.
    pub crashes: u32,
    /// Number of clients that logged in at least once.
    pub clients: u64,
    /// Number of times that a handler failed on a message.
    pub retried: u64,
}

impl Summary<'_> {
    pub(crate) fn report(&self) -> Report {
        Report {
            text: self.archive_summary().text(&self.rows()),
            json: self.json(),
        }
    }

    fn archive_summary(&self) -> ArchiveSummary<'_> {
        ArchiveSummary {
            plan: self.plan,
            manifest: self.manifest,
            losses: self.losses,
            root: self.root,
        }
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = self.archive_summary().rows();
        let effort = [
            ("duration", self.duration_text()),
            ("survived", self.survived_faults()),
        ];
        // After the rows that are always present.
        rows.splice(
            ArchiveSummary::FIXED_ROWS..ArchiveSummary::FIXED_ROWS,
            effort,
        );
        let webhook = self
            .webhook
            .map(|webhook| webhook.row(&self.resume_command()));
        rows.extend(webhook.map(|row| ("webhook", row)));
        if !self.archive_summary().is_empty() {
            let view = ViewCommands::of(self);
            rows.push(("view", view.lines));
            rows.push(("", view.table));
        }
        rows
    }

    fn survived_faults(&self) -> String {
        let lost = self.archive_summary().lost_text();
        let lost = lost.map(|lost| format!("{lost} lost and replaced"));
        let parts: Vec<_> = lost
            .into_iter()
            .chain(self.effort.survived_faults())
            .collect();
        if parts.is_empty() {
            "no faults".to_owned()
        } else {
            parts.join(", ")
        }
    }

    fn duration_text(&self) -> String {
        let Effort {
            records, elapsed, ..
        } = self.effort;
        match records {
            0 if self.archive_summary().is_empty() => time(elapsed),
            0 => format!("{} here; the records were already archived", time(elapsed)),
            _ => format!(
                "{}, {} records/s",
                time(elapsed),
                count(rate(records, elapsed))
            ),
        }
    }

    /// The command that sends an owed webhook again.
    fn resume_command(&self) -> String {
        shell::resume_command(self.root, &self.plan.export_id)
    }

    fn folder(&self) -> String {
        self.archive_summary().folder()
    }

    fn json(&self) -> Value {
        let Effort {
            elapsed,
            stats,
            crashes,
            ..
        } = &self.effort;
        let mut json = self.archive_summary().json();
        json["webhook"] = Value::Null;
        if let Some(webhook) = self.webhook {
            webhook.add_to_json(&mut json, &self.resume_command());
        }
        json["here"] = effort_json(*elapsed, stats, *crashes, self.effort.records);
        json
    }

    fn is_minimal(&self) -> bool {
        self.plan.records == Projection::Minimal || !self.plan.source.is_analytics()
    }
}

impl ArchiveSummary<'_> {
    /// Number of rows that come first and are always present.
    const FIXED_ROWS: usize = 4;

    pub(crate) fn text(&self, rows: &[(&'static str, String)]) -> String {
        let outcome = &self.manifest.outcome;
        let headline = self.headline();
        let mut text = format!(
            "{} {} {headline}\n\n",
            style("✓").green().bold(),
            style(&outcome.export_id).bold()
        );
        for (label, value) in rows {
            let _ = writeln!(text, "  {}  {value}", style(format!("{label:<9}")).dim());
        }
        text.trim_end().to_owned()
    }

    fn headline(&self) -> String {
        let mut headline = match self.manifest.outcome.status {
            ExportStatus::CompletedWithRejects => {
                "is complete, with quarantined records".to_owned()
            }
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
        let statuses = &self.manifest.content.statuses;
        if !statuses.is_empty() {
            rows.push(("texts", tally_text(statuses)));
        }
        if self.plan.redaction.is_some() {
            rows.push(("redacted", self.redacted_text()));
        }
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
        let redactions = &self.manifest.content.redactions;
        let total = quantity(redactions.total(), "value", "values");
        if redactions.is_empty() {
            return total;
        }
        format!("{total}: {}", tally_text(redactions))
    }

    /// The first missing ids by name; the manifest lists all.
    fn missing_text(&self) -> String {
        const NAMED: usize = 3;
        let missing = &self.manifest.missing_ids;
        format!(
            "{} of {} ids, unknown or in a division that the client cannot access: {}",
            missing.len(),
            self.plan.filters.conversation_ids.len(),
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

    fn folder(&self) -> String {
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

impl Effort {
    fn survived_faults(&self) -> Vec<String> {
        let Self {
            stats,
            crashes,
            clients,
            retried,
            ..
        } = self;
        let renewals = stats.logins.saturating_sub(*clients);
        let waited = match stats.throttled_time {
            waited if waited.is_zero() => String::new(),
            waited => format!(" ({} waited)", time(waited)),
        };
        let mut parts = Vec::new();
        if stats.throttled > 0 || !waited.is_empty() {
            parts.push(format!(
                "{}{waited}",
                quantity(stats.throttled, "response with 429", "responses with 429")
            ));
        }
        let further = [
            (stats.retries, "retried request", "retried requests"),
            (renewals, "further login", "further logins"),
            (u64::from(*crashes), "crash", "crashes"),
            (*retried, "repeated step", "repeated steps"),
        ];
        parts.extend(
            further
                .iter()
                .filter(|(n, ..)| *n > 0)
                .map(|(n, one, many)| quantity(*n, one, many)),
        );
        parts
    }
}

/// The JSON result of an attempt that ended without a manifest.
pub(crate) fn outcome_json(outcome: &Outcome) -> Value {
    json!({
        "exportId": outcome.export_id,
        "status": outcome.status,
        "attempt": outcome.attempt,
        "interval": outcome.interval,
        "counts": outcome.totals.counts,
        "pages": outcome.totals.pages,
        "failures": outcome.failures,
    })
}

fn effort_json(elapsed: Duration, stats: &StatsSnapshot, crashes: u32, records: u64) -> Value {
    json!({
        "seconds": (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        "records": records,
        "requests": stats.requests,
        "retries": stats.retries,
        "throttled": stats.throttled,
        "throttledSeconds": stats.throttled_time.as_secs_f64(),
        "logins": stats.logins,
        "bytesIn": stats.bytes_in,
        "crashes": crashes,
    })
}

#[cfg(test)]
mod tests;
