//! Repeated records: ids that stand on more than one line of an export, counted over all its page indexes.
//!
//! Memory does not grow with the export, nor with the number of repeated lines. The indexes are read in passes, each over
//! its share of the ids: n million lines, n passes. A pass that meets an id again reads the indexes once more, and compares
//! the lines of such ids. Digests stand for ids and contents; 128 bits of SHA-256 where lines are counted as repeated.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use futures::TryStreamExt as _;

use crate::archive::Archive;
use crate::dispatch::DispatchError;
use crate::hash::Sha256;
use crate::outcome::{Content, IdVersions, RepeatedRecords};
use crate::page::{each_indexed_id, each_indexed_version};
use crate::plan::GatewayQuery;
use distinct::{DistinctIds, DistinctVersions, Version};
use tally::Tally;

mod distinct;
mod tally;

#[cfg(test)]
mod tests;

/// Ids whose digests are in memory at a time, 8 bytes each, or lines of repeated ids, 32 bytes each.
const PER_PASS: u64 = 1_000_000;

/// The repeated records of an export; `None` if each id stands on one line.
pub async fn find_repeated(
    archive: &Archive,
    content: &Content,
) -> Result<Option<RepeatedRecords>, DispatchError> {
    count(archive, content, PER_PASS).await
}

/// A warning if a gateway gave fewer different ids than it announced records: rows may repeat because the result changed
/// while it was read, and then others are missing.
pub fn repeated_warning(query: Option<&GatewayQuery>, content: &Content) -> Option<String> {
    content.repeated.as_ref()?;
    let announced = query?.total_records;
    let distinct = content.distinct_received();
    (distinct < announced).then(|| {
        format!("the source announced {announced} records and gave {distinct} different ones; the others repeat an id")
    })
}

async fn count(
    archive: &Archive,
    content: &Content,
    per_pass: u64,
) -> Result<Option<RepeatedRecords>, DispatchError> {
    let shares = content.counts.archived.div_ceil(per_pass).max(1);
    // Shares differ by chance; the set grows if one does not fit.
    let expected = content.counts.archived / shares * 33 / 32;
    let mut ids = DistinctIds::with_capacity(expected);
    let mut tally = Tally::default();
    for share in 0..shares {
        ids.clear();
        each_id(archive, content, |id| {
            let digest = digest(id);
            if digest % shares == share {
                ids.add(digest);
            }
        })
        .await?;
        ids.settle();
        tally.add_single(ids.single());
        // Nothing is read where no id comes again.
        let parts = ids.repeated_lines().div_ceil(per_pass);
        let versions = count_versions(archive, content, ids.repeated(), parts).await?;
        tally.add_repeated(&versions);
    }
    let versions = name(archive, content, tally.named()).await?;
    Ok(tally.finish(versions))
}

/// Counts the versions of the ids with these digests. Lines are compared in so many parts, each a share of the contents.
async fn count_versions(
    archive: &Archive,
    content: &Content,
    digests: &[u64],
    parts: u64,
) -> Result<DistinctVersions, DispatchError> {
    let mut versions = DistinctVersions::default();
    for part in 0..parts {
        each_version(archive, content, |id, sha256| {
            if sha256.head() % parts == part && digests.binary_search(&digest(id)).is_ok() {
                versions.add(Version {
                    id: Sha256::of(id).half(),
                    line: sha256.half(),
                });
            }
        })
        .await?;
        versions.count();
    }
    Ok(versions)
}

/// The ids with these digests, in ascending order.
async fn name(
    archive: &Archive,
    content: &Content,
    digests: &BTreeMap<u128, u64>,
) -> Result<Vec<IdVersions>, DispatchError> {
    let mut by_id = BTreeMap::<String, u64>::new();
    if !digests.is_empty() {
        each_id(archive, content, |id| {
            if let Some(versions) = digests.get(&Sha256::of(id).half()) {
                by_id.insert(id.to_owned(), *versions);
            }
        })
        .await?;
    }
    let by_id = by_id.into_iter();
    Ok(by_id
        .map(|(id, versions)| IdVersions { id, versions })
        .collect())
}

/// Tells nearly all ids apart. It selects the lines that are compared.
fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

pub(super) async fn each_id(
    archive: &Archive,
    content: &Content,
    mut visit: impl FnMut(&str),
) -> Result<(), DispatchError> {
    let mut indexes = archive.indexes(content);
    while let Some((key, bytes)) = indexes.try_next().await? {
        each_indexed_id(&bytes, &mut visit)
            .map_err(|source| DispatchError::Index { key, source })?;
    }
    Ok(())
}

async fn each_version(
    archive: &Archive,
    content: &Content,
    mut visit: impl FnMut(&str, Sha256),
) -> Result<(), DispatchError> {
    let mut indexes = archive.indexes(content);
    while let Some((key, bytes)) = indexes.try_next().await? {
        each_indexed_version(&bytes, &mut visit)
            .map_err(|source| DispatchError::Index { key, source })?;
    }
    Ok(())
}
