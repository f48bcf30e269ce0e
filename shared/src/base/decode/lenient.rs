//! Reads fields that other servers write differently: numbers as text, texts as numbers, and fields that are not
//! essential.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A field that is not essential: if it cannot be read, it counts as absent.
pub fn optional<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Option::<Box<RawValue>>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_str(value.get()).ok()))
}

/// A whole, non-negative number, also as text; any other value counts as absent.
pub(crate) fn optional_count<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let value = Option::<Box<RawValue>>::deserialize(deserializer)?;
    Ok(value.and_then(|value| parse_count(value.get())))
}

/// A whole, non-negative number, also as text.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Box::<RawValue>::deserialize(deserializer)?;
    parse_count(value.get()).ok_or_else(|| D::Error::custom("not a count"))
}

/// An identifier: a non-empty text or a whole number.
pub(crate) fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Box::<RawValue>::deserialize(deserializer)?;
    parse_identifier(value.get()).ok_or_else(|| D::Error::custom("not an identifier"))
}

/// The readable elements of a value that must be a list.
pub fn elements<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let elements = Vec::<Box<RawValue>>::deserialize(deserializer)?;
    let read = elements
        .into_iter()
        .map(|it| serde_json::from_str(it.get()));
    Ok(read.filter_map(Result::ok).collect())
}

/// The count in the text of a JSON value: `35`, `35.0` or `"35"`.
pub(crate) fn parse_count(value: &str) -> Option<u64> {
    /// Up to here a floating-point number represents each whole number exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = value.trim_matches('"').trim();
    if let Ok(count) = text.parse() {
        return Some(count);
    }
    let number: f64 = text.parse().ok()?;
    let is_count = number.fract() == 0.0 && (0.0..=EXACT).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and in range"
    )]
    is_count.then_some(number as u64)
}

fn parse_identifier(value: &str) -> Option<String> {
    let id = match serde_json::from_str::<String>(value) {
        Ok(text) => text,
        Err(_) => value.parse::<i128>().ok()?.to_string(),
    };
    (!id.trim().is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_from_every_spelling_of_a_whole_number() {
        for (value, count) in [
            ("35", Some(35)),
            (r#""35""#, Some(35)),
            (r#"" 35 ""#, Some(35)),
            ("35.0", Some(35)),
            ("3.5e1", Some(35)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-1", None),
            ("3.5", None),
            ("1e400", None),
            (r#""""#, None),
            (r#""many""#, None),
            ("null", None),
            ("true", None),
            ("[35]", None),
        ] {
            assert_eq!(parse_count(value), count, "{value}");
        }
    }

    #[test]
    fn an_identifier_is_a_text_or_a_whole_number() {
        for (value, id) in [
            (r#""a-1""#, Some("a-1")),
            ("17", Some("17")),
            (r#""""#, None),
            (r#"" ""#, None),
            ("1.5", None),
            ("null", None),
            (r#"["a"]"#, None),
        ] {
            assert_eq!(parse_identifier(value).as_deref(), id, "{value}");
        }
    }
}
