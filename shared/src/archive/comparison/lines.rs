//! Lines of page indexes as 24 bytes each: enough to compare ids and contents, and to find a line's page.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::base::hash::Sha256;
use crate::records::page::{CodecError, for_each_indexed_version};

/// Bytes of a line in memory and in an object.
pub(crate) const LINE_BYTES: usize = 24;

const _: () = assert!(size_of::<Line>() == LINE_BYTES);

/// The first 96 bits of the SHA-256 of an id. Among a billion ids, two share them with a probability of 10⁻¹¹.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct IdDigest {
    head: u64,
    tail: u32,
}

/// A line of a page index. Ordered by id, content and page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    id_head: u64,
    id_tail: u32,
    /// The first 64 bits of the content hash; only compared between lines with the same id.
    pub(crate) content: u64,
    /// The position of the line's page among the pages of the export that hold records, from 0.
    pub(crate) page: u32,
}

/// Lines in memory.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<Line>);

impl IdDigest {
    pub(crate) fn of(id: &str) -> Self {
        let sha256 = Sha256::of(id);
        Self {
            head: sha256.first_64_bits(),
            tail: sha256.bits_64_to_96(),
        }
    }
}

impl Line {
    fn new(id: &str, content: Sha256, page: u32) -> Self {
        let IdDigest { head, tail } = IdDigest::of(id);
        Self {
            id_head: head,
            id_tail: tail,
            content: content.first_64_bits(),
            page,
        }
    }

    pub(crate) fn id(&self) -> IdDigest {
        IdDigest {
            head: self.id_head,
            tail: self.id_tail,
        }
    }

    /// The bucket, from 0, when the digests are divided into `buckets` ranges of equal width.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bucket is less than `buckets`"
    )]
    fn bucket(&self, buckets: u32) -> u32 {
        ((u128::from(self.id_head) * u128::from(buckets)) >> 64) as u32
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let mut line = [0; LINE_BYTES];
        line[..8].copy_from_slice(&self.id_head.to_be_bytes());
        line[8..12].copy_from_slice(&self.id_tail.to_be_bytes());
        line[12..20].copy_from_slice(&self.content.to_be_bytes());
        line[20..].copy_from_slice(&self.page.to_be_bytes());
        bytes.extend_from_slice(&line);
    }

    fn read(bytes: &[u8; LINE_BYTES]) -> Self {
        Self {
            id_head: u64::from_be_bytes(part(bytes, 0)),
            id_tail: u32::from_be_bytes(part(bytes, 8)),
            content: u64::from_be_bytes(part(bytes, 12)),
            page: u32::from_be_bytes(part(bytes, 20)),
        }
    }
}

impl Lines {
    pub(crate) fn with_capacity(lines: u64) -> Self {
        Self(Vec::with_capacity(
            usize::try_from(lines).unwrap_or_default(),
        ))
    }

    /// Adds the lines of a page index.
    pub(crate) fn add_index(&mut self, page: u32, index_gz: &[u8]) -> Result<(), CodecError> {
        for_each_indexed_version(index_gz, |id, content| {
            self.reserve_for(1);
            self.0.push(Line::new(id, content, page));
        })
    }

    /// Adds the lines of an object. Returns false if the last line is incomplete.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> bool {
        let (lines, rest) = bytes.as_chunks();
        self.reserve_for(lines.len());
        self.0.extend(lines.iter().map(Line::read));
        rest.is_empty()
    }

    /// Grows by an eighth instead of doubling, because memory is limited.
    fn reserve_for(&mut self, lines: usize) {
        if lines > self.0.capacity() - self.0.len() {
            self.0.reserve_exact(lines.max(self.0.len() / 8));
        }
    }

    pub(crate) fn reserve(&mut self, lines: u64) {
        self.0
            .reserve_exact(usize::try_from(lines).unwrap_or_default());
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Removes all lines and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The lines in order.
    pub(crate) fn sorted(&mut self) -> &[Line] {
        self.0.sort_unstable();
        &self.0
    }

    /// The bytes of the lines of each non-empty bucket, in bucket order; within a bucket, in the order in which the
    /// lines were added.
    pub(crate) fn by_bucket(&self, buckets: u32) -> impl Iterator<Item = (u32, Bytes)> + use<> {
        let buckets = buckets.max(1);
        let average_bytes = self.0.len() / buckets as usize * LINE_BYTES;
        // The sizes of the buckets vary by chance.
        let part = || Vec::with_capacity(average_bytes + average_bytes / 16);
        let mut parts: Vec<_> = (0..buckets).map(|_| part()).collect();
        for line in &self.0 {
            line.write(&mut parts[line.bucket(buckets) as usize]);
        }
        let parts = (0..).zip(parts);
        parts
            .filter(|(_, bytes)| !bytes.is_empty())
            .map(|(bucket, bytes)| (bucket, Bytes::from(bytes)))
    }
}

fn part<const N: usize>(bytes: &[u8; LINE_BYTES], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(number: u32) -> Lines {
        let line = |n: u32| Line::new(&format!("c{n}"), Sha256::of(n.to_be_bytes()), n);
        Lines((0..number).map(line).collect())
    }

    #[test]
    fn lines_are_read_back_in_order() {
        let written = lines(500);
        let (_, bytes) = written.by_bucket(1).next().unwrap();

        let mut read = Lines::default();
        assert!(read.add_bytes(&bytes));

        assert_eq!(read.0, written.0);
    }

    #[test]
    fn buckets_are_ascending_ranges_of_about_the_same_size() {
        let mut all = lines(4_000);
        let mut read = Lines::default();

        for (number, bytes) in all.by_bucket(4) {
            let mut bucket = Lines::default();
            assert!(bucket.add_bytes(&bytes));
            assert!((900..1_100).contains(&bucket.len()), "{number}");
            read.0.extend(bucket.sorted());
        }

        assert_eq!(read.0, all.sorted());
    }

    #[test]
    fn truncated_bytes_are_rejected() {
        let bytes = lines(3).by_bucket(1).next().unwrap().1;

        assert!(!Lines::default().add_bytes(&bytes[..bytes.len() - 1]));
    }

    #[test]
    fn the_capacity_grows_by_an_eighth() {
        let mut grown = Lines::with_capacity(1_000);
        let page = lines(1_000).by_bucket(1).next().unwrap().1;

        grown.add_bytes(&page);
        grown.add_bytes(&page[..LINE_BYTES]);

        assert_eq!(grown.0.capacity(), 1_125);
    }
}
