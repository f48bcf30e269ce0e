//! Reading all pages of an export in portions, so that an invocation can go on where another one stopped.
//!
//! A portion is a number of pages that follow one another. Its record holds what these pages add to the manifest and is
//! created after the objects with its lines, one for each bucket. Pages are cut into portions as they come, so every handler
//! writes the same bytes; the first one's record counts. Once all portions are stored, the lines are compared bucket by
//! bucket. An export within [`PortionLimits`] is one portion, which is compared in memory and not stored.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::Concluding;
use super::comparison::{Compared, LINE_BYTES, Lines, PortionLimits, Tally, finish, sought};
use super::content::{Pages, Stretch, pages_of, slice_stretches};
use crate::archive::{Archive, ArchiveError, SliceView};
use crate::clock::Clock;
use crate::dispatch::DispatchError;
use crate::format::FormatVersion;
use crate::hash::Sha256;
use crate::ids::{ExportId, PageId};
use crate::objects::{Name, portion_prefix, tally_prefix};
use crate::outcome::Content;
use crate::page_record::{PageRecord, StoredObject};

/// Page records and page indexes that are read at a time.
const READS_AT_ONCE: usize = 16;

/// Longer than the steps take that are not interrupted: to store a portion, to merge a bucket, to write the manifest.
const LAST_STEP: Duration = Duration::from_secs(20);

/// Objects of lines that are written or read at a time, of up to 96 MB together.
const LINES_AT_ONCE: usize = 4;

/// `portion-{n}.json`: pages of an export that were read on the way to its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortionRecord {
    format_version: FormatVersion,
    export_id: ExportId,
    attempt: u32,
    portion: u32,
    /// The number of digest ranges into which the lines are divided, the same for all portions of the attempt.
    buckets: u32,
    /// The objects that hold the lines of the pages; none for a bucket without lines.
    lines: Vec<BucketLines>,
    pages: Pages,
}

/// `tally-{n}.json`: the counts over the lines of the first `buckets` buckets. Written when an invocation ends in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TallyRecord {
    format_version: FormatVersion,
    export_id: ExportId,
    attempt: u32,
    buckets: u32,
    tally: Tally,
}

/// The sorted lines of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BucketLines {
    /// From 0.
    bucket: u32,
    #[serde(flatten)]
    object: StoredObject,
}

/// All pages of an export, and what the comparison of their lines found.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) content: Content,
    pub(super) compared: Compared,
    pub(super) warnings: Vec<String>,
    pub(super) effort: crate::effort::Effort,
}

/// A page record and its index.
type Page = (PageRecord, Option<Bytes>);

/// One invocation's work on the portions of an attempt.
pub(super) struct Reader<'a> {
    pub(super) archive: &'a Archive,
    pub(super) clock: &'a Clock,
    pub(super) concluding: Concluding<'a>,
    pub(super) limits: PortionLimits,
}

impl Reader<'_> {
    /// Reads all pages and compares their lines. `None` when the deadline is reached and another invocation can go on.
    pub(super) async fn read(&self) -> Result<Option<Read>, DispatchError> {
        let expected = Extent::of(self.concluding.views);
        if expected.fits(self.limits) {
            return self.read_at_once(expected).await.map(Some);
        }
        let mut portions = self.stored().await?;
        let before = portions.len();
        let read = self.read_portions(&mut portions, expected).await;
        match read.and_then(|()| self.check_time()) {
            // Without progress, the next invocation would not come further either.
            Err(DispatchError::OutOfTime) if portions.len() > before => return Ok(None),
            read => read?,
        }
        match self.merge(&portions).await? {
            Some(tally) => self.finish(all_pages(portions), &tally).await.map(Some),
            None => Ok(None),
        }
    }

    /// An export of one portion.
    async fn read_at_once(&self, expected: Extent) -> Result<Read, DispatchError> {
        let mut pages = Pages::default();
        let mut lines = Lines::with_capacity(expected.lines);
        let (mut position, mut stream) = (0, self.pages_after(0).await?);
        while let Some((record, index)) = stream.try_next().await? {
            self.check_time()?;
            add(&mut lines, &mut position, &record, index)?;
            pages.add(record);
        }
        let mut tally = Tally::seeking(sought(self.concluding.plan));
        tally.add(lines.sorted());
        drop(lines);
        self.finish(pages, &tally).await
    }

    /// Stores the portions that are not stored yet.
    async fn read_portions(
        &self,
        portions: &mut Vec<PortionRecord>,
        expected: Extent,
    ) -> Result<(), DispatchError> {
        let buckets = self.limits.buckets(expected.lines);
        let mut lines = Lines::with_capacity(expected.lines.min(self.limits.lines));
        // Repeated after a portion that another handler cut elsewhere, under other limits.
        while !self.read_on(portions, &mut lines, buckets).await? {}
        Ok(())
    }

    /// Stores portions until no page is left. Returns false after a portion that is not the one that was read.
    async fn read_on(
        &self,
        portions: &mut Vec<PortionRecord>,
        lines: &mut Lines,
        buckets: u32,
    ) -> Result<bool, DispatchError> {
        let buckets = portions.first().map_or(buckets, |first| first.buckets);
        let read = portions.iter().map(|portion| portion.pages.len()).sum();
        let positions = portions.iter().map(|it| it.pages.with_records());
        let (mut position, mut stream) = (positions.sum(), self.pages_after(read).await?);
        let mut pages = Pages::default();
        loop {
            let next = stream.try_next().await?;
            let is_last = next.is_none();
            if let Some((record, index)) = next {
                self.check_time()?;
                add(lines, &mut position, &record, index)?;
                pages.add(record);
            }
            let is_full = lines.len() >= self.limits.lines || pages.len() >= self.limits.pages;
            if is_full || (is_last && pages.len() > 0) {
                let full = std::mem::take(&mut pages);
                let number = full.len();
                let stored = self.store(portions, full, lines, buckets).await?;
                let is_ours = stored.pages.len() == number && stored.buckets == buckets;
                portions.push(stored);
                if !is_ours {
                    return Ok(false);
                }
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    /// Stores the next portion, or takes the one that another handler stored.
    async fn store(
        &self,
        portions: &[PortionRecord],
        pages: Pages,
        lines: &mut Lines,
        buckets: u32,
    ) -> Result<PortionRecord, DispatchError> {
        let (id, attempt) = (self.id(), self.concluding.attempt.attempt);
        let portion = u32::try_from(portions.len()).unwrap_or(u32::MAX) + 1;
        let put = async |(bucket, bytes): (u32, Bytes)| {
            let (size_bytes, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
            let name = Name::Lines {
                export_id: id,
                attempt,
                portion,
                bucket,
                sha256,
            };
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
        let name = Name::Portion {
            export_id: id,
            attempt,
            portion,
        };
        tracing::info!(
            attempt,
            portion,
            pages = record.pages.len(),
            "portion stored"
        );
        Ok(self.archive.create_or_read(name, record).await?.0)
    }

    /// The portions of the attempt that are stored, without a gap from the first one on.
    async fn stored(&self) -> Result<Vec<PortionRecord>, ArchiveError> {
        let (id, attempt) = (self.id(), self.concluding.attempt.attempt);
        let listed = self.archive.list_all(&portion_prefix(id, attempt)).await?;
        let mut portions = Vec::new();
        for portion in 1..=u32::try_from(listed.len()).unwrap_or(u32::MAX) {
            let name = Name::Portion {
                export_id: id,
                attempt,
                portion,
            };
            match self.archive.read(name).await? {
                Some(record) => portions.push(record),
                None => break,
            }
        }
        Ok(portions)
    }

    /// Compares the lines of all portions, one bucket at a time. `None` when the deadline is reached and the counts so far are
    /// stored.
    async fn merge(&self, portions: &[PortionRecord]) -> Result<Option<Tally>, DispatchError> {
        let (merged, mut tally) = self.newest_tally().await?;
        let buckets = portions.first().map_or(0, |first| first.buckets);
        let mut lines = Lines::default();
        for bucket in merged..buckets {
            if self.check_time().is_err() && bucket > merged {
                self.keep(bucket, tally).await?;
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
        lines.reserve(sizes / LINE_BYTES as u64);
        let reads = stream::iter(parts).map(|part| self.lines(part));
        let mut reads = Box::pin(reads.buffered(LINES_AT_ONCE));
        while let Some((key, bytes)) = reads.try_next().await? {
            if !lines.add_bytes(&bytes) {
                return Err(ArchiveError::page(key, "it ends within a line"));
            }
        }
        Ok(())
    }

    /// The counts that an earlier invocation stored, and the number of buckets that they are of.
    async fn newest_tally(&self) -> Result<(u32, Tally), ArchiveError> {
        let prefix = tally_prefix(self.id(), self.concluding.attempt.attempt);
        let listed = self.archive.list_all(&prefix).await?;
        let newest = match listed.last() {
            Some(object) => self.archive.read_key::<TallyRecord>(&object.key).await?,
            None => None,
        };
        let nothing = || (0, Tally::seeking(sought(self.concluding.plan)));
        Ok(newest.map_or_else(nothing, |record| (record.buckets, record.tally)))
    }

    async fn keep(&self, buckets: u32, tally: Tally) -> Result<(), ArchiveError> {
        let (export_id, attempt) = (self.id(), self.concluding.attempt.attempt);
        let name = Name::Tally {
            export_id,
            attempt,
            buckets,
        };
        let record = TallyRecord {
            format_version: FormatVersion,
            export_id: export_id.clone(),
            attempt,
            buckets,
            tally,
        };
        self.archive.create_or_read(name, record).await.map(drop)
    }

    async fn lines(&self, stored: StoredObject) -> Result<(String, Bytes), ArchiveError> {
        let bytes = self.archive.object(&stored.key).await?;
        if Sha256::of(&bytes) == stored.sha256 {
            Ok((stored.key, bytes))
        } else {
            Err(ArchiveError::page(stored.key, "its sha256 is another one"))
        }
    }

    async fn finish(&self, pages: Pages, tally: &Tally) -> Result<Read, DispatchError> {
        let (warnings, effort) = (pages.warnings.clone(), pages.effort);
        let mut content = pages.into_content(self.concluding.views);
        let sought = sought(self.concluding.plan);
        let compared = finish(self.archive, &content, tally, sought).await?;
        content.repeated.clone_from(&compared.repeated);
        Ok(Read {
            content,
            compared,
            warnings,
            effort,
        })
    }

    /// The pages of the export but the first ones, in order, each with its index.
    async fn pages_after(
        &self,
        read: u64,
    ) -> Result<BoxStream<'static, Result<Page, ArchiveError>>, ArchiveError> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for view in self.concluding.views {
            stretches.extend(slice_stretches(self.archive, view).await?);
        }
        let pages = stretches.into_iter().flat_map(pages_of);
        let pages = pages.skip(usize::try_from(read).unwrap_or(usize::MAX));
        let archive = self.archive.clone();
        let reads = stream::iter(pages).map(move |page| page_of(archive.clone(), page));
        Ok(reads.buffered(READS_AT_ONCE).boxed())
    }

    fn check_time(&self) -> Result<(), DispatchError> {
        let deadline = self.concluding.invocation.deadline;
        if deadline.allows(self.clock.now(), LAST_STEP) {
            Ok(())
        } else {
            Err(DispatchError::OutOfTime)
        }
    }

    fn id(&self) -> &ExportId {
        &self.concluding.plan.export_id
    }
}

/// How large an export is, by the ends of its runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) lines: u64,
    pub(super) pages: u64,
}

impl Extent {
    pub(super) fn of(views: &[SliceView]) -> Self {
        let ends = || views.iter().filter_map(|view| view.end.as_ref());
        Self {
            lines: ends().map(|end| end.totals.counts.archived).sum(),
            pages: ends().map(|end| u64::from(end.last_page)).sum(),
        }
    }

    fn fits(self, limits: PortionLimits) -> bool {
        self.lines <= limits.lines && self.pages <= limits.pages
    }
}

async fn page_of(archive: Archive, page: PageId) -> Result<Page, ArchiveError> {
    let record = archive.existing_record(&page).await?;
    let index = match &record.content.objects {
        Some(objects) => Some(archive.object(&objects.index.key).await?),
        None => None,
    };
    Ok((record, index))
}

/// Adds the lines of a page, if it holds any.
fn add(
    lines: &mut Lines,
    position: &mut u32,
    record: &PageRecord,
    index: Option<Bytes>,
) -> Result<(), DispatchError> {
    let (Some(index), Some(objects)) = (index, &record.content.objects) else {
        return Ok(());
    };
    let added = lines.add_index(*position, &index);
    *position += 1;
    added.map_err(|source| DispatchError::Index {
        key: objects.index.key.clone(),
        source,
    })
}

fn all_pages(portions: Vec<PortionRecord>) -> Pages {
    let mut pages = Pages::default();
    for portion in portions {
        pages.append(portion.pages);
    }
    pages
}
