//! Measures how deeply a JSON value is nested, without building it: a value of megabytes would take ten times its size
//! in memory.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The levels of lists and objects in a value; 0 for a text, a number, a boolean or null. Deserializing fails where a
/// parser of values would fail, such as at a number beyond all types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Depth(pub(super) usize);

struct DepthVisitor;

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DepthVisitor)
    }
}

impl<'de> Visitor<'de> for DepthVisitor {
    type Value = Depth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_unit<E>(self) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Depth, A::Error> {
        let mut deepest = 0;
        while let Some(Depth(levels)) = list.next_element()? {
            deepest = deepest.max(levels);
        }
        Ok(Depth(1 + deepest))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Depth, A::Error> {
        let mut deepest = 0;
        while let Some((IgnoredAny, Depth(levels))) = object.next_entry()? {
            deepest = deepest.max(levels);
        }
        Ok(Depth(1 + deepest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(json: &str) -> Option<usize> {
        serde_json::from_str(json).ok().map(|Depth(levels)| levels)
    }

    #[test]
    fn lists_and_objects_are_counted_along_the_deepest_path() {
        for (json, levels) in [
            ("null", 0),
            (r#""a\u00e9""#, 0),
            ("-1.5", 0),
            ("[]", 1),
            ("{}", 1),
            (r#"{"a":[1,[2]],"b":{}}"#, 3),
            (r"[[[]],true,[]]", 3),
        ] {
            assert_eq!(depth(json), Some(levels), "{json}");
        }
        assert_eq!(depth("1E+400"), None);
        assert_eq!(depth(r#"[{"a":-1E+400}]"#), None);
    }
}
