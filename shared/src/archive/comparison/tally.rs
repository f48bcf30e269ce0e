//! Counts over all lines, which are added in sorted order, range by range.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::lines::{IdDigest, Line};
use crate::export::outcome::MAX_NAMED_IDS;

/// Lines, ids and versions so far. Memory use does not grow with the number of repeated lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tally {
    pub(crate) lines: u64,
    pub(crate) distinct_lines: u64,
    pub(crate) distinct_ids: u64,
    pub(crate) ids_with_versions: u64,
    /// The ids with versions that have the lowest digests.
    pub(crate) named: Vec<IdWithVersions>,
    /// Requested ids that are not found yet.
    missing: BTreeSet<IdDigest>,
}

/// An id with more than one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdWithVersions {
    pub(crate) id: IdDigest,
    pub(crate) versions: u64,
    /// The page of one of its lines.
    pub(crate) page: u32,
}

impl Tally {
    /// An empty tally that checks whether these ids occur.
    pub(crate) fn for_ids(ids: &[String]) -> Self {
        Self {
            lines: 0,
            distinct_lines: 0,
            distinct_ids: 0,
            ids_with_versions: 0,
            named: Vec::new(),
            missing: ids.iter().map(|id| IdDigest::of(id)).collect(),
        }
    }

    /// Adds sorted lines. All their ids must come after those added before.
    pub(crate) fn add(&mut self, sorted: &[Line]) {
        self.lines += sorted.len() as u64;
        for lines in sorted.chunk_by(|one, other| one.id() == other.id()) {
            self.add_id(lines);
        }
    }

    fn add_id(&mut self, lines: &[Line]) {
        let (id, page) = (lines[0].id(), lines[0].page);
        let contents = lines.chunk_by(|one, other| one.content == other.content);
        let versions = contents.count() as u64;
        self.distinct_ids += 1;
        self.distinct_lines += versions;
        if versions > 1 {
            self.ids_with_versions += 1;
            if self.named.len() < MAX_NAMED_IDS {
                self.named.push(IdWithVersions { id, versions, page });
            }
        }
        if !self.missing.is_empty() {
            self.missing.remove(&id);
        }
    }

    /// The requested ids that are on no line, in the given order.
    pub(crate) fn missing(&self, requested_ids: &[String]) -> Vec<String> {
        let is_missing = |id: &&String| self.missing.contains(&IdDigest::of(id));
        requested_ids.iter().filter(is_missing).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Lines;
    use super::super::tests::index_of;
    use super::*;

    #[test]
    fn the_lowest_ids_are_named_and_all_are_counted() {
        let mut ids: Vec<String> = (0..2 * MAX_NAMED_IDS).map(|id| format!("c{id}")).collect();
        let entries = ids
            .iter()
            .flat_map(|id| [(id.as_str(), 0), (id.as_str(), 1)]);
        let (mut lines, mut tally) = (Lines::default(), Tally::for_ids(&[]));
        lines.add_index(0, &index_of(entries)).unwrap();

        tally.add(lines.sorted());

        ids.sort_by_key(|id| IdDigest::of(id));
        let lowest: Vec<_> = ids[..MAX_NAMED_IDS]
            .iter()
            .map(|id| IdDigest::of(id))
            .collect();
        let named: Vec<_> = tally.named.iter().map(|named| named.id).collect();
        assert_eq!(named, lowest);
        assert_eq!(tally.ids_with_versions, 2 * MAX_NAMED_IDS as u64);
        assert_eq!(tally.distinct_lines, tally.lines);
    }
}
