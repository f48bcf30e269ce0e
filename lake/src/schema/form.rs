//! The forms that a line can have, which decide the table of its record and how values are written in it.

use super::column::{Column, Source};
use super::{TableName, interactions};

/// The form of the lines of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A conversation of the analytics API, complete or of the `standard` projection.
    Analytics,
    /// A gateway's record or entity as received.
    Gateway,
    /// The `minimal` projection.
    Minimal,
    /// The `normalized` projection.
    Normalized,
    Transcript,
    /// A live event.
    Frame,
    /// A manifest.
    Manifest,
}

/// How moments are written in lines of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `2026-03-01T00:00:00.000Z`: three decimal digits.
    Milliseconds,
    /// As many decimal digits as necessary.
    Shortest,
    /// A number: milliseconds since 1970.
    SinceEpoch,
}

impl Form {
    pub const ALL: [Self; 7] = [
        Self::Analytics,
        Self::Gateway,
        Self::Minimal,
        Self::Normalized,
        Self::Transcript,
        Self::Frame,
        Self::Manifest,
    ];

    /// The table with one row for each line.
    pub fn table(self) -> TableName {
        match self {
            Self::Analytics => TableName::Conversations,
            Self::Gateway | Self::Minimal | Self::Normalized => TableName::Interactions,
            Self::Transcript => TableName::Transcripts,
            Self::Frame => TableName::Events,
            Self::Manifest => TableName::Exports,
        }
    }

    /// The member that the column `conversation_id` holds.
    pub(crate) fn id_member(self) -> Option<&'static str> {
        match self {
            Self::Analytics | Self::Transcript | Self::Frame => Some("conversationId"),
            Self::Gateway | Self::Minimal | Self::Normalized | Self::Manifest => None,
        }
    }

    pub(crate) fn spelling(self) -> Spelling {
        match self {
            Self::Analytics | Self::Gateway | Self::Minimal | Self::Frame => Spelling::Milliseconds,
            Self::Normalized => Spelling::SinceEpoch,
            Self::Transcript | Self::Manifest => Spelling::Shortest,
        }
    }

    /// Whether a line has `null` where the cell is NULL; in other lines the member is absent.
    pub(crate) fn writes_null(self, column: &Column) -> bool {
        match (self, column.source) {
            (Self::Transcript, _) => column.is_written_as_null,
            (Self::Normalized, Source::Member(path)) => interactions::NORMALIZED.contains(&path),
            _ => false,
        }
    }

    /// The name in the column `form` of `interactions`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Analytics => "analytics",
            Self::Gateway => "gateway",
            Self::Minimal => "minimal",
            Self::Normalized => "normalized",
            Self::Transcript => "transcript",
            Self::Frame => "frame",
            Self::Manifest => "manifest",
        }
    }
}
