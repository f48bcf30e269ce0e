//! Versions of conversations that are already archived, read from the page indexes: ids and content hashes. Both are
//! shortened, since a changed record is unlikely to collide and a false difference only stores a record again.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::codec::CodecError;
use super::index::read_index;
use crate::base::hash::Sha256;

/// Limit on the versions of one conversation in an export. Beyond it, only the last ones are kept.
const MAX_VERSIONS: usize = 16;

/// The content of each conversation's latest version, about 40 bytes per conversation. An export may hold several
/// versions of a conversation (`repeated` in its manifest); all of them count as the latest.
#[derive(Clone, Debug, Default)]
pub struct KnownVersions {
    contents: HashMap<u64, u64>,
    /// Further versions of the conversations in `contents`.
    others: HashMap<u64, VecDeque<u64>>,
}

impl KnownVersions {
    /// Adds the entries of one of an export's page indexes.
    pub(crate) fn add_index(&mut self, index_gz: &[u8]) -> Result<(), CodecError> {
        for entry in read_index(index_gz) {
            let entry = entry?;
            self.add(hash_id(&entry.id), entry.sha256.first_64_bits());
        }
        Ok(())
    }

    fn add(&mut self, id: u64, content: u64) {
        let first = *self.contents.entry(id).or_insert(content);
        if first == content {
            return;
        }
        let others = self.others.entry(id).or_default();
        if !others.contains(&content) {
            others.push_back(content);
        }
        if others.len() >= MAX_VERSIONS {
            others.pop_front();
        }
    }

    /// Replaces the versions of all conversations that a later export contains.
    pub(crate) fn replace_with_later(&mut self, later: Self) {
        if self.contents.is_empty() {
            *self = later;
            return;
        }
        for id in later.contents.keys() {
            self.others.remove(id);
        }
        self.contents.extend(later.contents);
        self.others.extend(later.others);
    }

    /// Whether this content is one of the conversation's latest versions.
    pub(super) fn contains_version(&self, id: &str, content: &Sha256) -> bool {
        let (id, content) = (hash_id(id), content.first_64_bits());
        let others = || self.others.get(&id);
        self.contents.get(&id) == Some(&content)
            || others().is_some_and(|others| others.contains(&content))
    }
}

fn hash_id(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(versions: &[(u64, u64)]) -> KnownVersions {
        let mut known = KnownVersions::default();
        for (id, content) in versions {
            known.add(*id, *content);
        }
        known
    }

    fn contents(known: &KnownVersions, id: u64) -> Vec<u64> {
        let others = known.others.get(&id).into_iter().flatten();
        known
            .contents
            .get(&id)
            .into_iter()
            .chain(others)
            .copied()
            .collect()
    }

    #[test]
    fn the_versions_of_one_export_are_kept_without_duplicates() {
        let known = known(&[(1, 10), (2, 20), (1, 11), (1, 10), (1, 12), (1, 11)]);

        assert_eq!(contents(&known, 1), [10, 11, 12]);
        assert_eq!(contents(&known, 2), [20]);
    }

    #[test]
    fn the_versions_of_a_later_export_replace_those_of_earlier_ones() {
        let mut all = KnownVersions::default();

        all.replace_with_later(known(&[(1, 10), (1, 11), (2, 20), (2, 21), (3, 30)]));
        all.replace_with_later(known(&[(1, 12), (3, 31), (3, 32)]));

        let of = |id| contents(&all, id);
        assert_eq!(
            [of(1), of(2), of(3)],
            [vec![12], vec![20, 21], vec![31, 32]]
        );
    }

    #[test]
    fn the_number_of_versions_kept_per_conversation_is_limited() {
        let versions: Vec<_> = (0..1_000).map(|content| (1, content)).collect();

        let known = known(&versions);

        assert_eq!(contents(&known, 1).len(), MAX_VERSIONS);
        assert!(contents(&known, 1).contains(&999));
    }
}
