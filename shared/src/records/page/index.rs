//! The page index: the location of each record in the page object, without reading the object.

use std::borrow::Cow;
use std::io::{BufRead as _, BufReader, Read as _};

use flate2::bufread::GzDecoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::codec::{CodecError, PAGE_LIMIT_BYTES, check_no_trailing_bytes};
use super::identity::RecordIdentity;
use crate::base::decode;
use crate::base::hash::Sha256;
use crate::base::time::format_timestamp;

/// Several times the longest possible entry: an id of 1 KiB with each byte escaped as six.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// One line of the page index, for one line of the page object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry<'a> {
    pub id: Cow<'a, str>,
    #[serde(serialize_with = "at_least_millis")]
    pub start: Timestamp,
    /// Offset of the line in the decompressed object, in bytes.
    pub offset: u64,
    /// Length of the line in bytes, without the line break.
    pub length: u64,
    /// Content hash of these bytes.
    pub sha256: Sha256,
}

impl<'a> IndexEntry<'a> {
    pub(super) fn of(identity: RecordIdentity<'a>, offset: u64, line: &[u8]) -> Self {
        let RecordIdentity { id, start } = identity;
        Self {
            id,
            start,
            offset,
            length: line.len() as u64,
            sha256: Sha256::of(line),
        }
    }
}

/// Serializes milliseconds, as everywhere, or all digits of a more precise time, so that it equals the record's own.
fn at_least_millis<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    if moment.subsec_nanosecond() % 1_000_000 == 0 {
        serializer.collect_str(&format_timestamp(*moment))
    } else {
        serializer.collect_str(moment)
    }
}

/// Reads the entries of a page index one at a time, in constant memory. Ends after the first error.
pub(crate) fn read_index(index_gz: &[u8]) -> IndexReader<'_> {
    read_index_up_to(index_gz, PAGE_LIMIT_BYTES)
}

fn read_index_up_to(index_gz: &[u8], limit_bytes: u64) -> IndexReader<'_> {
    IndexReader {
        rest: Some(BufReader::new(GzDecoder::new(index_gz))),
        limit_bytes,
        left_bytes: limit_bytes,
        line: Vec::new(),
        number: 0,
    }
}

/// Calls `visit` with the id of each entry of a page index, in order. Parses nothing else of the entries.
pub fn for_each_indexed_id(index_gz: &[u8], mut visit: impl FnMut(&str)) -> Result<(), CodecError> {
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }

    let mut index = read_index(index_gz);
    while let Some(entry) = index.next_entry::<Entry<'_>>()? {
        visit(&entry.id);
    }
    Ok(())
}

/// Calls `visit` with id and content hash of each entry of a page index, in order.
pub(crate) fn for_each_indexed_version(
    index_gz: &[u8],
    mut visit: impl FnMut(&str, Sha256),
) -> Result<(), CodecError> {
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
        sha256: Sha256,
    }

    let mut index = read_index(index_gz);
    while let Some(entry) = index.next_entry::<Entry<'_>>()? {
        visit(&entry.id, entry.sha256);
    }
    Ok(())
}

/// See `read_index`.
#[derive(Debug)]
pub struct IndexReader<'a> {
    /// `None` after the end or an error.
    rest: Option<BufReader<GzDecoder<&'a [u8]>>>,
    limit_bytes: u64,
    left_bytes: u64,
    line: Vec<u8>,
    number: u64,
}

impl Iterator for IndexReader<'_> {
    type Item = Result<IndexEntry<'static>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next_entry().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.rest = None;
        }
        entry
    }
}

impl IndexReader<'_> {
    pub(crate) fn next_entry<'l, T: Deserialize<'l>>(
        &'l mut self,
    ) -> Result<Option<T>, CodecError> {
        if !self.read_line()? {
            return Ok(None);
        }
        let line = self.number;
        let text = self
            .line
            .strip_suffix(b"\n")
            .ok_or(CodecError::IndexLine { line })?;
        // serde's own error quotes values; finding the field costs time, so it is found only for an error.
        serde_json::from_slice(text)
            .or_else(|_| decode::json_borrowed(text))
            .map(Some)
            .map_err(|source| CodecError::IndexEntry { line, source })
    }

    /// Reads the next line. Returns whether there is one.
    fn read_line(&mut self) -> Result<bool, CodecError> {
        let Some(rest) = &mut self.rest else {
            return Ok(false);
        };
        self.line.clear();
        let mut limited = rest.take(MAX_LINE_BYTES);
        let read = limited
            .read_until(b'\n', &mut self.line)
            .map_err(CodecError::Gzip)?;
        let limit_bytes = self.limit_bytes;
        let left = self.left_bytes.checked_sub(read as u64);
        self.left_bytes = left.ok_or(CodecError::TooLarge { limit_bytes })?;
        if self.line.is_empty() {
            check_no_trailing_bytes(rest.get_ref())?;
            return Ok(false);
        }
        self.number += 1;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::gzip;
    use super::*;

    fn entry(start: &str) -> IndexEntry<'static> {
        let identity = RecordIdentity {
            id: "a\n\"b".into(),
            start: start.parse().unwrap(),
        };
        IndexEntry::of(identity, 7, b"abc")
    }

    fn line(entry: &IndexEntry<'_>) -> String {
        serde_json::to_string(entry).unwrap() + "\n"
    }

    #[test]
    fn an_entry_is_one_line_with_these_keys() {
        insta::assert_snapshot!(line(&entry("2026-03-02T15:00:00Z")), @r#"{"id":"a\n\"b","start":"2026-03-02T15:00:00.000Z","offset":7,"length":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#);
    }

    #[test]
    fn an_index_is_read_up_to_a_limit() {
        let lines = line(&entry("2026-03-02T15:00:00Z")).repeat(1_000);
        let index = gzip(lines.as_bytes());
        let size = lines.len() as u64;

        assert_eq!(read_index_up_to(&index, size).flatten().count(), 1_000);
        let last = read_index_up_to(&index, size - 1).last().unwrap();
        assert!(matches!(last, Err(CodecError::TooLarge { .. })), "{last:?}");
    }

    #[test]
    fn an_error_of_an_entry_does_not_quote_it() {
        let index = gzip(b"{\"id\":\"a\",\"start\":\"Mary Roe\",\"offset\":0,\"length\":1}\n");

        let error = read_index(&index).last().unwrap().unwrap_err();

        let text = crate::base::failure::error_chain(&error);
        assert_eq!(
            text,
            "line 1 of the index is not an index entry: `start` has an unexpected type"
        );
    }

    #[test]
    fn a_start_finer_than_milliseconds_survives() {
        let fine = entry("2026-03-02T15:00:00.0170001Z");

        let read: Vec<_> = read_index(&gzip(line(&fine).as_bytes()))
            .map(Result::unwrap)
            .collect();

        assert_eq!(read, [fine]);
    }

    #[test]
    fn a_truncated_or_extended_index_ends_in_one_error() {
        let whole = gzip(line(&entry("2026-03-02T15:00:00Z")).repeat(1000).as_bytes());
        let longer = [whole.as_slice(), b"x"].concat();

        assert_eq!(read_index(&whole).map(Result::unwrap).count(), 1000);
        for damaged in [&whole[..whole.len() - 1], &whole[..20], &longer, b""] {
            assert_eq!(read_index(damaged).filter(Result::is_err).count(), 1);
            assert!(read_index(damaged).last().unwrap().is_err());
        }
    }

    #[test]
    fn an_unterminated_or_overlong_index_line_is_refused() {
        for text in [
            vec![b'x'; 10 << 20],
            line(&entry("2026-03-02T15:00:00Z")).trim().into(),
        ] {
            let first = read_index(&gzip(&text)).next().unwrap();

            assert!(matches!(first, Err(CodecError::IndexLine { line: 1 })));
        }
    }

    #[test]
    fn a_line_that_is_not_an_index_entry_is_reported_with_its_number() {
        let first = read_index(&gzip(b"{\"id\":\"a\"}\n")).next().unwrap();

        assert_eq!(
            first.unwrap_err().to_string(),
            "line 1 of the index is not an index entry"
        );
    }
}
