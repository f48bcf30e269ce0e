//! Checks that a page index and its page object match, using the object alone.

use serde_json::value::RawValue;

use super::codec::CodecError;
use super::identity::{RecordIdentity, RejectReason};
use super::index::IndexEntry;
use super::{Projection, RecordShape};
use crate::base::decode::{self, DecodeError};

/// The first mismatch between an object and its index. Line numbers start at 1.
#[derive(Debug, thiserror::Error)]
pub enum IndexMismatch {
    #[error("the page index cannot be read")]
    Index(#[from] CodecError),
    #[error("line {line} of the page object is cut off")]
    CutOff { line: u64 },
    #[error("line {line} of the page object is not in the page index")]
    NotIndexed { line: u64 },
    #[error("the page index names line {line}, which the page object does not have")]
    NoSuchLine { line: u64 },
    #[error("line {line} of the page object is not JSON")]
    NotJson {
        line: u64,
        #[source]
        source: DecodeError,
    },
    #[error("line {line} of the page object is not a record")]
    NotARecord {
        line: u64,
        #[source]
        source: RejectReason,
    },
    #[error("line {line} of the page object and its index entry differ in `{field}`")]
    Differs { line: u64, field: &'static str },
}

/// Compares every line with its index entry: byte range, content hash, and the id and start in the line. Returns the
/// number of lines.
pub(crate) fn check_index(
    object_ndjson: &[u8],
    entries: impl IntoIterator<Item = Result<IndexEntry<'static>, CodecError>>,
    shape: RecordShape,
    projection: Projection,
) -> Result<u64, IndexMismatch> {
    let shape = stored_shape(shape, projection);
    let mut entries = entries.into_iter();
    let mut lines = 0;
    let mut offset = 0;
    for terminated in object_ndjson.split_inclusive(|byte| *byte == b'\n') {
        lines += 1;
        let line = terminated
            .strip_suffix(b"\n")
            .ok_or(IndexMismatch::CutOff { line: lines })?;
        let entry = entries
            .next()
            .ok_or(IndexMismatch::NotIndexed { line: lines })??;
        let actual = IndexEntry::of(read_identity(line, lines, shape)?, offset, line);
        compare(&entry, &actual, lines)?;
        offset += terminated.len() as u64;
    }
    match entries.next().transpose()? {
        None => Ok(lines),
        Some(_) => Err(IndexMismatch::NoSuchLine { line: lines + 1 }),
    }
}

/// The shape of the stored line. A minimal record has a gateway's field names, whatever its source.
pub(super) fn stored_shape(shape: RecordShape, projection: Projection) -> RecordShape {
    match projection {
        Projection::Minimal => RecordShape::Gateway,
        Projection::Normalized => RecordShape::Normalized,
        Projection::Transcript => RecordShape::Transcript,
        Projection::Standard | Projection::Full => shape,
    }
}

fn read_identity(
    text: &[u8],
    line: u64,
    shape: RecordShape,
) -> Result<RecordIdentity<'_>, IndexMismatch> {
    let record: &RawValue =
        decode::json_borrowed(text).map_err(|source| IndexMismatch::NotJson { line, source })?;
    RecordIdentity::of(record.get(), shape)
        .map_err(|source| IndexMismatch::NotARecord { line, source })
}

fn compare(
    entry: &IndexEntry<'_>,
    actual: &IndexEntry<'_>,
    line: u64,
) -> Result<(), IndexMismatch> {
    let fields = [
        ("offset", entry.offset == actual.offset),
        ("length", entry.length == actual.length),
        ("sha256", entry.sha256 == actual.sha256),
        ("id", entry.id == actual.id),
        ("start", entry.start == actual.start),
    ];
    match fields.into_iter().find(|(_, equal)| !equal) {
        None => Ok(()),
        Some((field, _)) => Err(IndexMismatch::Differs { line, field }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::Sha256;

    const OBJECT: &[u8] = b"{\"id\":\"a\",\"startTime\":\"2026-03-02T15:00:00Z\"}\n\
        {\"id\":\"b\",\"startTime\":\"2026-03-02T16:00:00Z\"}\n";

    fn entries() -> [IndexEntry<'static>; 2] {
        let entry = |id: &str, start: &str, offset, line| {
            let identity = RecordIdentity {
                id: id.to_owned().into(),
                start: start.parse().unwrap(),
            };
            IndexEntry::of(identity, offset, line)
        };
        let half = OBJECT.len() / 2;
        [
            entry("a", "2026-03-02T15:00:00Z", 0, &OBJECT[..half - 1]),
            entry(
                "b",
                "2026-03-02T16:00:00Z",
                half as u64,
                &OBJECT[half..OBJECT.len() - 1],
            ),
        ]
    }

    fn mismatch(object: &[u8], entries: &[IndexEntry<'static>]) -> String {
        let entries = entries.iter().cloned().map(Ok);
        check_index(object, entries, RecordShape::Gateway, Projection::Full)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn an_object_matches_its_own_index() {
        let entries = entries().map(Ok);

        assert_eq!(
            check_index(OBJECT, entries, RecordShape::Gateway, Projection::Full).unwrap(),
            2
        );
    }

    #[test]
    fn each_field_of_an_entry_is_compared() {
        type Change = fn(&mut IndexEntry<'_>);
        let changes: [(&str, Change); 5] = [
            ("offset", |entry| entry.offset += 1),
            ("length", |entry| entry.length -= 1),
            ("sha256", |entry| entry.sha256 = Sha256::of("x")),
            ("id", |entry| entry.id.to_mut().push('x')),
            ("start", |entry| entry.start = jiff::Timestamp::UNIX_EPOCH),
        ];
        for (field, change) in changes {
            let mut entries = entries();
            change(&mut entries[1]);

            let expected =
                format!("line 2 of the page object and its index entry differ in `{field}`");
            assert_eq!(mismatch(OBJECT, &entries), expected);
        }
    }

    #[test]
    fn lines_and_index_entries_must_be_equal_in_number() {
        let [first, second] = entries();

        insta::assert_snapshot!(mismatch(OBJECT, std::slice::from_ref(&first)), @"line 2 of the page object is not in the page index");
        insta::assert_snapshot!(mismatch(OBJECT, &[first.clone(), second.clone(), first.clone()]), @"the page index names line 3, which the page object does not have");
        insta::assert_snapshot!(mismatch(&OBJECT[..OBJECT.len() - 1], &[first, second]), @"line 2 of the page object is cut off");
    }

    #[test]
    fn a_line_that_is_not_a_record_is_reported_with_its_number() {
        insta::assert_snapshot!(mismatch(b"{\"id\":\n", &entries()), @"line 1 of the page object is not JSON");
        insta::assert_snapshot!(mismatch(b"{\"id\":1}\n", &entries()), @"line 1 of the page object is not a record");
    }

    #[test]
    fn an_unreadable_index_is_reported_as_such() {
        let entries = [Err(CodecError::IndexLine { line: 1 })];

        let mismatch =
            check_index(OBJECT, entries, RecordShape::Gateway, Projection::Full).unwrap_err();

        assert!(matches!(mismatch, IndexMismatch::Index(_)));
    }
}
