//! Ids in the form of a UUID, and hexadecimal digests: digits in them are not a value.

use std::ops::Range;

use super::fold::ID;
use super::view::View;

const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// Lengths of ids and digests without separators: of databases, UUIDs, SHA-1, SHA-256.
const HEX_LENGTHS: [usize; 4] = [24, 32, 40, 64];
const LONGEST: usize = 64;
/// Fewer letters may be a coincidence, as in an account number.
const MIN_HEX_LETTERS: usize = 4;

/// Overwrites all ids of the text.
pub(super) fn keep_all(text: &mut View<'_>) {
    let mut at = 0;
    while let Some(start) = next_word(text.bytes(), at) {
        let end = end_of_word(text.bytes(), start);
        text.steps().add(end - at + LONGEST);
        at = end;
        if let Some(id) = id_at(text.bytes(), start..end) {
            at = id.end;
            text.keep(id);
        }
    }
}

/// Whether the whole text is a UUID in its usual form.
pub(super) fn is_uuid(text: &str) -> bool {
    let length = UUID_GROUPS.iter().sum::<usize>() + UUID_GROUPS.len() - 1;
    text.len() == length && uuid_at(text.as_bytes(), 0).is_some()
}

fn next_word(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let position = rest.iter().position(u8::is_ascii_alphanumeric)?;
    Some(from + position)
}

fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let rest = bytes[start..].iter();
    start + rest.take_while(|byte| byte.is_ascii_alphanumeric()).count()
}

/// Whether the text is an id, or was one that is kept.
pub(super) fn is_id(text: &[u8]) -> bool {
    let is_kept = |byte: &u8| *byte == ID;
    let word = 0..end_of_word(text, 0);
    !text.is_empty()
        && (text.iter().all(is_kept) || id_at(text, word).is_some_and(|id| id == (0..text.len())))
}

/// The id that begins with this word, or with its end if a word of letters touches it: `id0f8fad5b-…`.
fn id_at(bytes: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    if let Some(start) = word.end.checked_sub(UUID_GROUPS[0])
        && start >= word.start
        && let Some(id) = uuid_at(bytes, start)
    {
        return Some(id);
    }
    let is_hex = HEX_LENGTHS.contains(&word.len())
        && bytes[word.clone()].iter().all(u8::is_ascii_hexdigit)
        && letters(&bytes[word.clone()]) >= MIN_HEX_LETTERS;
    is_hex.then_some(word)
}

fn uuid_at(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let separator = *bytes.get(start + UUID_GROUPS[0])?;
    if !b"-_:. ".contains(&separator) {
        return None;
    }
    let mut at = start;
    for (index, length) in UUID_GROUPS.into_iter().enumerate() {
        if index > 0 {
            (bytes.get(at) == Some(&separator)).then_some(())?;
            at += 1;
        }
        let group = bytes.get(at..at + length)?;
        group.iter().all(u8::is_ascii_hexdigit).then_some(())?;
        at += length;
    }
    let ends = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    // Groups of digits alone are an id only in the usual form.
    let is_id = separator == b'-' || letters(&bytes[start..at]) >= MIN_HEX_LETTERS;
    (ends && is_id).then_some(start..at)
}

fn letters(word: &[u8]) -> usize {
    word.iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        let mut view = View::new(text);
        keep_all(&mut view);
        let bytes = view.bytes().iter().zip(text.bytes());
        bytes
            .filter(|(byte, _)| **byte == ID)
            .map(|(_, original)| char::from(original))
            .collect()
    }

    #[test]
    fn uuids_are_recognised_in_all_forms() {
        for id in [
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "0F8FAD5B-D9CB-469F-A165-70867728950E",
            "00001001-0000-4000-8000-000000001001",
            "0f8fad5bd9cb469fa16570867728950e",
            "0f8fad5b_d9cb_469f_a165_70867728950e",
            "0f8fad5b:d9cb:469f:a165:70867728950e",
            "0f8fad5b d9cb 469f a165 70867728950e",
            "507f1f77bcf86cd799439011",
        ] {
            for text in ["{}", "id={}.", "urn:uuid:{}", "user_{}/x", "({})"] {
                assert_eq!(kept(&text.replace("{}", id)), id, "{text}");
            }
        }
        for text in ["id{}", "queueId{}", "id_{}"] {
            let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
            assert_eq!(kept(&text.replace("{}", id)), id, "{text}");
        }
        assert!(is_uuid("0f8fad5b-d9cb-469f-a165-70867728950e"));
    }

    #[test]
    fn other_words_and_numbers_are_not_ids() {
        for text in [
            "0f8fad5b-d9cb-469f-a165-70867728950ef",
            "0f8fad5b-d9cb-469f_a165-70867728950e",
            "12345678 1234 1234 1234 123456789012",
            "AD1200012030200359100100",
            "411111111111111111111111",
            "0f8fad5b",
        ] {
            assert_eq!(kept(text), "", "{text}");
        }
        assert!(!is_uuid("0f8fad5b-d9cb-469f-a165-70867728950x"));
    }
}
