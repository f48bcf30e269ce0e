//! Strings of JSON text: where they end, and what they contain.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::records::page::codec::infallible;

/// The bytes as text. Those that are not UTF-8 are read as Latin-1, in which every byte is a character.
pub(crate) fn text_of_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().copied().map(char::from));
    }
    text
}

/// The text with control characters in strings escaped, as JSON requires.
pub(crate) fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let (mut in_string, mut after_backslash) = (false, false);
    for letter in text.chars() {
        match letter {
            '"' if !after_backslash => in_string = !in_string,
            '\u{0}'..='\u{1f}' if in_string => {
                infallible(write!(escaped, "\\u{:04x}", u32::from(letter)));
                continue;
            }
            _ => {}
        }
        after_backslash = letter == '\\' && !after_backslash;
        escaped.push(letter);
    }
    escaped
}

/// The offset after the string that begins at `from`.
pub(super) fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(rest) = bytes.get(at..)
        && let Some(next) = memchr::memchr2(b'"', b'\\', rest)
    {
        at += next;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// The decoded string. Half a surrogate pair, which JSON allows, becomes the replacement character.
pub(super) fn decode_string(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1));
    let inner = inner.unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return inner.into();
    }
    let decoded: Result<LossyString, _> = serde_json::from_str(quoted);
    decoded.map_or_else(|_| inner.into(), |string| string.0.into())
}

/// A string that is deserialized from bytes, which may contain half a surrogate pair.
struct LossyString(String);

impl<'de> serde::Deserialize<'de> for LossyString {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = LossyString;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<LossyString, E> {
                Ok(LossyString(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
