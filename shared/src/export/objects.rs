//! Every object that we write: its key, content type and encoding. docs/format.md documents the same table.

use std::fmt;

use bytes::Bytes;

use crate::base::hash::Sha256;
use crate::base::ids::{ExportId, PageId, RunId};
use crate::export::ended::EndedConversation;

mod live;

pub(crate) use live::{
    LIVE_PREFIX, arrivals_prefix, days_prefix, epochs_prefix, gaps_prefix, hour_prefix,
    quarantine_prefix, stream_prefix,
};
pub use live::{LiveKey, LivePlace};

/// An object to write.
#[derive(Clone, Debug)]
pub struct Object {
    pub key: String,
    pub body: Bytes,
    pub content_type: &'static str,
    /// `gzip` for compressed objects.
    pub content_encoding: Option<&'static str>,
}

/// The name of an object.
#[derive(Clone, Copy, Debug)]
pub enum ObjectKey<'a> {
    /// The plan: the request with every default resolved.
    Request(&'a ExportId),
    Attempt(&'a ExportId, u32),
    Run(&'a RunId),
    Waiting(&'a RunId),
    /// Gzip NDJSON. The key contains the digest, so that two different responses for one page never share a key.
    Page(&'a PageId, Sha256),
    Index(&'a PageId, Sha256),
    Record(&'a PageId),
    /// An attachment of a message, by its digest.
    File(&'a PageId, Sha256),
    End(&'a RunId),
    /// A rejected record, by its position in the page as received and its digest.
    Reject(&'a PageId, u64, Sha256),
    /// A dead letter of an export, by the digest of its body.
    DeadLetter(&'a ExportId, Sha256),
    /// A dead letter that names no export.
    UnassignedDeadLetter(Sha256),
    Failed(&'a ExportId, u32),
    Cancelled(&'a ExportId),
    /// An intermediate object of an attempt, for the manifest of a large export.
    Comparison(&'a ExportId, u32, ComparisonPart),
    Manifest(&'a ExportId),
    /// An entry of the ledger, by its number from 1.
    Ledger(u64),
    /// The request to cancel the export.
    Cancel(&'a ExportId),
    /// A test object, deleted after it is read back.
    Probe(&'a str),
    /// The export has not ended, or its conclusion is not finished.
    Open(&'a ExportId),
    /// The webhook of an attempt's outcome is not delivered yet.
    Owed(&'a ExportId, u32),
    /// An automatic resume of a failed attempt is scheduled.
    Resume(&'a ExportId, u32),
    /// A copy of audit events of an attempt, by the day of its outcome.
    Audit(jiff::civil::Date, &'a ExportId, u32, AuditPart),
    /// An object of live capture.
    Live(LiveKey<'a>),
    /// The ended conversations that an export was made for.
    EndedBatch(&'a ExportId),
    /// The export of one end of a conversation.
    Claim(&'a EndedConversation),
}

/// The intermediate objects of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum ComparisonPart {
    /// Pages that were read for the manifest.
    Portion(u32),
    /// Counts over the lines of the first `buckets` digest ranges of all portions.
    Tally { buckets: u32 },
    /// The lines of a portion in one digest range. The key contains the digest, as for pages.
    Lines {
        portion: u32,
        bucket: u32,
        sha256: Sha256,
    },
}

/// The copies of audit events of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum AuditPart {
    /// The events of a slice.
    Slice(u32),
    /// The start event and the event of the outcome.
    Outcome,
    /// The event of a webhook delivery, from 1.
    Delivery(u32),
}

impl fmt::Display for ComparisonPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Portion(portion) => write!(f, "portion-{portion:04}.json"),
            Self::Tally { buckets } => write!(f, "tally-{buckets:04}.json"),
            Self::Lines {
                portion,
                bucket,
                sha256,
            } => write!(f, "lines-{portion:04}-{bucket:04}-{}", sha256.short(8)),
        }
    }
}

impl fmt::Display for AuditPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slice(slice) => write!(f, "slice-{slice:04}.ndjson"),
            Self::Outcome => f.write_str("outcome.ndjson"),
            Self::Delivery(delivery) => write!(f, "delivery-{delivery:02}.json"),
        }
    }
}

impl ObjectKey<'_> {
    pub fn key(&self) -> String {
        match self {
            Self::Request(id) => format!("exports/{id}/request.json"),
            Self::Attempt(id, attempt) => format!("exports/{id}/attempt-{attempt:02}.json"),
            Self::Run(run) => format!("{}run.json", run_prefix(run)),
            Self::Waiting(run) => format!("{}waiting.json", run_prefix(run)),
            Self::Page(page, sha256) => {
                format!("{}-{}.ndjson.gz", page_stem(page), sha256.short(8))
            }
            Self::Index(page, sha256) => {
                format!("{}-{}.index.gz", page_stem(page), sha256.short(8))
            }
            Self::Record(page) => format!("{}.record.json", page_stem(page)),
            Self::File(page, sha256) => format!("{}-file-{sha256}", page_stem(page)),
            Self::End(run) => format!("{}end.json", run_prefix(run)),
            Self::Reject(page, position, sha256) => {
                format!("{}-{position}-{}.json", failure_stem(page), sha256.short(8))
            }
            Self::DeadLetter(id, digest) => format!(
                "exports/{id}/failures/dead-letter-{}.json",
                digest.short(16)
            ),
            Self::UnassignedDeadLetter(digest) => format!("dead-letters/{}.json", digest.short(16)),
            Self::Failed(id, attempt) => format!("exports/{id}/failed-{attempt:02}.json"),
            Self::Cancelled(id) => format!("exports/{id}/cancelled.json"),
            Self::Comparison(id, attempt, part) => {
                format!("{}{part}", comparison_prefix(id, *attempt))
            }
            Self::Manifest(id) => format!("exports/{id}/manifest.json"),
            Self::Ledger(sequence) => format!("{LEDGER_PREFIX}{sequence:08}.json"),
            Self::Cancel(id) => format!("exports/{id}/cancel.json"),
            Self::Probe(id) => format!("checks/{id}.json"),
            Self::Open(id) => format!("{OPEN_PREFIX}{id}"),
            Self::Owed(id, attempt) => format!("{OWED_PREFIX}{id}-{attempt:02}"),
            Self::Resume(id, attempt) => format!("{RESUMES_PREFIX}{id}-{attempt:02}"),
            Self::Audit(day, id, attempt, part) => {
                format!("{}{part}", audit_prefix(*day, id, *attempt))
            }
            Self::Live(key) => key.to_string(),
            Self::EndedBatch(id) => format!("{BATCHES_PREFIX}{id}.json"),
            Self::Claim(ended) => format!(
                "ended/conversations/{}/{}.json",
                ended.conversation_id,
                ended.conversation_end.in_key()
            ),
        }
    }

    /// Whether the object commands the exporter or says how an export or a day of live capture ended, and therefore
    /// carries a signature. A marker of an open export may contain an accepted request; a batch of ended conversations
    /// becomes one.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(
            self,
            Self::Request(_)
                | Self::Attempt(..)
                | Self::Failed(..)
                | Self::Cancelled(_)
                | Self::Manifest(_)
                | Self::Ledger(_)
                | Self::Cancel(_)
                | Self::Open(_)
                | Self::EndedBatch(_)
                | Self::Live(LiveKey::Day(..))
        )
    }

    /// The object with this name and that body.
    pub fn object(&self, body: impl Into<Bytes>) -> Object {
        let (content_type, content_encoding) = match self {
            Self::Page(..) | Self::Index(..) => ("application/x-ndjson", Some("gzip")),
            Self::Live(key) if key.is_gzip_ndjson() => ("application/x-ndjson", Some("gzip")),
            Self::Audit(.., AuditPart::Slice(_) | AuditPart::Outcome) => {
                ("application/x-ndjson", None)
            }
            // An attachment may be of any type; browsers must not render it.
            Self::File(..) | Self::Comparison(.., ComparisonPart::Lines { .. }) => {
                ("application/octet-stream", None)
            }
            _ => ("application/json", None),
        };
        Object {
            key: self.key(),
            body: body.into(),
            content_type,
            content_encoding,
        }
    }
}

/// Prefix of the markers of exports that have not ended.
pub const OPEN_PREFIX: &str = "open/";

/// Prefix of the markers of owed webhooks.
pub const OWED_PREFIX: &str = "owed/";

/// Prefix of the markers of scheduled automatic resumes.
pub const RESUMES_PREFIX: &str = "resumes/";

/// Prefix of the batches of ended conversations.
pub(crate) const BATCHES_PREFIX: &str = "ended/batches/";

/// Prefix of the ledger's entries.
pub(crate) const LEDGER_PREFIX: &str = "ledger/";

/// Prefix of all exports.
pub(crate) const EXPORTS_PREFIX: &str = "exports/";

/// Prefix of all objects of an export except its markers and its audit copies.
pub fn export_prefix(id: &ExportId) -> String {
    format!("{EXPORTS_PREFIX}{id}/")
}

/// Prefix of all objects of a run.
pub(crate) fn run_prefix(run: &RunId) -> String {
    format!(
        "{}slices/{:04}/r{:02}/",
        export_prefix(&run.export_id),
        run.slice,
        run.run
    )
}

/// Prefix of the intermediate objects of complete-export for the manifest of a large export.
fn comparison_prefix(id: &ExportId, attempt: u32) -> String {
    format!("{}comparison-{attempt:02}/", export_prefix(id))
}

/// Prefix of the portions of an attempt.
pub fn portion_prefix(id: &ExportId, attempt: u32) -> String {
    format!("{}portion-", comparison_prefix(id, attempt))
}

/// Prefix of the tallies of an attempt.
pub(crate) fn tally_prefix(id: &ExportId, attempt: u32) -> String {
    format!("{}tally-", comparison_prefix(id, attempt))
}

/// Prefix of the copies of the audit events of one outcome.
fn audit_prefix(day: jiff::civil::Date, export_id: &ExportId, attempt: u32) -> String {
    format!("{}{export_id}/attempt-{attempt:02}-", audit_day_prefix(day))
}

/// Prefix of the copies of the audit events of all outcomes of a day.
pub(crate) fn audit_day_prefix(day: jiff::civil::Date) -> String {
    format!("audit/dt={day}/")
}

/// Prefix of these copies by slice.
pub(crate) fn slice_copies_prefix(
    day: jiff::civil::Date,
    export_id: &ExportId,
    attempt: u32,
) -> String {
    format!("{}slice-", audit_prefix(day, export_id, attempt))
}

/// Prefix of the deliveries of one outcome.
pub(crate) fn delivery_prefix(
    day: jiff::civil::Date,
    export_id: &ExportId,
    attempt: u32,
) -> String {
    format!("{}delivery-", audit_prefix(day, export_id, attempt))
}

/// The UTC day under which an event of this time is stored.
pub(crate) fn audit_day(moment: jiff::Timestamp) -> jiff::civil::Date {
    jiff::tz::Offset::UTC.to_datetime(moment).date()
}

/// Suffix of a page record's key.
pub(crate) const RECORD_SUFFIX: &str = ".record.json";

fn page_stem(page: &PageId) -> String {
    format!("{}page-{:06}", run_prefix(&page.run), page.page)
}

fn failure_stem(page: &PageId) -> String {
    let RunId {
        export_id,
        slice,
        run,
    } = &page.run;
    format!(
        "exports/{export_id}/failures/{slice:04}-r{run:02}-{:06}",
        page.page
    )
}
