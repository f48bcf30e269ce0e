//! A page under construction: lines, their index, and the records that were not archived.
//!
//! Holds one uncompressed line at a time; earlier lines are already compressed.

use super::check::stored_shape;
use super::codec::{GzipWriter, infallible};
use super::identity::{RecordIdentity, RejectReason};
use super::index::IndexEntry;
use super::redact::{redact, redact_rejected, redact_unreadable};
use super::{Counts, PageBody, PageRules, RecordShape, Reject};
use crate::base::hash::Sha256;
use crate::records::redaction::Tally;

pub(super) struct PageBuilder {
    object: GzipWriter,
    index: GzipWriter,
    rejects: Vec<Reject>,
    counts: Counts,
    redactions: Tally,
    ndjson_bytes: u64,
    /// These two buffers are reused for each record.
    line: String,
    entry: Vec<u8>,
}

impl PageBuilder {
    pub(super) fn new(shape: RecordShape) -> Self {
        Self {
            object: GzipWriter::new(object_level(shape)),
            index: GzipWriter::new(INDEX_LEVEL),
            rejects: Vec::new(),
            counts: Counts::default(),
            redactions: Tally::default(),
            ndjson_bytes: 0,
            line: String::new(),
            entry: Vec::new(),
        }
    }

    pub(super) fn reject(&mut self, record: &str, reason: RejectReason, rules: &PageRules<'_>) {
        let redacted = rules
            .redactor
            .and_then(|redactor| redact_rejected(record, redactor, &mut self.redactions));
        let raw =
            redacted.map_or_else(|| record.as_bytes().into(), |text| text.into_bytes().into());
        self.add_reject(reason, raw);
    }

    /// Rejects a record that is not JSON.
    pub(super) fn reject_unreadable(&mut self, bytes: &[u8], rules: &PageRules<'_>) {
        let raw = match rules.redactor {
            Some(redactor) => redact_unreadable(bytes, redactor, &mut self.redactions).into_bytes(),
            None => bytes.to_vec(),
        };
        self.add_reject(RejectReason::NotJson, raw.into());
    }

    fn add_reject(&mut self, reason: RejectReason, raw: Box<[u8]>) {
        let position = self.counts.received;
        self.counts.received += 1;
        self.counts.rejected += 1;
        self.rejects.push(Reject {
            position,
            reason,
            raw,
        });
    }

    pub(super) fn leave_out(&mut self) {
        self.counts.received += 1;
        self.counts.left_out += 1;
    }

    /// Clears and returns the buffer for the next line.
    pub(super) fn line(&mut self) -> &mut String {
        self.line.clear();
        &mut self.line
    }

    /// Archives the current line, unless this version is already known.
    pub(super) fn archive(&mut self, identity: RecordIdentity<'_>, rules: &PageRules<'_>) {
        self.counts.received += 1;
        remove_line_breaks(&mut self.line);
        let mut redactions = Tally::default();
        let stored = stored_shape(rules.shape, rules.projection);
        let redacted = rules.redactor.and_then(|redactor| {
            redact(&self.line, rules.shape, stored, redactor, &mut redactions)
        });
        if let Some(redacted) = redacted {
            self.line = redacted;
        }
        if rules
            .known
            .is_some_and(|known| known.contains_version(&identity.id, &Sha256::of(&self.line)))
        {
            self.counts.unchanged += 1;
            return;
        }
        self.counts.archived += 1;
        self.redactions.add(&redactions);
        self.add_to_index(identity);
        self.line.push('\n');
        self.object.write(self.line.as_bytes());
        self.ndjson_bytes += self.line.len() as u64;
    }

    fn add_to_index(&mut self, identity: RecordIdentity<'_>) {
        let entry = IndexEntry::of(identity, self.ndjson_bytes, self.line.as_bytes());
        self.entry.clear();
        infallible(serde_json::to_writer(&mut self.entry, &entry));
        self.entry.push(b'\n');
        self.index.write(&self.entry);
    }

    pub(super) fn finish(self) -> PageBody {
        let has_lines = self.counts.archived > 0;
        PageBody {
            object: has_lines.then(|| self.object.finish()),
            index: has_lines.then(|| self.index.finish()),
            rejects: self.rejects,
            counts: self.counts,
            redactions: self.redactions,
            statuses: Tally::default(),
            files: Vec::new(),
            ndjson_bytes: self.ndjson_bytes,
        }
    }
}

/// Removes line breaks. JSON escapes them in strings, so only whitespace between tokens is removed. Most records have
/// none.
fn remove_line_breaks(line: &mut String) {
    if memchr::memchr2(b'\n', b'\r', line.as_bytes()).is_some() {
        line.retain(|letter| !matches!(letter, '\n' | '\r'));
    }
}

/// Compression level, chosen by measurement (docs/performance.md): the fastest that compresses at least as well as
/// zlib's level 6.
fn object_level(shape: RecordShape) -> u32 {
    match shape {
        RecordShape::Analytics | RecordShape::Normalized => 5,
        // Message texts are less repetitive than the fields around them: level 6 is 0.2 % larger than zlib's.
        RecordShape::Gateway
        | RecordShape::EntityByInteraction
        | RecordShape::EntityById
        | RecordShape::Transcript => 7,
    }
}

/// Ids and digests do not repeat, so higher levels gain nothing.
const INDEX_LEVEL: u32 = 2;

#[cfg(test)]
mod tests {
    use crate::records::page::RawRecord;
    use genesys_simulator::{Settings, Truth};

    use super::super::{PageRules, Projection, encode};
    use super::*;

    /// Sizes produced by Python's `gzip.compress(lines, 6)`, which uses zlib, for the lines of these pages.
    const ZLIB_SIZES: [(RecordShape, usize); 2] = [
        (RecordShape::Analytics, 1_205_527),
        (RecordShape::Gateway, 867_985),
    ];

    fn object_size(shape: RecordShape) -> usize {
        let truth = Truth::of(&Settings {
            conversations: 1000,
            gateway_records: 1000,
            gateway_interactions: 21,
            ..Settings::default()
        });
        let records: Vec<String> = match shape {
            RecordShape::Analytics => truth.conversations.into_iter().map(|it| it.json).collect(),
            RecordShape::Gateway => truth.gateway.into_iter().map(|it| it.json).collect(),
            RecordShape::EntityByInteraction
            | RecordShape::EntityById
            | RecordShape::Normalized
            | RecordShape::Transcript => Vec::new(),
        };
        let records: Vec<_> = records
            .iter()
            .map(|record| RawRecord::Json(serde_json::from_str(record).unwrap()))
            .collect();
        let rules = PageRules {
            shape,
            projection: Projection::Full,
            membership: None,
            planned_at: jiff::Timestamp::UNIX_EPOCH,
            known: None,
            names: None,
            redactor: None,
        };
        encode(&records, &rules).object.unwrap().len()
    }

    #[test]
    fn a_page_object_is_no_larger_than_zlib_makes_it_at_level_6() {
        for (shape, zlib_size) in ZLIB_SIZES {
            let size = object_size(shape);

            assert!(size <= zlib_size, "{shape:?}: {size} bytes");
        }
    }
}
