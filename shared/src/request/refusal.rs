//! A refusal: one clear message that names the field, the value and the rule.

use std::fmt;

use serde::de::DeserializeOwned;

/// Why a request is not carried out. Nothing was sent or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("`{field}` is {value}: {rule}")]
    Field {
        field: String,
        value: String,
        rule: String,
    },
    /// A rule whose own words name the field.
    #[error("{0}")]
    Rule(String),
    #[error("the request is not readable: {0}")]
    Unreadable(String),
}

impl Refusal {
    pub fn new(
        field: impl Into<String>,
        value: impl fmt::Display,
        rule: impl Into<String>,
    ) -> Self {
        // A value is shown for recognition, not for copying: a long one is cut.
        let mut text = value.to_string();
        if text.chars().count() > 120 {
            text = text.chars().take(120).chain(['…']).collect();
        }
        Self::Field {
            field: field.into(),
            value: text,
            rule: rule.into(),
        }
    }

    /// Reads what somebody asks for; the error names the field and what is accepted.
    pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Self> {
        let mut text = serde_json::Deserializer::from_str(json);
        let read = serde_path_to_error::deserialize(&mut text)
            .map_err(|error| Self::unreadable(Some(&error.path().to_string()), error.inner()))?;
        text.end().map_err(|error| Self::unreadable(None, &error))?;
        Ok(read)
    }

    /// `path` leads to the field whose value cannot be read, where there is one.
    fn unreadable(path: Option<&str>, error: &serde_json::Error) -> Self {
        match path {
            // Where the text ends too early, the place is all there is to say. A string that is no text, or a number that is
            // too large, counts as syntax, and stands in a field.
            Some(path) if !error.is_eof() && path != "." => {
                Self::Unreadable(format!("`{path}`: {error}"))
            }
            _ => Self::Unreadable(error.to_string()),
        }
    }
}
