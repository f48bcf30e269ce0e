//! Reads parts of stored JSON without parsing all of it, and writes JSON that every queue accepts.
//!
//! Records are archived as the text that the API sent. That text is valid JSON that most parsers still reject: lone
//! surrogates in strings and keys, numbers of any size, repeated keys, any depth. Only the requested parts are parsed
//! here.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text of a JSON value.
#[derive(Clone, Copy, Debug)]
pub struct JsonText<'a>(&'a RawValue);

impl<'a> JsonText<'a> {
    /// Fails if the text is not exactly one JSON value.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    pub fn of(value: &'a RawValue) -> Self {
        Self(value)
    }

    pub fn as_str(self) -> &'a str {
        self.0.get()
    }

    /// The members of an object in order, including those with repeated keys; empty for any other value.
    pub fn members(self) -> Vec<(Cow<'a, str>, JsonText<'a>)> {
        let members: Result<Members<'a>, _> = serde_json::from_str(self.as_str());
        members.map(|members| members.0).unwrap_or_default()
    }

    /// The member with this name; of a repeated key the last one. `None` also if the member is null.
    pub fn get(self, name: &str) -> Option<JsonText<'a>> {
        let mut members = self.members().into_iter().rev();
        let (_, value) = members.find(|(key, _)| key == name)?;
        Some(value).filter(|value| !value.is_null())
    }

    /// The elements of an array; empty for any other value.
    pub fn elements(self) -> Vec<JsonText<'a>> {
        let elements: Vec<&RawValue> = serde_json::from_str(self.as_str()).unwrap_or_default();
        elements.into_iter().map(JsonText).collect()
    }

    /// The content of a string, with U+FFFD for each lone surrogate. `None` for any other value.
    pub fn text(self) -> Option<Cow<'a, str>> {
        decode_string(self.as_str())
    }

    /// A whole number that fits into 64 bits. `None` for any other value.
    pub fn integer(self) -> Option<i64> {
        self.as_str().parse().ok()
    }

    fn is_null(self) -> bool {
        self.as_str() == "null"
    }
}

/// The content of a string in quotes, with U+FFFD for each lone surrogate. `None` for any other text.
pub(crate) fn decode_string(quoted: &str) -> Option<Cow<'_, str>> {
    let string: Result<LossyString<'_>, _> = serde_json::from_str(quoted);
    string.ok().map(|string| string.0)
}

/// The value as a message body. SQS and SNS refuse two characters that JSON allows; they are escaped.
pub fn message_body(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let body = serde_json::to_string(value)?;
    Ok(body
        .replace('\u{fffe}', "\\ufffe")
        .replace('\u{ffff}', "\\uffff"))
}

struct Members<'a>(Vec<(Cow<'a, str>, JsonText<'a>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    let key = JsonText(key).text().unwrap_or_default();
                    members.push((key, JsonText(value)));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A string, read as bytes, because it may hold a lone surrogate.
struct LossyString<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for LossyString<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = LossyString<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: de::Error>(
                self,
                bytes: &'de [u8],
            ) -> Result<Self::Value, E> {
                let text = str::from_utf8(bytes).map_err(E::custom)?;
                Ok(LossyString(text.into()))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(LossyString(replace_lone_surrogates(bytes).into()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// A lone surrogate is three bytes, of which only the first does not look like a continuation byte.
fn replace_lone_surrogates(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first().is_some_and(|byte| *byte >= 0xc0) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn json(text: &str) -> JsonText<'_> {
        JsonText::parse(text).unwrap()
    }

    #[test]
    fn a_lone_surrogate_becomes_one_replacement_character() {
        let text = |json_text| json(json_text).text().unwrap().into_owned();

        assert_eq!(text(r#""a\ud800b\udc00""#), "a\u{fffd}b\u{fffd}");
        assert_eq!(text(r#""\ud83d\ude00 \ud83d""#), "\u{1f600} \u{fffd}");
        assert_eq!(text(r#""\u0000é\n""#), "\0é\n");
        assert_eq!(text(r#""plain""#), "plain");
    }

    #[test]
    fn members_are_found_by_decoded_key_and_the_last_one_wins() {
        let record = json(r#"{"a":1,"\ud800":2,"\u0061":3,"":4,"n":null}"#);

        assert_eq!(record.get("a").unwrap().as_str(), "3");
        assert_eq!(record.get("\u{fffd}").unwrap().as_str(), "2");
        assert_eq!(record.get("").unwrap().as_str(), "4");
        assert!(record.get("n").is_none() && record.get("b").is_none());
        assert_eq!(record.members().len(), 5);
    }

    #[test]
    fn only_whole_numbers_that_fit_are_read_as_integers() {
        let integer = |text| json(text).integer();

        assert_eq!((integer("-0"), integer("42")), (Some(0), Some(42)));
        for text in ["1E+400", "1.0", "1e2", &"9".repeat(400), "\"7\"", "null"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_nested_beyond_parser_limits_is_read() {
        let deep = format!(
            r#"{{"a":{}{},"b":["x"]}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );

        let record = json(&deep);

        assert_eq!(record.get("b").unwrap().elements()[0].text().unwrap(), "x");
    }

    #[test]
    fn accessors_return_none_for_values_of_another_type() {
        for text in ["null", "7", "\"a\"", "[1]", "{}"] {
            let value = json(text);

            assert!(value.get("a").is_none(), "{text}");
            assert!(value.text().is_none() || text == "\"a\"", "{text}");
            assert!(value.elements().is_empty() || text == "[1]", "{text}");
        }
        assert!(JsonText::parse("{").is_err() && JsonText::parse("1 2").is_err());
    }

    #[test]
    fn a_message_body_escapes_characters_that_queues_refuse() {
        let text = "\u{fffe}a\u{ffff}\u{fffd}\0";

        let body = message_body(&text).unwrap();

        assert_eq!(body, "\"\\ufffea\\uffff\u{fffd}\\u0000\"");
        assert_eq!(serde_json::from_str::<String>(&body).unwrap(), text);
    }

    proptest! {
        #[test]
        fn objects_are_read_as_serde_json_wrote_them(keys in proptest::collection::vec(".{0,6}", 0..6), text in ".{0,20}") {
            let mut object = serde_json::Map::new();
            for key in &keys {
                object.insert(key.clone(), Value::from(text.clone()));
            }
            let written = Value::from(object.clone()).to_string();

            let read = json(&written);

            prop_assert_eq!(read.members().len(), object.len());
            for key in &keys {
                prop_assert_eq!(read.get(key).unwrap().text().unwrap(), text.as_str());
            }
        }
    }
}
