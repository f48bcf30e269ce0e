//! Values in canonical form: no white space, members sorted by name, one way to write each string. Numbers are kept as
//! they were received.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Problem;
use crate::base::json::{JsonText, decode_string};
use crate::records::page::{Cursor, infallible, is_list_of_words};

/// The deepest value of an event is about ten levels deep. Readers of many languages refuse more than a hundred.
const MAX_LEVELS: usize = 100;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// A number, `true`, `false` or `null`, as received.
    Literal(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(BTreeMap<Cow<'a, str>, Self>),
}

impl<'a> Value<'a> {
    /// Reads a value, without the lists of single words in it.
    pub(super) fn read(json: JsonText<'a>) -> Result<Self, Problem> {
        Self::read_level(&mut Cursor::new(json.as_str()), 1)
    }

    fn read_level(cursor: &mut Cursor<'a>, level: usize) -> Result<Self, Problem> {
        if cursor.is_at_object() {
            check_level(level)?;
            Self::read_object(cursor, level)
        } else if cursor.is_at_array() {
            check_level(level)?;
            cursor.enter();
            let mut elements = Vec::new();
            while cursor.next_element() {
                elements.push(Self::read_level(cursor, level + 1)?);
            }
            Ok(Self::List(elements))
        } else {
            Ok(Self::scalar(cursor.skip()))
        }
    }

    fn scalar(text: &'a str) -> Self {
        let string = text.starts_with('"').then(|| decode_string(text));
        string.flatten().map_or(Self::Literal(text), Self::Text)
    }

    fn read_object(cursor: &mut Cursor<'a>, level: usize) -> Result<Self, Problem> {
        cursor.enter();
        let mut members = BTreeMap::new();
        while let Some(key) = cursor.next_key() {
            let name = decode_string(key.quoted()).unwrap_or_default();
            let value = Self::read_level(cursor, level + 1)?;
            if members.insert(name, value).is_some() {
                return Err(Problem::RepeatedMember);
            }
        }
        members.retain(|name, value| !(is_list_of_words(name) && value.is_container()));
        Ok(Self::Object(members))
    }

    /// The member with this name; `None` also if it is null.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text, or a whole number as received.
    pub(super) fn text_or_digits(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Literal(literal) => {
                let is_digits = literal.bytes().all(|byte| byte.is_ascii_digit());
                is_digits.then_some(literal)
            }
            Self::List(_) | Self::Object(_) => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Literal(literal) => literal.parse().ok(),
            _ => None,
        }
    }

    /// The elements of a list; none of any other value.
    pub(super) fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            _ => &[],
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Object(_))
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Literal("null"))
    }

    /// The members' values of an object, in the order of their names.
    pub(super) fn member_values(&self) -> impl Iterator<Item = &Self> {
        let members = match self {
            Self::Object(members) => Some(members),
            _ => None,
        };
        members.into_iter().flat_map(BTreeMap::values)
    }

    /// The canonical form.
    pub(super) fn canonical(&self) -> Box<RawValue> {
        let mut text = String::new();
        self.write(&mut text);
        #[expect(clippy::expect_used, reason = "`write` writes JSON")]
        RawValue::from_string(text).expect("`write` writes JSON")
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Text(text) => push_string(text, out),
            Self::List(elements) => {
                out.push('[');
                for (position, element) in elements.iter().enumerate() {
                    push_comma_after(position, out);
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (position, (name, value)) in members.iter().enumerate() {
                    push_comma_after(position, out);
                    push_string(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn check_level(level: usize) -> Result<(), Problem> {
    if level > MAX_LEVELS {
        return Err(Problem::TooDeep);
    }
    Ok(())
}

fn push_comma_after(position: usize, out: &mut String) {
    if position > 0 {
        out.push(',');
    }
}

pub(super) fn push_string(text: &str, out: &mut String) {
    out.push_str(&infallible(serde_json::to_string(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, Problem> {
        let value = Value::read(JsonText::parse(text).unwrap())?;
        Ok(value.canonical().get().to_owned())
    }

    #[test]
    fn members_are_sorted_by_the_bytes_of_their_decoded_names() {
        let text =
            r#" { "b" : [ 1 , { "z":null, "\u0061":true } ] , "B":"x", "é":0, "\u0062b":{} } "#;

        insta::assert_snapshot!(canonical(text).unwrap(), @r#"{"B":"x","b":[1,{"a":true,"z":null}],"bb":{},"é":0}"#);
    }

    #[test]
    fn numbers_are_kept_as_they_were_received() {
        let numbers = "[-0,1.50,1E+400,12345678901234567890123,1e-7]";

        assert_eq!(canonical(numbers).unwrap(), numbers);
    }

    #[test]
    fn strings_have_the_escapes_that_serde_json_writes() {
        let text = r#""\u00e9\/\u0041\u0000\u001F\"\\\ud83d\ude00""#;

        assert_eq!(
            canonical(text).unwrap(),
            "\"é/A\\u0000\\u001f\\\"\\\\\u{1f600}\""
        );
    }

    #[test]
    fn half_a_surrogate_pair_becomes_one_replacement_character() {
        assert_eq!(
            canonical(r#"{"\udc00":"a\ud800b"}"#).unwrap(),
            "{\"\u{fffd}\":\"a\u{fffd}b\"}"
        );
    }

    #[test]
    fn two_members_of_one_name_are_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":1,"a":2}}]"#,
            r#"{"words":[{"a":1,"a":2}]}"#,
            r#"{"words":[],"words":[]}"#,
        ] {
            assert_eq!(canonical(text), Err(Problem::RepeatedMember), "{text}");
        }
    }

    #[test]
    fn a_hundred_levels_are_read_and_more_are_refused() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);

        assert_eq!(canonical(&nested(100)).unwrap(), nested(100));
        for levels in [101, 1000, 200_000] {
            assert_eq!(canonical(&nested(levels)), Err(Problem::TooDeep));
        }
    }

    #[test]
    fn lists_of_single_words_are_left_out_and_texts_of_that_name_stay() {
        let text = r#"{"decoratedWords":[{"word":"a"}],"words":{"0":"b"},"x":[{"words":["c"]},{"words":"d"}]}"#;

        assert_eq!(canonical(text).unwrap(), r#"{"x":[{},{"words":"d"}]}"#);
    }
}
