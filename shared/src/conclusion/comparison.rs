//! Comparison of all lines of an export: ids that stand on more than one line, and ids that stand on none.
//!
//! Each page index is read once and each of its lines becomes 24 bytes ([`lines`]). They are sorted, range by range, so that
//! lines of the same id lie side by side: time is linear in the number of lines. Of the lines of an export up to
//! [`PortionLimits::lines`] are in memory at a time; the others lie in objects of the archive
//! ([`portions`](super::portions)) or in a temporary folder ([`scratch`]).

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::archive::{Archive, ArchiveError};
use crate::outcome::{Content, IdVersions, RepeatedRecords};
use crate::page::each_indexed_id;
use crate::plan::{ExportPlan, GatewayQuery};

mod lines;
mod scratch;
mod tally;

#[cfg(test)]
mod tests;

pub(super) use lines::{IdDigest, LINE_BYTES, Lines};
pub use scratch::{ScratchError, compare_in_scratch};
pub(super) use tally::Tally;

const READS_AT_ONCE: usize = 8;

/// Limits on what is compared in one go. An export within both needs no further object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortionLimits {
    /// Lines in memory, 24 bytes each.
    pub lines: u64,
    /// Pages, so that a portion of small pages does not outlast an invocation.
    pub pages: u64,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// `None` if each id stands on one line.
    pub repeated: Option<RepeatedRecords>,
    /// Conversations that were asked for by their ids and did not come, in the order in which they were asked for: unknown
    /// to the API, older than it keeps, outside the interval, or in a division that the client's role lacks. The API does
    /// not say which.
    pub missing: Vec<String>,
}

impl Default for PortionLimits {
    /// 96 MB of lines, and as much again while they are written or read: complete-export has 512 MB, of which the
    /// manifest of an export of 100,000 pages takes a half. 10,000 pages are read in less than two minutes.
    fn default() -> Self {
        Self {
            lines: 4_000_000,
            pages: 10_000,
        }
    }
}

impl PortionLimits {
    /// The number of digest ranges of an export with that many lines, so that the lines of one range fit into memory.
    pub(super) fn buckets(self, lines: u64) -> u32 {
        let buckets = lines.div_ceil(self.lines.max(1)).max(1);
        u32::try_from(buckets).unwrap_or(u32::MAX)
    }
}

/// The ids to look for. A gateway's ids are of another kind than those of its records.
pub(super) fn sought(plan: &ExportPlan) -> &[String] {
    if plan.source.is_analytics() {
        &plan.filters.conversation_ids
    } else {
        &[]
    }
}

/// The result of a tally. Reads the page indexes of up to 1,000 ids with versions.
pub(super) async fn finish(
    archive: &Archive,
    content: &Content,
    tally: &Tally,
    sought: &[String],
) -> Result<Compared, ArchiveError> {
    let missing = tally.missing(sought);
    let repeated = (tally.distinct_ids < tally.lines).then(|| RepeatedRecords {
        identical_lines: tally.lines - tally.distinct_lines,
        distinct_ids: tally.distinct_ids,
        ids_with_versions: tally.ids_with_versions,
        versions: Vec::new(),
    });
    let repeated = match repeated {
        Some(repeated) => Some(RepeatedRecords {
            versions: name(archive, content, tally).await?,
            ..repeated
        }),
        None => None,
    };
    Ok(Compared { repeated, missing })
}

/// The ids with versions that are named, in ascending order.
async fn name(
    archive: &Archive,
    content: &Content,
    tally: &Tally,
) -> Result<Vec<IdVersions>, ArchiveError> {
    let versions: BTreeMap<_, _> = tally.named.iter().map(|it| (it.id, it.versions)).collect();
    let mut by_id = BTreeMap::new();
    let keys = index_keys(content, &tally.named.iter().map(|it| it.page).collect());
    let read = async |key: String| Ok::<_, ArchiveError>((archive.object(&key).await?, key));
    let mut indexes = Box::pin(stream::iter(keys).map(read).buffered(READS_AT_ONCE));
    while let Some((index, key)) = indexes.try_next().await? {
        let visit = |id: &str| {
            if let Some(versions) = versions.get(&IdDigest::of(id)) {
                by_id.insert(id.to_owned(), *versions);
            }
        };
        each_indexed_id(&index, visit).map_err(|error| ArchiveError::page(key, error))?;
    }
    let by_id = by_id.into_iter();
    Ok(by_id
        .map(|(id, versions)| IdVersions { id, versions })
        .collect())
}

/// The keys of these page indexes, by their positions among all.
fn index_keys(content: &Content, positions: &BTreeSet<u32>) -> Vec<String> {
    if positions.is_empty() {
        return Vec::new();
    }
    let pages = content.slices.iter().flat_map(|slice| &slice.pages);
    let indexes = pages.filter_map(|page| Some(&page.objects.as_ref()?.index));
    let named = (0..).zip(indexes).filter(|(at, _)| positions.contains(at));
    named.map(|(_, index)| index.key.clone()).collect()
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
