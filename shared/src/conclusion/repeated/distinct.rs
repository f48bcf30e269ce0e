//! Sets of digests as sorted vectors. Their memory is proportional to the number of different values, however often each
//! of them comes.

use std::collections::HashMap;

/// The ids of a share, and those of them that came more than once.
#[derive(Debug)]
pub(super) struct DistinctIds {
    digests: Vec<u64>,
    repeated: Vec<u64>,
    lines: u64,
}

/// The versions of ids that stand on more than one line.
#[derive(Debug, Default)]
pub(super) struct DistinctVersions {
    /// Of the lines that were added since the last count.
    versions: Vec<Version>,
    lines: u64,
    by_id: HashMap<u128, u64>,
}

/// A line, by digests of its id and of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) id: u128,
    pub(super) line: u128,
}

impl DistinctIds {
    pub(super) fn with_capacity(expected: u64) -> Self {
        Self {
            digests: Vec::with_capacity(usize::try_from(expected).unwrap_or_default()),
            repeated: Vec::new(),
            lines: 0,
        }
    }

    /// Empties the set and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.digests.clear();
        self.repeated.clear();
        self.lines = 0;
    }

    pub(super) fn add(&mut self, digest: u64) {
        if self.digests.len() == self.digests.capacity() {
            self.settle();
            make_room(&mut self.digests);
        }
        self.digests.push(digest);
        self.lines += 1;
    }

    /// Keeps each digest once, and notes those that came again. Due after the last one was added.
    pub(super) fn settle(&mut self) {
        self.digests.sort_unstable();
        let groups = self.digests.chunk_by(|one, other| one == other);
        let again = groups.filter(|group| group.len() > 1);
        self.repeated.extend(again.map(|group| group[0]));
        self.repeated.sort_unstable();
        self.repeated.dedup();
        self.digests.dedup();
    }

    /// The digests that came more than once, in ascending order.
    pub(super) fn repeated(&self) -> &[u64] {
        &self.repeated
    }

    /// Number of digests that came once.
    pub(super) fn single(&self) -> u64 {
        (self.digests.len() - self.repeated.len()) as u64
    }

    /// Number of lines whose digest came more than once.
    pub(super) fn repeated_lines(&self) -> u64 {
        self.lines - self.single()
    }
}

impl DistinctVersions {
    pub(super) fn add(&mut self, version: Version) {
        if self.versions.len() == self.versions.capacity() {
            self.settle();
            make_room(&mut self.versions);
        }
        self.versions.push(version);
        self.lines += 1;
    }

    /// Counts the versions that were added, none of which is added again after that.
    pub(super) fn count(&mut self) {
        self.settle();
        for versions in self.versions.chunk_by(|one, other| one.id == other.id) {
            *self.by_id.entry(versions[0].id).or_default() += versions.len() as u64;
        }
        self.versions.clear();
    }

    /// Number of lines that were added.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The number of versions by id.
    pub(super) fn by_id(&self) -> &HashMap<u128, u64> {
        &self.by_id
    }

    fn settle(&mut self) {
        self.versions.sort_unstable();
        self.versions.dedup();
    }
}

/// Grows a vector unless half of it is free, so that it is sorted again only after as many additions as it has values.
fn make_room<T>(values: &mut Vec<T>) {
    if values.len() > values.capacity() / 2 {
        values.reserve(values.capacity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_that_come_again_take_no_memory() {
        let mut ids = DistinctIds::with_capacity(100);

        for digest in (0..50).cycle().take(100_000) {
            ids.add(digest);
        }
        ids.settle();

        assert_eq!(ids.digests.capacity(), 100);
        assert_eq!(ids.repeated(), (0..50).collect::<Vec<_>>());
        assert_eq!((ids.single(), ids.repeated_lines()), (0, 100_000));
    }

    #[test]
    fn identical_lines_take_no_memory_and_versions_are_counted() {
        let mut versions = DistinctVersions::default();

        for number in (0..3).cycle().take(100_000) {
            versions.add(Version {
                id: number / 2,
                line: number,
            });
        }
        versions.count();

        assert!(versions.versions.capacity() < 10);
        assert_eq!(versions.lines(), 100_000);
        assert_eq!(*versions.by_id(), HashMap::from([(0, 2), (1, 1)]));
    }
}
