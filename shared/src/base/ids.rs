//! Ids of exports, runs, pages and conversations.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An export's id: 1 to 64 letters, digits, `-` or `_`, so that it is valid in a key, a path and a queue message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExportId(String);

/// The text is not a valid export id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an export id: 1 to 64 letters, digits, `-` or `_`")]
pub struct InvalidExportId(String);

impl ExportId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ExportId {
    type Error = InvalidExportId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if (1..=64).contains(&text.len()) && text.chars().all(is_allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidExportId(text.chars().take(80).collect()))
        }
    }
}

impl std::str::FromStr for ExportId {
    type Err = InvalidExportId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<ExportId> for String {
    fn from(id: ExportId) -> Self {
        id.0
    }
}

impl fmt::Display for ExportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A chain of pages read from one job or query. Slices and runs are numbered from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunId {
    pub export_id: ExportId,
    pub slice: u32,
    pub run: u32,
}

impl RunId {
    /// A page of this run. Pages are numbered from 1; a run that continues another continues its numbering.
    pub fn page(&self, page: u32) -> PageId {
        PageId {
            run: self.clone(),
            page,
        }
    }

    /// Another run of the same slice.
    #[must_use]
    pub(crate) fn with_run(&self, run: u32) -> Self {
        Self {
            run,
            ..self.clone()
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} slice {} run {}",
            self.export_id, self.slice, self.run
        )
    }
}

/// A page of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageId {
    #[serde(flatten)]
    pub run: RunId,
    pub page: u32,
}

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} page {}", self.run, self.page)
    }
}

/// A conversation's id in the form of the API: a UUID, here in lower case, so that it is valid in a key and equal ids are
/// equal texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConversationId(String);

/// The text is not a conversation's id. It may be of any origin and length, so the error does not repeat it.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "not a conversation id: expected 36 characters, such as 0f8fad5b-d9cb-469f-a165-70867728950e"
)]
pub struct InvalidConversationId;

impl ConversationId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConversationId {
    type Error = InvalidConversationId;

    fn try_from(mut text: String) -> Result<Self, Self::Error> {
        if !is_uuid(&text) {
            return Err(InvalidConversationId);
        }
        text.make_ascii_lowercase();
        Ok(Self(text))
    }
}

impl std::str::FromStr for ConversationId {
    type Err = InvalidConversationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_uuid(text) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidConversationId)
        }
    }
}

impl From<ConversationId> for String {
    fn from(id: ConversationId) -> Self {
        id.0
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text has the form of a UUID: 36 characters in five groups of hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    let is_digit = |(position, byte): (usize, u8)| match position {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_leave_its_folder_is_refused() {
        for text in ["../etc", "a/b", "", ".", "a b", "naïve", &"x".repeat(65)] {
            assert!(text.parse::<ExportId>().is_err(), "{text}");
        }
        assert!("Daily_2026-03-01".parse::<ExportId>().is_ok());
    }

    #[test]
    fn a_conversation_id_is_a_uuid_in_lower_case() {
        let id: ConversationId = "0F8FAD5B-d9cb-469f-A165-70867728950e".parse().unwrap();
        let same: ConversationId =
            serde_json::from_str(r#""0f8fad5b-D9CB-469f-a165-70867728950E""#).unwrap();

        assert_eq!(id.as_str(), "0f8fad5b-d9cb-469f-a165-70867728950e");
        assert_eq!(id, same);
    }

    #[test]
    fn a_hostile_conversation_id_is_refused_and_not_repeated() {
        let hostile = [
            "",
            "../../open/march",
            "0f8fad5b-d9cb-469f-a165-70867728950",
            "0f8fad5b-d9cb-469f-a165-70867728950g",
            "0f8fad5bd9cb-469f-a165-70867728950e-",
            "0f8fad5b-d9cb-469f-a165-7086772895/e",
            "0f8fad5b-d9cb-469f-a165-70867728950e\n",
            "{0f8fad5b-d9cb-469f-a165-7086772895}",
            "０f8fad5b-d9cb-469f-a165-7086772895",
        ];
        for text in hostile {
            let error = text.parse::<ConversationId>().unwrap_err();
            let json = serde_json::to_string(text).unwrap();
            let refused = serde_json::from_str::<ConversationId>(&json).unwrap_err();

            assert_eq!(
                text.to_owned().try_into(),
                Err::<ConversationId, _>(error),
                "{text}"
            );
            assert_eq!(refused.to_string(), error.to_string(), "{text}");
        }
    }
}
