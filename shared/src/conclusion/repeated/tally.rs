//! The sums over all passes.

use std::collections::BTreeMap;

use super::distinct::DistinctVersions;
use crate::outcome::{IdVersions, MAX_NAMED_IDS, RepeatedRecords};

/// Lines, ids and versions so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    lines: u64,
    distinct_lines: u64,
    distinct_ids: u64,
    ids_with_versions: u64,
    /// The lowest of them, with the number of their versions.
    named: BTreeMap<u128, u64>,
}

impl Tally {
    /// Adds lines whose ids stand on no other.
    pub(super) fn add_single(&mut self, lines: u64) {
        self.lines += lines;
        self.distinct_lines += lines;
        self.distinct_ids += lines;
    }

    /// Adds ids that stand on several lines.
    pub(super) fn add_repeated(&mut self, versions: &DistinctVersions) {
        self.lines += versions.lines();
        for (id, versions) in versions.by_id() {
            self.distinct_lines += versions;
            self.distinct_ids += 1;
            if *versions > 1 {
                self.ids_with_versions += 1;
                self.name(*id, *versions);
            }
        }
    }

    fn name(&mut self, id: u128, versions: u64) {
        self.named.insert(id, versions);
        if self.named.len() > MAX_NAMED_IDS {
            self.named.pop_last();
        }
    }

    /// The ids that are named, by their digests, each with the number of its versions.
    pub(super) fn named(&self) -> &BTreeMap<u128, u64> {
        &self.named
    }

    /// `None` if each id stands on one line. `versions` are the ids that are named.
    pub(super) fn finish(self, versions: Vec<IdVersions>) -> Option<RepeatedRecords> {
        (self.distinct_ids < self.lines).then(|| RepeatedRecords {
            identical_lines: self.lines - self.distinct_lines,
            distinct_ids: self.distinct_ids,
            ids_with_versions: self.ids_with_versions,
            versions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::distinct::Version;
    use super::*;

    #[test]
    fn the_lowest_ids_are_named_and_all_are_counted() {
        let (mut versions, mut tally) = (DistinctVersions::default(), Tally::default());
        let ids = 2 * MAX_NAMED_IDS as u128;
        for (id, line) in (0..ids).rev().flat_map(|id| [(id, 0), (id, 1)]) {
            versions.add(Version { id, line });
        }
        versions.count();

        tally.add_repeated(&versions);

        let named: Vec<u128> = tally.named().keys().copied().collect();
        assert_eq!(named, (0..ids / 2).collect::<Vec<_>>());
        let repeated = tally.finish(Vec::new()).unwrap();
        assert_eq!(repeated.ids_with_versions, 2 * MAX_NAMED_IDS as u64);
        assert_eq!(repeated.identical_lines, 0);
    }
}
