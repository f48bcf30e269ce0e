//! Decodes response bodies. An error names a position or a field, never a value: the body may quote a conversation.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub mod lenient;
pub mod object;

/// Why a body could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A truncated body, a web page, a byte that is not UTF-8. Lines and columns count from 1.
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson { line: u32, column: u32 },
    /// JSON, but not in the documented shape.
    #[error("{0}")]
    Shape(Cow<'static, str>),
}

/// The byte order mark that some servers send before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Decodes a whole body, which must be an object: serde would also read a struct from a list, field by field.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let value = json_borrowed(body)?;
    match body.trim_ascii_start().first() {
        Some(b'{') => Ok(value),
        _ => Err(DecodeError::Shape("the body is not an object".into())),
    }
}

/// Decodes a whole body into a value that borrows from it.
pub(crate) fn json_borrowed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            DecodeError::at_path(&path, &cause)
        } else {
            DecodeError::syntax(&cause)
        }
    })?;
    json.end().map_err(|error| DecodeError::syntax(&error))?;
    Ok(value)
}

/// Decoder for a response whose body does not matter.
pub fn ignore(_: &[u8]) -> Result<(), DecodeError> {
    Ok(())
}

/// The body without the byte order mark, if it has one.
pub(crate) fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

impl DecodeError {
    pub fn missing(field: &str) -> Self {
        Self::Shape(format!("`{field}` is missing").into())
    }

    pub(crate) fn not_a(field: &str, expected: &str) -> Self {
        Self::Shape(format!("`{field}` is not {expected}").into())
    }

    pub(crate) fn syntax(error: &serde_json::Error) -> Self {
        let position = |number: usize| u32::try_from(number.max(1)).unwrap_or(u32::MAX);
        Self::NotJson {
            line: position(error.line()),
            column: position(error.column()),
        }
    }

    /// serde quotes a value of the wrong type, but of a missing field only the name, which is not foreign text.
    fn at_path(path: &str, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let missing = text.strip_prefix("missing field `");
        let missing = missing.and_then(|rest| Some(rest.split_once('`')?.0));
        match (missing, path) {
            (Some(field), "." | "") => Self::missing(field),
            (None, "." | "") => Self::Shape("the body has an unexpected type".into()),
            (_, path) if !is_field_path(path) => {
                Self::Shape("a field of the body has an unexpected type".into())
            }
            (Some(field), path) => Self::Shape(format!("`{path}` has no `{field}`").into()),
            (None, path) => Self::Shape(format!("`{path}` has an unexpected type").into()),
        }
    }
}

/// Whether a path consists of names and positions. A key of a map can be any text.
fn is_field_path(path: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.[]?".contains(letter);
    path.len() <= 200 && path.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only decoded")]
    struct Job {
        job_id: String,
        #[serde(default)]
        stages: Vec<Stage>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Stage {
        number: u32,
    }

    #[test]
    fn a_list_is_not_decoded_as_an_object() {
        for body in [r#"["j"]"#, r#"["j", []]"#, r#" [["j"]]"#] {
            assert!(json::<Job>(body.as_bytes()).is_err(), "{body}");
        }
        assert!(json::<Job>(br#" {"jobId":"j"}"#).is_ok());
    }

    #[test]
    fn an_error_names_the_field_and_never_the_value() {
        let bodies = [
            "{}",
            r#""Mary""#,
            r#"{"jobId":["Mary"]}"#,
            r#"{"jobId":"j","stages":[{"number":1},{}]}"#,
            r#"{"jobId":"j","stages":[{"number":"Mary"}]}"#,
            r#"{"jobId":"j"} Mary"#,
            "<html>Mary</html>",
            r#"{"jobId":"#,
            "",
        ];

        let errors = bodies.map(|body| json::<Job>(body.as_bytes()).unwrap_err().to_string());

        insta::assert_snapshot!(errors.join("\n"), @r"
        `jobId` is missing
        the body has an unexpected type
        `jobId` has an unexpected type
        `stages[1]` has no `number`
        `stages[0].number` has an unexpected type
        the body is not JSON (line 1, column 15)
        the body is not JSON (line 1, column 1)
        the body is not JSON (line 1, column 9)
        the body is not JSON (line 1, column 1)
        ");
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(without_byte_order_mark(b"\xEF\xBB\xBF[1]"), b"[1]");
        assert_eq!(without_byte_order_mark(b"[1]"), b"[1]");
    }
}
