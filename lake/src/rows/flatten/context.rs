//! Cells that are not members of the row's object: the place and version of the record, positions, copies.

use jiff::Timestamp;

use super::{Context, Row};
use crate::cell::{Cell, Fit};
use crate::json::Value;
use crate::rows::Given;
use crate::rows::level::{LineCell, LoadCell, Step};
use crate::schema::{LAKE_VERSION, Type};

/// The longest text that rows repeat from a row above, in bytes; a longer one is NULL in them.
const MAX_COPIED_TEXT: usize = 1024;

impl Context<'_> {
    /// The cell of a column whose value is not a member of the row's object.
    pub(super) fn cell<'a>(&'a self, step: Step, row: &Row<'a>) -> Option<Cell<'a>> {
        match step {
            Step::Line(cell) => self.line_cell(cell),
            Step::Load(cell) => Some(self.load_cell(cell)),
            Step::Position(depth) => Some(Cell::Integer(row.positions.indexes[depth])),
            Step::Above(levels, column) => {
                let mut row = row;
                for _ in 0..levels {
                    row = row.above?;
                }
                self.copied(row.found.column(row.value, column)?)
            }
            Step::QueueOfMetric(emitted) => {
                let emitted = row.found.column(row.value, emitted);
                let session = row.above?;
                let queue = session.found.queue_at(session.value, emitted)?;
                self.copied(queue)
            }
            _ => None,
        }
    }

    fn line_cell(&self, cell: LineCell) -> Option<Cell<'_>> {
        let line = self.line;
        match cell {
            LineCell::Id => line.id.map(text),
            LineCell::Slice => Some(Cell::Integer(line.slice.into())),
            LineCell::Page => Some(Cell::Integer(line.page.into())),
            LineCell::Number => Some(Cell::Integer(i64::try_from(line.line).unwrap_or(i64::MAX))),
            LineCell::VersionAt => Some(moment(line.version_at)),
            LineCell::ContentSha256 => Some(text(line.content_sha256)),
            LineCell::Form => Some(text(self.form.as_str())),
            LineCell::Given(name) => {
                let given = line.given.iter().find(|it| it.0 == name)?;
                Some(match given.1 {
                    Given::Text(value) => text(value),
                    Given::Moment(value) => moment(value),
                })
            }
        }
    }

    fn load_cell(&self, cell: LoadCell) -> Cell<'_> {
        match cell {
            LoadCell::ExportId => text(&self.load.export_id),
            LoadCell::IntervalEnd => moment(self.load.interval_end),
            LoadCell::PlannedAt => moment(self.load.planned_at),
            LoadCell::Generation => Cell::Integer(self.load.generation.into()),
            LoadCell::LakeVersion => Cell::Integer(LAKE_VERSION),
        }
    }

    fn copied<'a>(&self, value: Value<'a>) -> Option<Cell<'a>> {
        let cell = Fit::of(value, Type::Text, self.writing).cell()?;
        let is_short =
            |cell: &Cell<'_>| matches!(cell, Cell::Text(text) if text.len() <= MAX_COPIED_TEXT);
        Some(cell).filter(is_short)
    }
}

fn text(text: &str) -> Cell<'_> {
    Cell::Text(text.into())
}

fn moment(moment: Timestamp) -> Cell<'static> {
    Cell::Moment(moment.as_microsecond())
}
