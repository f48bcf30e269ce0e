//! Versions of conversations that are archived already, as the page indexes tell of them: ids and content hashes, both
//! shortened, since a mistake stores a record once more and nothing else is likely.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::codec::CodecError;
use super::index::read_index;
use crate::hash::Sha256;

/// By conversation, the content of its latest version: about 40 bytes each.
#[derive(Clone, Debug, Default)]
pub struct KnownVersions {
    contents: HashMap<u64, u64>,
}

impl KnownVersions {
    /// Takes the entries of a page index, each in place of an earlier version.
    pub fn add_index(&mut self, index_gz: &[u8]) -> Result<(), CodecError> {
        for entry in read_index(index_gz) {
            let entry = entry?;
            self.contents
                .insert(short_id(&entry.id), entry.sha256.head());
        }
        Ok(())
    }

    /// Whether the latest version has just this content.
    pub(super) fn holds(&self, id: &str, content: &Sha256) -> bool {
        self.contents.get(&short_id(id)) == Some(&content.head())
    }
}

fn short_id(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
