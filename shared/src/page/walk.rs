//! Walks along one level of a JSON value without parsing what lies below.

use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A member of an object, both parts as the text that came.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    /// The key with its quotes and escapes.
    pub(super) key: &'a RawValue,
    pub(super) value: &'a RawValue,
}

impl Member<'_> {
    /// Whether this is the member `name`, however its key is escaped.
    pub(super) fn is(&self, name: &str) -> bool {
        let quoted = self.key.get();
        if quoted.contains('\\') {
            // A key with half a surrogate pair is valid JSON and no string; it has none of our names.
            serde_json::from_str::<String>(quoted).is_ok_and(|key| key == name)
        } else {
            quoted.get(1..quoted.len() - 1) == Some(name)
        }
    }
}

pub(super) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

pub(super) fn is_array(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

pub(super) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// The members with these names, present nulls included. Of a key that repeats the last counts, as in plain JSON. All
/// are `None` when the value is no object.
pub(super) fn pick<'a, const N: usize>(
    value: &'a RawValue,
    names: [&str; N],
) -> [Option<&'a RawValue>; N] {
    let mut picked = [None; N];
    members(value, |member| {
        if let Some(place) = names.iter().position(|name| member.is(name)) {
            picked[place] = Some(member.value);
        }
    });
    picked
}

/// Visits every member of an object in order, repeated keys included; nothing when the value is no object.
pub(super) fn members<'a>(value: &'a RawValue, visit: impl FnMut(Member<'a>)) {
    if is_object(value) {
        let mut json = serde_json::Deserializer::from_str(value.get());
        walked(json.deserialize_map(EachMember(visit)));
    }
}

/// Visits every element of an array in order; nothing when the value is no array.
pub(super) fn elements<'a>(value: &'a RawValue, visit: impl FnMut(&'a RawValue)) {
    if is_array(value) {
        let mut json = serde_json::Deserializer::from_str(value.get());
        walked(json.deserialize_seq(EachElement(visit)));
    }
}

/// A raw value has been read as JSON once, so it can be read again. Going on after an error would lose members.
fn walked(result: serde_json::Result<()>) {
    if let Err(error) = result {
        unreachable!("a raw value is valid JSON: {error}");
    }
}

/// Puts a comma, unless an object or array was just opened. No JSON value ends in an opening bracket.
pub(super) fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

pub(super) struct EachMember<F>(pub(super) F);

impl<'de, F: FnMut(Member<'de>)> Visitor<'de> for EachMember<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry()? {
            (self.0)(Member { key, value });
        }
        Ok(())
    }
}

struct EachElement<F>(F);

impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for EachElement<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_present_null_is_not_an_absent_member() {
        let [present, absent] = pick(raw(r#"{"a":null}"#), ["a", "b"]);

        assert_eq!(present.map(RawValue::get), Some("null"));
        assert!(absent.is_none());
    }

    #[test]
    fn the_last_of_repeated_keys_counts_however_they_are_escaped() {
        let [id] = pick(raw(r#"{"id":1,"\u0069d":2,"i\u0064":1e400}"#), ["id"]);

        assert_eq!(id.map(RawValue::get), Some("1e400"));
    }

    #[test]
    fn a_key_that_is_no_string_is_walked_past() {
        let [id] = pick(raw(r#"{"\ud800":1,"id":"x"}"#), ["id"]);

        assert_eq!(id.map(RawValue::get), Some(r#""x""#));
    }

    #[test]
    fn a_value_nested_deeper_than_any_parser_would_follow_is_walked_past() {
        let deep = format!(r#"{{"a":{}{},"id":1}}"#, "[".repeat(5000), "]".repeat(5000));

        let [id] = pick(raw(&deep), ["id"]);

        assert_eq!(id.map(RawValue::get), Some("1"));
    }

    #[test]
    fn nothing_is_found_in_what_is_no_object_or_array() {
        for text in ["null", "[1]", "\"{}\"", "1e400"] {
            assert!(pick(raw(text), ["a"])[0].is_none());
        }
        elements(raw(r#"{"a":[1]}"#), |_| panic!("no element"));
    }
}
