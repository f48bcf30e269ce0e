//! Unusual values for members, and unusual bodies for whole responses.

use fastrand::Rng;

use super::json::{Shape, parse};

/// Bodies that replace a whole response.
pub(super) const ODD_BODIES: [(&str, &str); 13] = [
    ("an empty body", ""),
    ("{}", "{}"),
    ("[]", "[]"),
    ("null", "null"),
    ("an empty string", r#""""#),
    ("0", "0"),
    ("spaces", " \r\n"),
    ("{\"state\"}", r#"{"state":"PENDING"}"#),
    ("{\"status\"}", r#"{"status":"ok"}"#),
    (
        "{\"error\"}",
        r#"{"error":"temporarily_unavailable","error_description":"try again"}"#,
    ),
    (
        "an HTML page",
        "<!DOCTYPE html>\r\n<html><body><h1>Sign in to the network</h1></body></html>",
    ),
    ("a word", "OK"),
    ("two values", "{}{}"),
];

/// An error body in the API's format.
pub(super) fn error_body(status: u16) -> String {
    let message = "The service could not process the request.";
    format!(
        r#"{{"message":"{message}","code":"general.error","status":{status},"contextId":"5a7e1f0c-0000-4000-8000-000000000000","details":[],"errors":[]}}"#
    )
}

/// Returns another value for this one, and its description.
pub(super) fn other_value(value: &[u8], shape: &Shape, rng: &mut Rng) -> (Vec<u8>, &'static str) {
    match rng.u8(..3) {
        0 => similar_value(value, shape, rng),
        _ => unrelated_value(rng),
    }
}

/// Like [`other_value`], but never returns an equal value.
pub(super) fn other_value_than(
    value: &[u8],
    shape: &Shape,
    rng: &mut Rng,
) -> (Vec<u8>, &'static str) {
    loop {
        let (other, name) = other_value(value, shape, rng);
        if other != value {
            return (other, name);
        }
    }
}

/// A value unrelated to the original.
fn unrelated_value(rng: &mut Rng) -> (Vec<u8>, &'static str) {
    let long = || format!("\"{}\"", "long ".repeat(1_000)).into_bytes();
    match rng.u8(..20) {
        0 | 1 => (b"\"\"".to_vec(), "an empty string"),
        2 | 3 => (b"[]".to_vec(), "an empty list"),
        4 => (b"{}".to_vec(), "an empty object"),
        5 => (b"0".to_vec(), "0"),
        6 => (b"-1".to_vec(), "-1"),
        7 => (b"true".to_vec(), "true"),
        8 => (b"1E+400".to_vec(), "1E+400"),
        9 => (b"123456789012345678901234567890".to_vec(), "a huge number"),
        10 => (b"[null]".to_vec(), "[null]"),
        11 => (b"{\"id\":{\"id\":null}}".to_vec(), "an object"),
        12 => (b"\"\\ud800\"".to_vec(), "half a surrogate pair"),
        13 => (b"\"a\nb\"".to_vec(), "a raw line break"),
        14 => (b"\"caf\xe9\"".to_vec(), "a Latin-1 byte"),
        15 => (b"\"null\"".to_vec(), "\"null\""),
        16 => (b"\"1970-01-01T00:00:00Z\"".to_vec(), "the epoch"),
        17 => (b"1772323200000".to_vec(), "a number of milliseconds"),
        18 => (b"\"a\\u0000b\\u2028\"".to_vec(), "control characters"),
        _ => (long(), "a long string"),
    }
}

/// A value similar to the original.
fn similar_value(value: &[u8], shape: &Shape, rng: &mut Rng) -> (Vec<u8>, &'static str) {
    let wrapped = || [b"[", value, b"]"].concat();
    match shape {
        Shape::Number => match rng.u8(..5) {
            0 => ([b"\"", value, b"\""].concat(), "its text"),
            1 => ([value, b".0"].concat(), "a fraction"),
            2 => (add_to_number(value, 1), "one more"),
            3 => (add_to_number(value, -1), "one less"),
            _ => ([value, b"0"].concat(), "ten times as much"),
        },
        Shape::Text => match rng.u8(..5) {
            0 => (
                insert_into_string(value, b"\n"),
                "itself with a raw line break",
            ),
            1 => (
                insert_into_string(value, b"\xe9"),
                "itself with a Latin-1 byte",
            ),
            2 => (
                insert_into_string(value, b"\\udfff"),
                "itself with half a surrogate pair",
            ),
            3 => (insert_into_string(value, b" "), "itself with a space"),
            _ => (wrapped(), "a list of itself"),
        },
        Shape::List(_) => match (rng.u8(..3), first_element(value)) {
            (0, Some(first)) => (first, "its first element"),
            (1, _) => ([b"{\"0\":", value, b"}"].concat(), "an object of itself"),
            _ => (wrapped(), "a list of itself"),
        },
        Shape::Object(_) if rng.bool() => (wrapped(), "a list of itself"),
        Shape::Object(_) | Shape::Bool => (quoted(value), "its text"),
        Shape::Null => (b"\"null\"".to_vec(), "its text"),
    }
}

fn first_element(list: &[u8]) -> Option<Vec<u8>> {
    let parsed = parse(list)?;
    let first = parsed.elements()?.first()?;
    Some(first.bytes(list).to_vec())
}

fn add_to_number(number: &[u8], difference: i64) -> Vec<u8> {
    let number = std::str::from_utf8(number).ok();
    let number: Option<i64> = number.and_then(|number| number.parse().ok());
    let sum = number.unwrap_or_default().saturating_add(difference);
    sum.to_string().into_bytes()
}

/// Inserts these bytes into the string.
fn insert_into_string(string: &[u8], bytes: &[u8]) -> Vec<u8> {
    // After the first quote, where no escape sequence can begin.
    [&string[..1], bytes, &string[1..]].concat()
}

fn quoted(value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    serde_json::Value::from(text).to_string().into_bytes()
}
