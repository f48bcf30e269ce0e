//! Cursors of job results: opaque, forward only, and containing `+`, `/` and `=`, so that a client that does not
//! percent-encode a cursor sends a different one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// In base64 these six bytes are `++++////`.
const PREFIX: [u8; 6] = [0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF];

pub(crate) fn encode(job: &str, offset: usize) -> String {
    let mut bytes = PREFIX.to_vec();
    bytes.extend((offset as u64 ^ mask(job)).to_le_bytes());
    // The base64 form of this length ends in `==`.
    bytes.extend(check(job, offset).to_le_bytes());
    STANDARD.encode(bytes)
}

/// Returns the offset, or `None` if this is not a cursor of this job.
pub(crate) fn decode(job: &str, cursor: &str) -> Option<usize> {
    let bytes = STANDARD.decode(cursor).ok()?;
    let (offset, found) = bytes.strip_prefix(&PREFIX)?.split_first_chunk::<8>()?;
    let offset = usize::try_from(u64::from_le_bytes(*offset) ^ mask(job)).ok()?;
    (found == check(job, offset).to_le_bytes()).then_some(offset)
}

fn mask(job: &str) -> u64 {
    job.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a checksum")]
fn check(job: &str, offset: usize) -> u16 {
    (mask(job) ^ (offset as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)).rotate_left(16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_decodes_to_its_offset_only_for_its_own_job() {
        for offset in [0, 1, 1000, usize::MAX] {
            assert_eq!(decode("a", &encode("a", offset)), Some(offset));
            assert_eq!(decode("b", &encode("a", offset)), None);
        }
    }

    #[test]
    fn an_altered_cursor_is_refused() {
        let cursor = encode("a", 1000);

        let changed = cursor.replacen(
            &cursor[10..11],
            if &cursor[10..11] == "A" { "B" } else { "A" },
            1,
        );

        assert_eq!(decode("a", &changed), None);
        assert_eq!(decode("a", ""), None);
    }
}
