//! A page while it is being put together: lines, their index, and what was not archived.

use serde_json::value::RawValue;

use super::codec::{gzip, in_memory};
use super::identity::{Identity, RejectReason};
use super::index::IndexEntry;
use super::{Counts, PageBody, Reject};

#[derive(Default)]
pub(super) struct Draft {
    ndjson: Vec<u8>,
    index: Vec<u8>,
    rejects: Vec<Reject>,
    counts: Counts,
    /// Reused from line to line.
    line: String,
}

impl Draft {
    pub(super) fn reject(&mut self, record: &RawValue, reason: RejectReason) {
        let position = self.counts.received;
        self.counts.received += 1;
        self.counts.rejected += 1;
        self.rejects.push(Reject {
            position,
            reason,
            raw: record.to_owned(),
        });
    }

    pub(super) fn leave_out(&mut self) {
        self.counts.received += 1;
        self.counts.left_out += 1;
    }

    /// Adds the line that `project` writes.
    pub(super) fn archive(&mut self, identity: Identity, project: impl FnOnce(&mut String)) {
        self.counts.received += 1;
        self.counts.archived += 1;
        self.line.clear();
        project(&mut self.line);
        let start = self.ndjson.len();
        // JSON escapes line breaks in strings, so what is removed is whitespace between tokens.
        for piece in self.line.split(['\n', '\r']) {
            self.ndjson.extend_from_slice(piece.as_bytes());
        }
        self.ndjson.push(b'\n');
        self.add_to_index(identity, start);
    }

    fn add_to_index(&mut self, identity: Identity, start: usize) {
        let line = &self.ndjson[start..self.ndjson.len() - 1];
        let entry = IndexEntry::of(identity, start as u64, line);
        in_memory(serde_json::to_writer(&mut self.index, &entry));
        self.index.push(b'\n');
    }

    pub(super) fn finish(self) -> PageBody {
        let has_lines = self.counts.archived > 0;
        PageBody {
            object: has_lines.then(|| gzip(&self.ndjson)),
            index: has_lines.then(|| gzip(&self.index)),
            rejects: self.rejects,
            counts: self.counts,
            ndjson_bytes: self.ndjson.len() as u64,
        }
    }
}
