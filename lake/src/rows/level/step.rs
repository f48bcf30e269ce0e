//! Where the values of columns come from, with names resolved.

use crate::schema::{Column, Source, TableName};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Line(LineCell),
    Load(LoadCell),
    Position(usize),
    Member(&'static str),
    /// The length of a list, by its index.
    Count(usize),
    /// A column, by its index, that many rows above.
    Above(usize, usize),
    /// With the index of the column that says when the metric was emitted.
    QueueOfMetric(usize),
    EntryName,
    EntryValue,
    Extra,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineCell {
    Id,
    Slice,
    Page,
    Number,
    VersionAt,
    ContentSha256,
    Form,
    Given(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadCell {
    ExportId,
    IntervalEnd,
    PlannedAt,
    Generation,
    LakeVersion,
}

impl Step {
    pub(super) fn of(table: TableName, column: &Column) -> Self {
        match column.source {
            Source::Line => Self::Line(LineCell::of(column.name)),
            Source::Load => Self::Load(LoadCell::of(column.name)),
            Source::Position(depth) => Self::Position(depth),
            Source::Member(path) => Self::Member(path),
            Source::Count(path) => {
                let mut lists = table.table().lists.iter();
                Self::Count(lists.position(|it| it.path == path).unwrap_or_default())
            }
            Source::Above(levels, name) => {
                let row = (0..levels).fold(table, |row, _| above(row));
                Self::Above(levels, index(row, name))
            }
            Source::QueueOfMetric => Self::QueueOfMetric(index(table, "emit_date")),
            Source::EntryName => Self::EntryName,
            Source::EntryValue => Self::EntryValue,
            Source::Extra => Self::Extra,
        }
    }
}

/// The table of the row above; a table without one is its own, which no column names.
fn above(table: TableName) -> TableName {
    let has_list = |above: &TableName| above.table().lists.iter().any(|it| it.table == table);
    TableName::ALL.into_iter().find(has_list).unwrap_or(table)
}

/// The index of a column, which a test holds to be there.
fn index(table: TableName, name: &str) -> usize {
    let mut columns = table.table().columns();
    columns.position(|it| it.name == name).unwrap_or_default()
}

impl LineCell {
    fn of(name: &'static str) -> Self {
        match name {
            "conversation_id" => Self::Id,
            "slice" => Self::Slice,
            "page" => Self::Page,
            "line" => Self::Number,
            "version_at" => Self::VersionAt,
            "content_sha256" => Self::ContentSha256,
            "form" => Self::Form,
            given => Self::Given(given),
        }
    }
}

impl LoadCell {
    fn of(name: &str) -> Self {
        match name {
            "export_id" => Self::ExportId,
            "interval_end" => Self::IntervalEnd,
            "planned_at" => Self::PlannedAt,
            "generation" => Self::Generation,
            _ => Self::LakeVersion,
        }
    }
}
