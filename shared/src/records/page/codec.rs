//! Compression of stored bytes: one gzip member (RFC 1952), identical for identical lines.

use std::io::{self, BufWriter, Read as _, Write as _};

use crate::base::decode::DecodeError;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

/// The gzip header's value for "unknown", so that an object does not depend on the machine that wrote it.
const UNKNOWN_SYSTEM: u8 = 255;

/// Twice the usual compression ratio of records. Beyond it, the buffer for the lines grows while they are read.
const ESTIMATED_RATIO: u64 = 16;

/// Fed line by line, a compressor compresses slightly worse than with chunks of this size.
const CHUNK_BYTES: usize = 64 * 1024;

/// Why stored bytes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("not a complete gzip member")]
    Gzip(#[source] io::Error),
    #[error("{bytes} bytes follow the gzip member")]
    TrailingBytes { bytes: usize },
    #[error("decompresses to more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
    #[error("not text")]
    Text(#[source] std::string::FromUtf8Error),
    #[error("line {line} of the index is cut off or too long")]
    IndexLine { line: u64 },
    #[error("line {line} of the index is not an index entry")]
    IndexEntry {
        line: u64,
        #[source]
        source: DecodeError,
    },
}

/// No page or page index that we write is larger than this when decompressed. What a stored object says about its size
/// never raises the limit.
pub(super) const PAGE_LIMIT_BYTES: u64 = 1 << 30;

/// The lines of a page object, as text.
pub fn page_text(object_gz: &[u8]) -> Result<String, CodecError> {
    let lines = decode_lines(object_gz, u64::MAX)?;
    String::from_utf8(lines).map_err(CodecError::Text)
}

/// Decompresses a page object: exactly one gzip member with a matching checksum, and nothing after it. Decompresses at
/// most `limit_bytes`, and never more than any page has.
pub fn decode_lines(object_gz: &[u8], limit_bytes: u64) -> Result<Vec<u8>, CodecError> {
    let limit_bytes = effective_limit(limit_bytes);
    let mut decoder = GzDecoder::new(object_gz);
    // The size stated by the page record may be wrong, so it alone does not determine the allocation.
    let estimate = (object_gz.len() as u64).saturating_mul(ESTIMATED_RATIO);
    let expected = limit_bytes.saturating_add(1).min(estimate);
    let mut lines = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    // Reading one byte past the limit distinguishes "too large" from "just fits", and reads on to the checksum.
    let mut limited = decoder.by_ref().take(limit_bytes.saturating_add(1));
    limited.read_to_end(&mut lines).map_err(CodecError::Gzip)?;
    if lines.len() as u64 > limit_bytes {
        return Err(CodecError::TooLarge { limit_bytes });
    }
    check_no_trailing_bytes(&decoder)?;
    Ok(lines)
}

/// The limit for an object that is said to have `claimed_bytes`.
fn effective_limit(claimed_bytes: u64) -> u64 {
    claimed_bytes.min(PAGE_LIMIT_BYTES)
}

pub(super) fn check_no_trailing_bytes(decoder: &GzDecoder<&[u8]>) -> Result<(), CodecError> {
    match decoder.get_ref().len() {
        0 => Ok(()),
        bytes => Err(CodecError::TrailingBytes { bytes }),
    }
}

/// A gzip member being written, without time, name and system: a pure function of the level and the input.
#[derive(Debug)]
pub(crate) struct GzipWriter(BufWriter<GzEncoder<Vec<u8>>>);

impl GzipWriter {
    pub(crate) fn new(level: u32) -> Self {
        let header = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM);
        let encoder = header.write(Vec::new(), Compression::new(level));
        Self(BufWriter::with_capacity(CHUNK_BYTES, encoder))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        infallible(self.0.write_all(bytes));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let encoder = infallible(self.0.into_inner());
        infallible(encoder.finish())
    }
}

/// Unwraps the result of writing to a `Vec`, which cannot fail.
pub(crate) fn infallible<T, E: std::error::Error>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => unreachable!("writing to memory cannot fail: {error}"),
    }
}

#[cfg(test)]
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzipWriter::new(6);
    writer.write(bytes);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn the_gzip_header_holds_no_time_name_or_system() {
        assert_eq!(gzip(b"{}\n")[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    #[test]
    fn the_compressed_bytes_are_the_same_on_every_machine() {
        use crate::base::hash::Sha256;

        // Another compressor may produce other bytes. Pages that are repeated across its deployment are then stored
        // twice.
        let lines: Vec<u8> = (0..2000)
            .flat_map(|n| format!("{{\"id\":{}}}\n", n * n).into_bytes())
            .collect();

        insta::assert_snapshot!(Sha256::of(gzip(&lines)), @"f3b1774314ed7680c9701a015e07aca1d891d08bb8b8e3d912dec9a7b4c21238");
    }

    #[test]
    fn lines_over_the_size_limit_are_refused() {
        let object = gzip(&[b'x'; 100]);

        assert_eq!(decode_lines(&object, 100).unwrap().len(), 100);
        assert!(matches!(
            decode_lines(&object, 99),
            Err(CodecError::TooLarge { limit_bytes: 99 })
        ));
    }

    #[test]
    fn what_a_record_claims_does_not_raise_the_limit() {
        let claims = [0, 100, PAGE_LIMIT_BYTES, PAGE_LIMIT_BYTES + 1, u64::MAX];

        let limits = claims.map(effective_limit);

        assert_eq!(limits, [0, 100, 1 << 30, 1 << 30, 1 << 30]);
        assert_eq!(
            decode_lines(&gzip(&[b'x'; 100]), u64::MAX).unwrap().len(),
            100
        );
    }

    #[test]
    fn bytes_after_the_gzip_member_are_refused() {
        for tail in [b"\0".to_vec(), gzip(b"{}\n")] {
            let object = [gzip(b"{}\n"), tail].concat();

            assert!(matches!(
                decode_lines(&object, LIMIT),
                Err(CodecError::TrailingBytes { .. })
            ));
        }
    }

    #[test]
    fn a_gzip_member_truncated_anywhere_is_refused() {
        let object = gzip(b"{\"id\":1}\n{\"id\":2}\n");

        for length in 0..object.len() {
            assert!(
                decode_lines(&object[..length], LIMIT).is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_flipped_bit_never_changes_lines_undetected() {
        let lines = b"{\"id\":1}\n{\"id\":2}\n{\"id\":3,\"x\":\"abcabcabc\"}\n";
        let object = gzip(lines);

        for bit in 0..object.len() * 8 {
            let mut flipped = object.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);

            // Header bits and padding bits carry no lines.
            if let Ok(read) = decode_lines(&flipped, LIMIT) {
                assert_eq!(read, lines, "bit {bit}");
            }
        }
    }

    #[test]
    fn a_flipped_checksum_is_refused() {
        let mut object = gzip(b"{}\n");
        let checksum = object.len() - 8;
        object[checksum] ^= 1;

        assert!(matches!(
            decode_lines(&object, LIMIT),
            Err(CodecError::Gzip(_))
        ));
    }
}
