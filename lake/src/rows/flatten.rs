//! The walk through a record, which appends a row for each object that has a table.

mod context;
mod keep;

use std::borrow::Cow;

use super::buffers::{Rows, Tables};
use super::extra::Extra;
use super::found::{Found, Other, last_of_each};
use super::level::{Level, Step};
use super::report::{RejectedLine, Report};
use super::{Line, Load};
use crate::cell::{Cell, Fit, Writing};
use crate::json::{Decoded, Kind, Nodes, Rejection, Value};
use crate::schema::{Column, Entries, Form, List, TableName};

/// Depth of the tables: conversation, participant, session, segment.
const MAX_POSITIONS: usize = 3;

/// Turns lines of one form and load into rows.
#[derive(Debug)]
pub struct Flattener {
    form: Form,
    load: Load,
    levels: Vec<Level>,
    nodes: Nodes,
    walk: Walk,
}

/// The state of a walk through a record.
#[derive(Debug, Default)]
struct Walk {
    extra: Extra,
    /// Of rows that are complete, to be used again.
    spare: Vec<Found>,
    report: Report,
}

/// Values that are the same for all rows of a line.
struct Context<'a> {
    form: Form,
    writing: Writing,
    levels: &'a [Level],
    load: &'a Load,
    line: &'a Line<'a>,
}

/// The row that is being filled, and those above it.
#[derive(Clone, Copy)]
struct Row<'a> {
    level: &'a Level,
    found: &'a Found,
    value: Value<'a>,
    positions: Positions,
    above: Option<&'a Row<'a>>,
}

#[derive(Clone, Copy, Default)]
struct Positions {
    depth: usize,
    indexes: [i64; MAX_POSITIONS],
}

impl Flattener {
    pub fn new(form: Form, load: Load) -> Self {
        let levels = TableName::ALL.map(|table| Level::new(table, form));
        Self {
            form,
            load,
            levels: levels.into(),
            nodes: Nodes::default(),
            walk: Walk::default(),
        }
    }

    /// Appends the rows of a line. A line that is rejected has no rows; it is in the report.
    pub fn add(&mut self, line: &Line<'_>, tables: &mut Tables) -> Result<(), Rejection> {
        let record = match self.nodes.read_object(line.text) {
            Ok(record) => record,
            Err(reason) => {
                self.walk.report.rejected.push(RejectedLine {
                    page: line.page,
                    line: line.line,
                    reason,
                });
                return Err(reason);
            }
        };
        let context = Context {
            form: self.form,
            writing: Writing {
                moments: self.form.spelling(),
                has_numbers_as_texts: matches!(self.form, Form::Gateway | Form::Minimal),
            },
            levels: &self.levels,
            load: &self.load,
            line,
        };
        let root = context.level(self.form.table());
        self.walk
            .row(&context, root, record, None, Positions::default(), tables);
        self.walk.report.lines += 1;
        Ok(())
    }

    /// The counts so far.
    pub fn report(&self) -> &Report {
        &self.walk.report
    }
}

impl Context<'_> {
    fn level(&self, table: TableName) -> &Level {
        &self.levels[table as usize]
    }
}

impl Positions {
    fn below(mut self, index: usize) -> Self {
        self.indexes[self.depth] = i64::try_from(index).unwrap_or(i64::MAX);
        self.depth += 1;
        self
    }
}

impl Walk {
    /// Appends the row of an object, then those of the lists in it.
    fn row(
        &mut self,
        context: &Context<'_>,
        level: &Level,
        value: Value<'_>,
        above: Option<&Row<'_>>,
        positions: Positions,
        tables: &mut Tables,
    ) {
        let mut found = self.spare.pop().unwrap_or_default();
        found.read(level, value);
        let row = Row {
            level,
            found: &found,
            value,
            positions,
            above,
        };
        self.fill(context, &row, tables.rows(level.table.name));
        for (index, list) in level.lists().iter().enumerate() {
            if let Some(entries) = found.list(value, index) {
                self.entries(context, &row, list, entries, tables);
            }
        }
        self.spare.push(found);
    }

    fn entries(
        &mut self,
        context: &Context<'_>,
        row: &Row<'_>,
        list: &List,
        entries: Value<'_>,
        tables: &mut Tables,
    ) {
        let level = context.level(list.table);
        match list.entries {
            Entries::Elements => {
                for (index, element) in entries.elements().enumerate() {
                    if element.kind() == Kind::Object {
                        let positions = row.positions.below(index);
                        self.row(context, level, element, Some(row), positions, tables);
                    }
                }
            }
            Entries::Members => {
                for (index, (name, value)) in map_entries(entries).into_iter().enumerate() {
                    let positions = row.positions.below(index);
                    if let Some(Decoded::Exact(name)) = name.string() {
                        let rows = tables.rows(list.table);
                        self.entry(context, level, row, (name, value), positions, rows);
                    }
                }
            }
        }
    }

    /// Fills all columns of the row of an object.
    fn fill(&mut self, context: &Context<'_>, row: &Row<'_>, rows: &mut Rows) {
        self.extra.clear();
        self.keep_others(row);
        self.keep_elements(row);
        self.keep_id(context, row);
        let mut has_cell = vec![false; row.level.objects.len()];
        for (index, step) in row.level.steps.iter().enumerate() {
            let cell = match *step {
                Step::Member(path) => self.member(context, row, index, path),
                Step::Count(list) => self.count(row, index, list),
                Step::Extra => {
                    self.keep_empty_objects(row, &has_cell);
                    self.extra.json().map(|json| Cell::Text(json.into()))
                }
                step => context.cell(step, row),
            };
            if let (Some(object), Some(_)) = (row.level.object_of[index], &cell) {
                has_cell[object] = true;
            }
            rows.push(index, cell);
        }
        rows.end_row();
        self.report.count_row(row.level.table.name);
    }

    /// Fills the row of an entry of a map.
    fn entry(
        &mut self,
        context: &Context<'_>,
        level: &Level,
        above: &Row<'_>,
        (name, value): (Cow<'_, str>, Value<'_>),
        positions: Positions,
        rows: &mut Rows,
    ) {
        self.extra.clear();
        let row = Row {
            level,
            value,
            positions,
            above: Some(above),
            found: above.found,
        };
        for (index, (column, step)) in level.columns.iter().zip(&level.steps).enumerate() {
            let cell = match *step {
                Step::EntryName => Some(Cell::Text(Cow::Borrowed(&*name))),
                Step::EntryValue => self.fitted(context, &row, column, (None, column.name), value),
                Step::Extra => self.extra.json().map(|json| Cell::Text(json.into())),
                step => context.cell(step, &row),
            };
            rows.push(index, cell);
        }
        rows.end_row();
        self.report.count_row(level.table.name);
    }

    fn member<'a>(
        &mut self,
        context: &Context<'_>,
        row: &Row<'a>,
        index: usize,
        path: &'static str,
    ) -> Option<Cell<'a>> {
        let column = row.level.columns[index];
        let object = row.level.object_of[index];
        let writes_null = context.form.writes_null(column);
        let Some(value) = row.found.column(row.value, index) else {
            let is_expected = object.is_none_or(|it| row.has_object(it));
            if writes_null && is_expected {
                self.extra.add_absent(path);
            }
            return None;
        };
        if writes_null && value.kind() == Kind::Null {
            return None;
        }
        self.fitted(context, row, column, (object, path), value)
    }

    /// The cell of a value. Unless it stands for exactly this value, the value goes to `extra`.
    fn fitted<'a>(
        &mut self,
        context: &Context<'_>,
        row: &Row<'a>,
        column: &Column,
        (object, path): (Option<usize>, &'static str),
        value: Value<'a>,
    ) -> Option<Cell<'a>> {
        let is_null = value.kind() == Kind::Null;
        let fit = if is_null {
            Fit::Not
        } else {
            Fit::of(value, column.kind, context.writing)
        };
        if !matches!(fit, Fit::Exact(_)) {
            self.keep(row.level, object, path, value);
        }
        if fit == Fit::Not && !is_null {
            self.report.count_misfit(row.level.table.name, path);
        }
        fit.cell()
    }

    fn count<'a>(&mut self, row: &Row<'a>, index: usize, list: usize) -> Option<Cell<'a>> {
        let path = row.level.lists()[list].path;
        let value = row.found.list(row.value, list)?;
        let count = match (row.level.lists()[list].entries, value.kind()) {
            (Entries::Elements, Kind::Array) => value.elements().count(),
            (Entries::Members, Kind::Object) => map_entries(value).len(),
            (_, kind) => {
                self.keep(row.level, row.level.object_of[index], path, value);
                if kind != Kind::Null {
                    self.report.count_misfit(row.level.table.name, path);
                }
                return None;
            }
        };
        Some(Cell::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
    }
}

impl Row<'_> {
    fn has_object(&self, index: usize) -> bool {
        let object = self.found.object(self.value, index);
        object.is_some_and(|it| it.kind() == Kind::Object)
    }
}

/// The members of an object, of repeated ones the last.
fn map_entries(entries: Value<'_>) -> Vec<(Value<'_>, Value<'_>)> {
    let members: Vec<_> = entries
        .members()
        .map(|(name, value)| Other {
            object: None,
            name: name.position(),
            value: value.position(),
        })
        .collect();
    last_of_each(entries, &members)
        .into_iter()
        .map(|it| (entries.at(it.name), entries.at(it.value)))
        .collect()
}
