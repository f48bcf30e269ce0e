//! No conversation twice: the ids of all page indexes are compared, in memory that does not grow with the export.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use futures::TryStreamExt as _;

use crate::archive::Archive;
use crate::dispatch::DispatchError;
use crate::failure::{Failure, FailureKind};
use crate::outcome::Content;
use crate::page::each_indexed_id;

/// Ids compared at a time: 8 bytes each. Larger exports are read in several passes, each over its share of the ids:
/// n million records, n readings of the page indexes.
const IDS_PER_PASS: u64 = 1_000_000;

/// An id that stands in two places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    pub id: String,
    /// The keys of the page indexes that name it.
    pub index_keys: Vec<String>,
}

impl Repeated {
    pub fn failure(&self) -> Failure {
        let message = format!(
            "conversation {} is archived more than once: {}",
            self.id,
            self.index_keys.join(", ")
        );
        Failure::new(FailureKind::RepeatedRecord, message)
    }
}

/// An id that repeats, if any does.
pub async fn find_repeated(
    archive: &Archive,
    content: &Content,
) -> Result<Option<Repeated>, DispatchError> {
    let passes = content.counts.archived.div_ceil(IDS_PER_PASS).max(1);
    // Shares differ by chance; what does not fit makes the vector grow.
    let expected = content.counts.archived / passes * 33 / 32;
    let mut seen = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    for pass in 0..passes {
        seen.clear();
        each_id(archive, content, |_, id| {
            let digest = digest(id);
            if digest % passes == pass {
                seen.push(digest);
            }
        })
        .await?;
        seen.sort_unstable();
        for pair in seen.windows(2).filter(|pair| pair[0] == pair[1]) {
            if let Some(repeated) = name(archive, content, pair[0]).await? {
                return Ok(Some(repeated));
            }
        }
    }
    Ok(None)
}

/// Tells nearly all ids apart; those that it does not are compared as they are.
fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// The id with this digest that stands in two places, unless these are two ids.
async fn name(
    archive: &Archive,
    content: &Content,
    of_both: u64,
) -> Result<Option<Repeated>, DispatchError> {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    each_id(archive, content, |key, id| {
        if digest(id) == of_both {
            places
                .entry(id.to_owned())
                .or_default()
                .push(key.to_owned());
        }
    })
    .await?;
    let mut places = places.into_iter();
    Ok(places
        .find(|(_, index_keys)| index_keys.len() > 1)
        .map(|(id, index_keys)| Repeated { id, index_keys }))
}

pub(super) async fn each_id(
    archive: &Archive,
    content: &Content,
    mut visit: impl FnMut(&str, &str),
) -> Result<(), DispatchError> {
    let mut indexes = archive.indexes(content);
    while let Some((key, bytes)) = indexes.try_next().await? {
        each_indexed_id(&bytes, |id| visit(&key, id))
            .map_err(|source| DispatchError::Index { key, source })?;
    }
    Ok(())
}
