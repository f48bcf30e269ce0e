//! SHA-256 in the archive's notation: 64 lowercase hexadecimal digits.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use sha2::Digest as _;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256([u8; 32]);

/// Computes the digest of a text that arrives in parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hasher(sha2::Sha256);

/// The text is not a SHA-256 digest.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest of 64 hexadecimal digits")]
pub struct NotADigest(String);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of the concatenated parts.
    pub(crate) fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = sha2::Sha256::new();
        parts.into_iter().for_each(|part| hasher.update(part));
        Self(hasher.finalize().into())
    }

    /// The digest of the value's JSON. Panics if the value has no JSON, which is true of no document of this crate.
    pub(crate) fn of_json(value: &impl Serialize) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "serializing to memory fails only for a map with keys that are not strings, and no document has one"
        )]
        let json = serde_json::to_vec(value).expect("every document has JSON");
        Self::of(json)
    }

    /// The digest of the value's JSON with sorted keys, without the member `omitted` of the outermost object. Panics as
    /// [`Self::of_json`] does.
    pub(crate) fn of_sorted_json(value: &impl Serialize, omitted: Option<&str>) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "serializing to memory fails only for a map with keys that are not strings, and no document has one"
        )]
        let mut json = serde_json::to_value(value).expect("every document has JSON");
        if let (Some(fields), Some(omitted)) = (json.as_object_mut(), omitted) {
            fields.remove(omitted);
        }
        json.sort_all_objects();
        Self::of(json.to_string())
    }

    /// The first 64 bits, for uses where a whole digest would take too much memory.
    pub(crate) fn first_64_bits(&self) -> u64 {
        let mut first_64_bits = [0; 8];
        first_64_bits.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(first_64_bits)
    }

    /// The 32 bits after [`Self::first_64_bits`].
    pub(crate) fn bits_64_to_96(&self) -> u32 {
        let mut bits = [0; 4];
        bits.copy_from_slice(&self.0[8..12]);
        u32::from_be_bytes(bits)
    }

    /// The first `digits` hexadecimal digits, for names that only need to differ.
    pub fn short(&self, digits: usize) -> String {
        let mut text = self.to_string();
        text.truncate(digits);
        text
    }

    /// Calls `visit` with the digits, without allocating a string.
    fn with_digits<T>(&self, visit: impl FnOnce(&str) -> T) -> T {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        #[expect(clippy::expect_used, reason = "hexadecimal digits are ASCII")]
        let digits = str::from_utf8(&digits).expect("hexadecimal digits are ASCII");
        visit(digits)
    }
}

impl Hasher {
    pub(crate) fn update(&mut self, part: impl AsRef<[u8]>) {
        self.0.update(part);
    }

    pub(crate) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_digits(|digits| f.write_str(digits))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_digits(|digits| serializer.serialize_str(digits))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        let lowercase_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 64 || !digits.iter().all(lowercase_hex) {
            return Err(NotADigest(text));
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair
                .iter()
                .fold(0, |value, digit| value << 4 | nibble(*digit));
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_parsed_from_its_own_text() {
        let digest = Sha256::of("abc");

        let read = Sha256::try_from(digest.to_string()).unwrap();

        assert_eq!(read, digest);
        assert_eq!(
            digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.short(8), "ba7816bf");
    }

    #[test]
    fn the_order_of_keys_does_not_change_the_digest_of_sorted_json() {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let (one, other) = (
            json(r#"{"b":{"d":1,"c":2},"a":3}"#),
            json(r#"{"a":3,"b":{"c":2,"d":1}}"#),
        );

        let digest = Sha256::of_sorted_json(&one, None);

        assert_eq!(digest, Sha256::of_sorted_json(&other, None));
        assert_eq!(digest, Sha256::of(r#"{"a":3,"b":{"c":2,"d":1}}"#));
        assert_eq!(
            Sha256::of_sorted_json(&one, Some("b")),
            Sha256::of_json(&json(r#"{"a":3}"#))
        );
    }

    #[test]
    fn an_uppercase_digest_is_refused() {
        assert!(Sha256::try_from("BA".repeat(32)).is_err());
    }
}
