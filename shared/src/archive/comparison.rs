//! Compares all lines of an export: finds ids on more than one line, and requested ids on none.
//!
//! Each page index is read once and each of its lines becomes 24 bytes ([`lines`]). They are sorted, range by range, so
//! that lines with the same id are adjacent: time is linear in the number of lines. Up to [`PortionLimits::lines`]
//! lines are in memory at a time; the others are in objects of the archive (`pipeline::conclusion::portions`) or in a
//! temporary folder ([`scratch`]).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::archive::{Archive, ArchiveError, page_objects};
use crate::export::outcome::{Content, IdVersions, RepeatedRecords};
use crate::export::page_record::StoredObject;
use crate::export::plan::{ExportPlan, GatewayQuery};
use crate::records::page::for_each_indexed_id;

mod lines;
mod scratch;
mod tally;

#[cfg(test)]
mod tests;

pub(crate) use lines::{IdDigest, LINE_BYTES, Lines};
pub use scratch::ScratchError;
pub(crate) use scratch::compare_in_scratch;
pub(crate) use tally::Tally;

const READS_AT_ONCE: usize = 8;

/// Limits on one step of the comparison. An export within both limits needs no intermediate objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortionLimits {
    /// Lines in memory, 24 bytes each.
    pub lines: u64,
    /// Pages, so that a portion of small pages does not take longer than an invocation.
    pub pages: u64,
}

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// `None` if each id is on one line.
    pub repeated: Option<RepeatedRecords>,
    /// Conversations that were requested by id and not found, in the order of the request: unknown to the API, older
    /// than its retention, outside the interval, or in a division that the client's role lacks. The API does not report
    /// which.
    pub missing: Vec<String>,
}

impl Default for PortionLimits {
    /// 96 MB of lines, and as much again while they are written or read. complete-export has 512 MB, and the manifest
    /// of an export of 100,000 pages takes half of it. 10,000 pages are read in less than two minutes.
    fn default() -> Self {
        Self {
            lines: 4_000_000,
            pages: 10_000,
        }
    }
}

impl PortionLimits {
    /// The number of digest ranges for an export with this many lines, such that the lines of one range fit into
    /// memory. The ranges are numbered with 32 bits, which suffice for 10^16 lines by default.
    pub(crate) fn buckets(self, lines: u64) -> u32 {
        let buckets = lines.div_ceil(self.lines.max(1)).max(1);
        u32::try_from(buckets).unwrap_or(u32::MAX)
    }
}

/// The requested ids to look for. Empty for gateways: the ids in their requests are not record ids.
pub(crate) fn requested_ids(plan: &ExportPlan) -> Cow<'_, [String]> {
    if plan.source.is_analytics() {
        plan.expected_ids()
    } else {
        Cow::default()
    }
}

/// The result of a tally. Reads the page indexes that contain the first 1,000 ids with versions.
pub(crate) async fn finish(
    archive: &Archive,
    content: &Content,
    tally: &Tally,
    requested_ids: &[String],
) -> Result<Comparison, ArchiveError> {
    let missing = tally.missing(requested_ids);
    let repeated = (tally.distinct_ids < tally.lines).then(|| RepeatedRecords {
        identical_lines: tally.lines - tally.distinct_lines,
        distinct_ids: tally.distinct_ids,
        ids_with_versions: tally.ids_with_versions,
        versions: Vec::new(),
    });
    let repeated = match repeated {
        Some(repeated) => Some(RepeatedRecords {
            versions: read_ids_with_versions(archive, content, tally).await?,
            ..repeated
        }),
        None => None,
    };
    Ok(Comparison { repeated, missing })
}

/// The ids with versions that the manifest names, in ascending order.
async fn read_ids_with_versions(
    archive: &Archive,
    content: &Content,
    tally: &Tally,
) -> Result<Vec<IdVersions>, ArchiveError> {
    let versions: BTreeMap<_, _> = tally.named.iter().map(|it| (it.id, it.versions)).collect();
    let mut by_id = BTreeMap::new();
    let indexes = indexes_at(content, &tally.named.iter().map(|it| it.page).collect());
    let read = async |index: StoredObject| {
        Ok::<_, ArchiveError>((page_objects::read(archive, &index).await?, index.key))
    };
    let mut indexes = Box::pin(stream::iter(indexes).map(read).buffered(READS_AT_ONCE));
    while let Some((index, key)) = indexes.try_next().await? {
        let visit = |id: &str| {
            if let Some(versions) = versions.get(&IdDigest::of(id)) {
                by_id.insert(id.to_owned(), *versions);
            }
        };
        for_each_indexed_id(&index, visit).map_err(|error| ArchiveError::page(key, error))?;
    }
    let by_id = by_id.into_iter();
    Ok(by_id
        .map(|(id, versions)| IdVersions { id, versions })
        .collect())
}

/// The page indexes at these positions among all.
fn indexes_at(content: &Content, positions: &BTreeSet<u32>) -> Vec<StoredObject> {
    if positions.is_empty() {
        return Vec::new();
    }
    let pages = content.slices.iter().flat_map(|slice| &slice.pages);
    let indexes = pages.filter_map(|page| Some(&page.objects.as_ref()?.index));
    let named = (0..).zip(indexes).filter(|(at, _)| positions.contains(at));
    named.map(|(_, index)| index.clone()).collect()
}

/// A warning if a gateway returned fewer distinct ids than it announced records: if the result changed while it was
/// read, rows may be repeated and others missing.
pub(crate) fn repeated_warning(query: Option<&GatewayQuery>, content: &Content) -> Option<String> {
    content.repeated.as_ref()?;
    let announced = query?.total_records;
    let distinct = content.distinct_received();
    (distinct < announced).then(|| {
        format!("the source announced {announced} records and gave {distinct} different ones; the others repeat an id")
    })
}
