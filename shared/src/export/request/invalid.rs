//! A refusal: one message that names the field, the value and the rule.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::base::printable;

/// The reason why a request is refused. Nothing was sent or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    #[error("`{field}` is {value}: {rule}")]
    Field {
        field: String,
        value: String,
        rule: String,
    },
    /// A rule whose text names the field itself.
    #[error("{0}")]
    Rule(String),
    #[error("the request cannot be parsed: {0}")]
    Unreadable(String),
}

impl InvalidRequest {
    pub fn new(
        field: impl Into<String>,
        value: impl fmt::Display,
        rule: impl Into<String>,
    ) -> Self {
        // Truncated: the value is shown only to be recognised.
        let mut text = printable::one_line(&value.to_string()).into_owned();
        if text.chars().count() > 120 {
            text = text.chars().take(120).chain(['…']).collect();
        }
        Self::Field {
            field: field.into(),
            value: text,
            rule: rule.into(),
        }
    }

    /// Parses JSON; the error names the field and the accepted values.
    pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Self> {
        let mut text = serde_json::Deserializer::from_str(json);
        let read = serde_path_to_error::deserialize(&mut text)
            .map_err(|error| Self::unreadable(Some(&error.path().to_string()), error.inner()))?;
        text.end().map_err(|error| Self::unreadable(None, &error))?;
        Ok(read)
    }

    /// `path` is the path of the field whose value is invalid, if known.
    fn unreadable(path: Option<&str>, error: &serde_json::Error) -> Self {
        match path {
            // If the text ends early, only its position is useful. An invalid string or a number out of range also
            // counts as a syntax error, but has a field.
            Some(path) if !error.is_eof() && path != "." => {
                Self::Unreadable(printable::one_line(&format!("`{path}`: {error}")).into_owned())
            }
            _ => Self::Unreadable(printable::one_line(&error.to_string()).into_owned()),
        }
    }
}
