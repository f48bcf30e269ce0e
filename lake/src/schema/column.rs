//! Columns: their types, and where their values come from.

use std::fmt;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Unicode text.
    Text,
    /// The text of a JSON value, as it is in the record.
    Json,
    /// A whole number of 64 bits.
    Integer,
    /// A number of double precision.
    Double,
    Boolean,
    /// A time in microseconds, UTC.
    Moment,
}

/// Where the value of a column comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Given by the caller for each line: the record's place and version.
    Line,
    /// Constant for a load.
    Load,
    /// The index, from 0, of the row's ancestor at this depth in the list that holds it; the record has none.
    Position(usize),
    /// A member of the row's object, or `object.member` of an object in it.
    Member(&'static str),
    /// The number of entries of the list at this path.
    Count(&'static str),
    /// A column of the row that many levels above.
    Above(usize, &'static str),
    /// The queue of the session when the metric was emitted.
    QueueOfMetric,
    /// The name of an entry of a map.
    EntryName,
    /// The value of an entry of a map.
    EntryValue,
    /// The members that no other column of the row holds exactly.
    Extra,
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Type,
    pub source: Source,
    /// Whether records of the transcript projection write `null` for a value that they lack.
    pub(crate) is_written_as_null: bool,
}

impl Type {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Integer => "integer",
            Self::Double => "number",
            Self::Boolean => "boolean",
            Self::Moment => "moment",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As docs/lake.md names the source.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line => f.write_str("line"),
            Self::Load => f.write_str("load"),
            Self::Position(_) => f.write_str("position"),
            Self::Member(path) => write!(f, "`{path}`"),
            Self::Count(path) => write!(f, "length of `{path}`"),
            Self::Above(1, name) => write!(f, "`{name}`, one level above"),
            Self::Above(levels, name) => write!(f, "`{name}`, {levels} levels above"),
            Self::QueueOfMetric => f.write_str("`queueId` of a segment"),
            Self::EntryName => f.write_str("name of the member"),
            Self::EntryValue => f.write_str("value of the member"),
            Self::Extra => f.write_str("rest"),
        }
    }
}

pub(super) const fn column(name: &'static str, kind: Type, source: Source) -> Column {
    Column {
        name,
        kind,
        source,
        is_written_as_null: false,
    }
}

pub(super) const fn member(name: &'static str, kind: Type, path: &'static str) -> Column {
    column(name, kind, Source::Member(path))
}

/// A member that a transcript always has, `null` without a value.
pub(super) const fn member_or_null(name: &'static str, kind: Type, path: &'static str) -> Column {
    Column {
        is_written_as_null: true,
        ..member(name, kind, path)
    }
}

pub(super) const fn position(name: &'static str, depth: usize) -> Column {
    column(name, Type::Integer, Source::Position(depth))
}

pub(super) const fn count(name: &'static str, path: &'static str) -> Column {
    column(name, Type::Integer, Source::Count(path))
}

/// A copy of a text in a row above.
pub(super) const fn above(name: &'static str, levels: usize) -> Column {
    column(name, Type::Text, Source::Above(levels, name))
}
