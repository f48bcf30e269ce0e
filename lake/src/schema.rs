//! The tables of the lake and their columns, as one list from which rows, files and documentation are made or checked.
//!
//! Columns are only ever added: none is removed, renamed or retyped (docs/lake.md).

mod analytics;
mod column;
mod common;
mod exports;
mod form;
mod interactions;
mod live;
mod transcripts;

use std::fmt;

pub use column::{Column, Source, Type};
pub use form::Form;

pub(crate) use form::Spelling;

/// The version of this list, in the column `lake_version`.
pub const LAKE_VERSION: i64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableName {
    Conversations,
    Participants,
    Attributes,
    Sessions,
    Segments,
    Metrics,
    FlowOutcomes,
    Transcripts,
    Messages,
    Interactions,
    Events,
    Exports,
}

#[derive(Debug)]
pub struct Table {
    pub name: TableName,
    /// The columns between the common ones and `extra`.
    own: &'static [Column],
    /// Lists of the row's object whose elements are rows of another table.
    pub(crate) lists: &'static [List],
    /// Paths that are neither in a column nor in `extra`.
    pub(crate) omitted: &'static [&'static str],
}

/// A list, or an object used as a map, whose entries are rows of another table.
#[derive(Debug)]
pub(crate) struct List {
    /// As in [`Source::Member`].
    pub(crate) path: &'static str,
    pub(crate) table: TableName,
    pub(crate) entries: Entries,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entries {
    /// Objects in an array.
    Elements,
    /// Members of an object.
    Members,
}

impl TableName {
    pub const ALL: [Self; 12] = [
        Self::Conversations,
        Self::Participants,
        Self::Attributes,
        Self::Sessions,
        Self::Segments,
        Self::Metrics,
        Self::FlowOutcomes,
        Self::Transcripts,
        Self::Messages,
        Self::Interactions,
        Self::Events,
        Self::Exports,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Participants => "participants",
            Self::Attributes => "attributes",
            Self::Sessions => "sessions",
            Self::Segments => "segments",
            Self::Metrics => "metrics",
            Self::FlowOutcomes => "flow_outcomes",
            Self::Transcripts => "transcripts",
            Self::Messages => "messages",
            Self::Interactions => "interactions",
            Self::Events => "events",
            Self::Exports => "exports",
        }
    }

    pub fn table(self) -> &'static Table {
        match self {
            Self::Conversations => &analytics::CONVERSATIONS,
            Self::Participants => &analytics::PARTICIPANTS,
            Self::Attributes => &analytics::ATTRIBUTES,
            Self::Sessions => &analytics::SESSIONS,
            Self::Segments => &analytics::SEGMENTS,
            Self::Metrics => &analytics::METRICS,
            Self::FlowOutcomes => &analytics::FLOW_OUTCOMES,
            Self::Transcripts => &transcripts::TRANSCRIPTS,
            Self::Messages => &transcripts::MESSAGES,
            Self::Interactions => &interactions::INTERACTIONS,
            Self::Events => &live::EVENTS,
            Self::Exports => &exports::EXPORTS,
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Table {
    /// All columns, in the order in which files have them.
    pub fn columns(&self) -> impl DoubleEndedIterator<Item = &'static Column> + use<> {
        let columns = common::COMMON.iter().chain(self.own);
        columns.chain(std::iter::once(&common::EXTRA))
    }
}

#[cfg(test)]
mod tests;
