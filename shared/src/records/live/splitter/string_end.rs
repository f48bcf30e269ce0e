//! Finds the next character that matters within a string.

/// Most names and many values are shorter than this; a vectorised search takes longer to begin.
const SHORT_WORDS: usize = 2;

/// The offset of the first quote, backslash or line break.
pub(super) fn find_in_string(text: &[u8]) -> Option<usize> {
    let (words, _) = text.as_chunks();
    let mut at = 0;
    for word in words.iter().take(SHORT_WORDS) {
        if let Some(found) = find_in_word(*word) {
            return Some(at + found);
        }
        at += word.len();
    }
    let found = memchr::memchr3(b'"', b'\\', b'\n', text.get(at..)?)?;
    Some(at + found)
}

/// Compares eight bytes at a time: the highest bit of each matching byte is set. Bits above the first match may be wrong.
/// <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>
fn find_in_word(word: [u8; 8]) -> Option<usize> {
    let word = u64::from_le_bytes(word);
    let matching = |byte: u8| {
        let differences = word ^ u64::from_le_bytes([byte; 8]);
        differences.wrapping_sub(u64::from_le_bytes([0x01; 8]))
            & !differences
            & u64::from_le_bytes([0x80; 8])
    };
    let found = matching(b'"') | matching(b'\\') | matching(b'\n');
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_first_character_that_matters_is_found(
            text in prop::collection::vec(
                prop::sample::select(vec![b'a', b'!', b'#', b']', b'\\', b'"', b'\n', 0x0b, 0xa2, 0xdc, 0x8a, 0]),
                0..30,
            ),
            plain in 0..40_usize,
        ) {
            let text = [vec![b'b'; plain], text].concat();

            let first = text.iter().position(|byte| b"\"\\\n".contains(byte));

            prop_assert_eq!(find_in_string(&text), first);
        }
    }
}
