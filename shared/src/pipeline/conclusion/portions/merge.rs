//! Compares the lines of all portions, bucket by bucket.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::Reader;
use super::stored::{LINES_AT_ONCE, PortionRecord};
use crate::archive::comparison::{LINE_BYTES, Lines, Tally};
use crate::archive::{ArchiveError, page_objects};
use crate::export::page_record::StoredObject;
use crate::pipeline::PipelineError;

impl Reader<'_> {
    /// Compares the lines of all portions, one bucket at a time. `None` if the deadline is reached; the counts so far
    /// are then stored.
    pub(super) async fn merge(
        &self,
        portions: &[PortionRecord],
    ) -> Result<Option<Tally>, PipelineError> {
        let (merged, mut tally) = self.newest_tally().await?;
        let buckets = portions.first().map_or(0, |first| first.buckets);
        let mut lines = Lines::default();
        for bucket in merged..buckets {
            if self.check_deadline().is_err() && bucket > merged {
                self.store_tally(bucket, tally).await?;
                return Ok(None);
            }
            lines.clear();
            let parts = portions.iter().flat_map(|portion| &portion.lines);
            let parts = parts.filter(|part| part.bucket == bucket);
            self.read_lines(&mut lines, parts.map(|part| part.object.clone()).collect())
                .await?;
            tally.add(lines.sorted());
        }
        Ok(Some(tally))
    }

    async fn read_lines(
        &self,
        lines: &mut Lines,
        parts: Vec<StoredObject>,
    ) -> Result<(), ArchiveError> {
        let sizes = parts.iter().map(|part| part.size_bytes).sum::<u64>();
        // The sizes in a record may be wrong, so the limit also bounds the reserved memory.
        let max_lines = self.limits.lines.saturating_mul(2);
        lines.reserve((sizes / LINE_BYTES as u64).min(max_lines));
        let reads = stream::iter(parts).map(|part| self.lines(part));
        let mut reads = Box::pin(reads.buffered(LINES_AT_ONCE));
        while let Some((key, bytes)) = reads.try_next().await? {
            if !lines.add_bytes(&bytes) {
                return Err(ArchiveError::page(key, "it ends in the middle of a line"));
            }
        }
        Ok(())
    }

    async fn lines(&self, stored: StoredObject) -> Result<(String, Bytes), ArchiveError> {
        let bytes = page_objects::read(self.archive, &stored).await?;
        Ok((stored.key, bytes))
    }
}
