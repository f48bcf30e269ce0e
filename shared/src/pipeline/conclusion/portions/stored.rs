//! The stored objects of portions: their records, the objects with their lines, and the counts of an interrupted merge.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::Reader;
use crate::archive::ArchiveError;
use crate::archive::comparison::{Lines, Tally};
use crate::archive::content::Pages;
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::ExportId;
use crate::export::audit::Audited;
use crate::export::objects::{ComparisonPart, ObjectKey, portion_prefix, tally_prefix};
use crate::export::page_record::StoredObject;
use crate::pipeline::PipelineError;

/// Line objects written or read at a time; together up to 96 MB.
pub(super) const LINES_AT_ONCE: usize = 4;

/// `portion-{n}.json`: pages of an export that were read for its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortionRecord {
    format_version: FormatVersion,
    export_id: ExportId,
    attempt: u32,
    portion: u32,
    /// The number of digest ranges into which the lines are divided; the same for all portions of the attempt.
    pub(super) buckets: u32,
    /// The objects with the lines of the pages; none for a bucket without lines.
    pub(super) lines: Vec<BucketLines>,
    pub(super) pages: Pages,
}

impl Audited for PortionRecord {}

/// `tally-{n}.json`: the counts over the lines of the first `buckets` buckets. Written when an invocation runs out of
/// time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TallyRecord {
    format_version: FormatVersion,
    export_id: ExportId,
    attempt: u32,
    buckets: u32,
    tally: Tally,
}

impl Audited for TallyRecord {}

/// The lines of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BucketLines {
    /// Counted from 0.
    pub(super) bucket: u32,
    #[serde(flatten)]
    pub(super) object: StoredObject,
}

impl Reader<'_> {
    /// Stores the next portion, or returns the one that another handler stored.
    pub(super) async fn store(
        &self,
        portions: &[PortionRecord],
        pages: Pages,
        lines: &mut Lines,
        buckets: u32,
    ) -> Result<PortionRecord, PipelineError> {
        let (id, attempt) = (self.id(), self.input.attempt.attempt);
        let portion = portions.last().map_or(0, |newest| newest.portion) + 1;
        let put = async |(bucket, bytes): (u32, Bytes)| {
            let (size_bytes, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
            let name = ObjectKey::Comparison(
                id,
                attempt,
                ComparisonPart::Lines {
                    portion,
                    bucket,
                    sha256,
                },
            );
            self.archive.put(name, bytes).await?;
            let object = StoredObject {
                key: name.key(),
                size_bytes,
                sha256,
            };
            Ok::<_, ArchiveError>(BucketLines { bucket, object })
        };
        let puts = stream::iter(lines.by_bucket(buckets)).map(put);
        let stored = Box::pin(puts.buffered(LINES_AT_ONCE)).try_collect().await?;
        lines.clear();
        let record = PortionRecord {
            format_version: FormatVersion,
            export_id: id.clone(),
            attempt,
            portion,
            buckets,
            lines: stored,
            pages,
        };
        let name = ObjectKey::Comparison(id, attempt, ComparisonPart::Portion(portion));
        tracing::info!(
            attempt,
            portion,
            pages = record.pages.len(),
            "portion stored"
        );
        Ok(self.archive.create_or_read(name, record).await?.0)
    }

    /// The stored portions of the attempt, from the first one up to the first gap.
    pub(super) async fn stored_portions(&self) -> Result<Vec<PortionRecord>, ArchiveError> {
        let (id, attempt) = (self.id(), self.input.attempt.attempt);
        let listed = self.archive.list_all(&portion_prefix(id, attempt)).await?;
        let mut portions = Vec::new();
        for (portion, _) in (1_u32..).zip(&listed) {
            let name = ObjectKey::Comparison(id, attempt, ComparisonPart::Portion(portion));
            match self.archive.read(name).await? {
                Some(record) => portions.push(record),
                None => break,
            }
        }
        Ok(portions)
    }

    /// The newest stored counts, and the number of buckets that they cover.
    pub(super) async fn newest_tally(&self) -> Result<(u32, Tally), ArchiveError> {
        let prefix = tally_prefix(self.id(), self.input.attempt.attempt);
        let listed = self.archive.list_all(&prefix).await?;
        let newest = match listed.last() {
            Some(object) => self.archive.read_key::<TallyRecord>(&object.key).await?,
            None => None,
        };
        let empty_tally = || (0, Tally::for_ids(&self.input.plan.requested_ids()));
        Ok(newest.map_or_else(empty_tally, |record| (record.buckets, record.tally)))
    }

    pub(super) async fn store_tally(&self, buckets: u32, tally: Tally) -> Result<(), ArchiveError> {
        let (export_id, attempt) = (self.id(), self.input.attempt.attempt);
        let name = ObjectKey::Comparison(export_id, attempt, ComparisonPart::Tally { buckets });
        let record = TallyRecord {
            format_version: FormatVersion,
            export_id: export_id.clone(),
            attempt,
            buckets,
            tally,
        };
        self.archive.create_or_read(name, record).await.map(drop)
    }
}
