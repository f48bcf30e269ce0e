//! Checks of JSON that refuse what is not expected, each with a sentence that names the place.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The checked value, or a sentence that names the violation of the contract.
pub(crate) type Checked<T> = Result<T, String>;

/// The object with all `required` fields, perhaps some of the `optional` ones, and no other.
pub(crate) fn object<'a>(
    value: &'a Value,
    place: &str,
    required: &[&str],
    optional: &[&str],
) -> Checked<&'a Map<String, Value>> {
    let fields = value
        .as_object()
        .ok_or_else(|| format!("{place} is not an object: {value}"))?;
    if let Some(missing) = required.iter().find(|name| !fields.contains_key(**name)) {
        return Err(format!("{place} lacks {missing}: {value}"));
    }
    let known = |name: &String| required.iter().chain(optional).any(|known| known == name);
    match fields.keys().find(|name| !known(name)) {
        Some(unknown) => Err(format!("{place} has the unknown field {unknown}: {value}")),
        None => Ok(fields),
    }
}

pub(crate) fn text<'a>(value: &'a Value, place: &str) -> Checked<&'a str> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("{place} is not a text: {value}"))
}

pub(crate) fn word<'a>(value: &'a Value, place: &str, words: &[&str]) -> Checked<&'a str> {
    let text = text(value, place)?;
    if words.contains(&text) {
        Ok(text)
    } else {
        Err(format!("{place} is {text}, not one of {words:?}"))
    }
}

/// A list of at least one text, in which no text occurs twice.
pub(crate) fn texts(value: &Value, place: &str) -> Checked<Vec<String>> {
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| format!("{place} is not a list with elements: {value}"))?;
    let texts: Vec<String> = list
        .iter()
        .map(|element| text(element, place).map(str::to_owned))
        .collect::<Checked<_>>()?;
    let repeated = (1..texts.len()).find(|at| texts[..*at].contains(&texts[*at]));
    match repeated {
        Some(at) => Err(format!("{place} repeats {}", texts[at])),
        None => Ok(texts),
    }
}

pub(crate) fn boolean(value: &Value, place: &str) -> Checked<bool> {
    value
        .as_bool()
        .ok_or_else(|| format!("{place} is not a boolean: {value}"))
}

pub(crate) fn integer(value: &Value, place: &str, range: RangeInclusive<u64>) -> Checked<u64> {
    let number = value.as_u64().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("{place} is not an integer in {range:?}: {value}"))
}

/// A moment. The contracts name no format, so each text of RFC 3339 is accepted, with any number of decimal digits and
/// any offset.
pub(crate) fn moment(value: &Value, place: &str) -> Checked<Timestamp> {
    text(value, place)?
        .parse()
        .map_err(|_| format!("{place} is not a moment: {value}"))
}

/// The value with each moment in one form, for comparison.
pub(crate) fn with_equal_moments(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(moment) => Value::String(moment.to_string()),
            Err(_) => value.clone(),
        },
        Value::Array(list) => list.iter().map(with_equal_moments).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), with_equal_moments(value)))
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}
