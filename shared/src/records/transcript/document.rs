//! Converts a response body to JSON text that can be stored and parsed again.
//!
//! Invalid JSON or Unicode in the text of one message affects only the invalid characters: bytes that are not UTF-8 are
//! read as Latin-1, halves of surrogate pairs become U+FFFD, and control characters in strings are escaped.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::records::page::{escape_controls, text_of_bytes};
use depth::Depth;

mod depth;

/// `serde_json` parses at most 128 levels of nesting, and a record adds some around the stored content.
const MAX_LEVELS: usize = 100;

/// Parses a whole response body. An error refers to the text as received.
pub(crate) fn parse_document(body: &[u8]) -> Result<Cow<'_, RawValue>, DecodeError> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => without_lone_surrogates(text),
        Err(_) => Cow::Owned(without_lone_surrogates(&text_of_bytes(body)).into_owned()),
    };
    match &text {
        Cow::Borrowed(text) => serde_json::from_str(text).map(Cow::Borrowed),
        Cow::Owned(text) => serde_json::from_str(text).map(Cow::Owned),
    }
    .or_else(|error| {
        let repaired = RawValue::from_string(escape_controls(&text));
        repaired
            .map(Cow::Owned)
            .map_err(|_| DecodeError::syntax(&error))
    })
}

/// The value unchanged if every JSON parser can read it. Otherwise, for example for a number beyond all types, a string
/// that contains its text.
#[expect(clippy::expect_used, reason = "every text has a JSON string")]
pub(super) fn to_readable(value: Box<RawValue>) -> Box<RawValue> {
    match serde_json::from_str::<Depth>(value.get()) {
        Ok(Depth(levels)) if levels <= MAX_LEVELS => value,
        _ => serde_json::value::to_raw_value(value.get()).expect("a JSON string"),
    }
}

/// Replaces escaped halves of surrogate pairs by U+FFFD, escaped as well, so that the text keeps its length.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    let mut output = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        at += found;
        let pair = [code_unit(text, at), code_unit(text, at + 6)];
        at += match pair {
            [Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)] => 12,
            [Some(0xd800..=0xdfff), _] => {
                output.to_mut().replace_range(at..at + 6, r"\ufffd");
                6
            }
            _ => 2,
        };
        if at >= text.len() {
            break;
        }
    }
    output
}

/// The UTF-16 code unit of the escape at this offset.
fn code_unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(r"\u")?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(body: &[u8]) -> Option<String> {
        parse_document(body).ok().map(|it| it.get().to_owned())
    }

    #[test]
    fn invalid_characters_are_replaced_and_the_rest_is_kept() {
        let table: [(&[u8], &str); 13] = [
            (br#"{"a":"x"}"#, r#"{"a":"x"}"#),
            (b" {\"a\":1} ", r#"{"a":1}"#),
            (br#"["\ud83d"]"#, r#"["\ufffd"]"#),
            (br#"["\ude00"]"#, r#"["\ufffd"]"#),
            (br#"["\uD83D\uDE00"]"#, r#"["\uD83D\uDE00"]"#),
            (br#"["\ude00\ud83d"]"#, r#"["\ufffd\ufffd"]"#),
            (br#"["\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
            (br#"["\\ud83d \\\ud83d"]"#, r#"["\\ud83d \\\ufffd"]"#),
            (br#"{"\udc00":1}"#, r#"{"\ufffd":1}"#),
            (b"[\"caf\xe9\"]", "[\"caf\u{e9}\"]"),
            (b"[\"a\nb\tc\"]", r#"["a\u000ab\u0009c"]"#),
            (
                b"[\"a\\\"\nb\\\\\",\n\"\x00\"]",
                "[\"a\\\"\\u000ab\\\\\",\n\"\\u0000\"]",
            ),
            (b"[\"\\ud83d\n\xff\"]", "[\"\\ufffd\\u000a\u{ff}\"]"),
        ];
        for (body, text) in table {
            assert_eq!(
                read(body).as_deref(),
                Some(text),
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn truncated_bodies_and_web_pages_are_not_read() {
        let bodies: [&[u8]; 8] = [
            b"",
            br#"{"a":"#,
            br#"{"a":"x"#,
            br#"["\u12"]"#,
            br#"["\ud83d\"#,
            b"<html>",
            b"{\"a\":1}\x00",
            br#"{"a":1}{"b":2}"#,
        ];
        for body in bodies {
            assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn values_that_some_readers_refuse_are_kept_as_text() {
        let deep = format!("{}1{}", "[".repeat(101), "]".repeat(101));
        for (value, output) in [
            (r#"{"n":1.50}"#, r#"{"n":1.50}"#),
            ("null", "null"),
            (r#"{"n":1E+400}"#, r#""{\"n\":1E+400}""#),
            (&*deep, &*format!("\"{deep}\"")),
        ] {
            let raw = RawValue::from_string(value.to_owned()).unwrap();
            assert_eq!(to_readable(raw).get(), output);
        }
    }

    proptest! {
        #[test]
        fn repaired_documents_are_valid_json(body in prop::collection::vec(prop_oneof![
            Just(b"\\ud83d".to_vec()), Just(b"\\ude00".to_vec()), Just(b"\\".to_vec()), Just(b"\"".to_vec()),
            Just(b"\n".to_vec()), prop::collection::vec(any::<u8>(), 1..3),
        ], 0..12)) {
            let body = [b"[\"".to_vec(), body.concat(), b"\"]".to_vec()].concat();
            if let Ok(document) = parse_document(&body) {
                prop_assert!(serde_json::from_str::<Value>(document.get()).is_ok());
            }
        }
    }
}
