//! The closing summary of an export, for people and for programs: contents, location, and the faults it survived.

use std::time::Duration;

use conversation_archive::archive::losses::Losses;
use conversation_archive::export::outcome::{Manifest, Outcome};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::genesys::StatsSnapshot;
use serde_json::{Value, json};

use crate::figures::{count, quantity, rate, time};
use crate::place::Place;
use crate::screen::Report;
use crate::shell;
use crate::webhook::Webhook;

mod archive;
mod gaps;
mod view_commands;

pub(crate) use archive::{ArchiveSummary, repeated_text};

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
        rows.extend(self.archive_summary().view_rows());
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
        "redaction": outcome.redaction,
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
