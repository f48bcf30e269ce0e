//! Ids of exports, runs and pages, and the names in the keys of live objects.

use std::fmt;

use serde::{Deserialize, Serialize};

mod live;

pub use live::InvalidName;
pub use live::{ConversationId, StreamName, WriterId};

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
}
