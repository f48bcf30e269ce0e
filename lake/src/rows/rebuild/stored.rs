//! Rows as they were read, with the rows of each list found by the row above.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};

use super::{Place, RebuildError};
use crate::cell::Cell;
use crate::schema::{Column, Source, TableName, Type};

pub(crate) struct StoredTable<'a> {
    name: TableName,
    batches: &'a [RecordBatch],
    /// Batch and row of the entries of each list, by their position.
    lists: HashMap<List, HashMap<i64, (usize, usize)>>,
}

/// A list of a record: the place of the record, and the positions of the rows above.
type List = (Place, Vec<i64>);

/// A row of a table.
#[derive(Clone, Copy)]
pub(crate) struct StoredRow<'a> {
    name: TableName,
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> StoredTable<'a> {
    pub(super) fn new(name: TableName, batches: &'a [RecordBatch]) -> Result<Self, RebuildError> {
        let mut table = Self {
            name,
            batches,
            lists: HashMap::new(),
        };
        for (index, batch) in batches.iter().enumerate() {
            for row in 0..batch.num_rows() {
                let stored = table.row(index, row);
                let mut positions = stored.positions()?;
                let own = positions.pop().unwrap_or_default();
                let list = (stored.place()?, positions);
                table
                    .lists
                    .entry(list)
                    .or_default()
                    .insert(own, (index, row));
            }
        }
        Ok(table)
    }

    fn row(&self, batch: usize, row: usize) -> StoredRow<'a> {
        StoredRow {
            name: self.name,
            batch: &self.batches[batch],
            row,
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = StoredRow<'a>> {
        let name = self.name;
        self.batches.iter().flat_map(move |batch| {
            (0..batch.num_rows()).map(move |row| StoredRow { name, batch, row })
        })
    }

    /// The rows of the list in a row above, by their position.
    pub(super) fn below(
        &self,
        above: &StoredRow<'_>,
    ) -> Result<HashMap<i64, StoredRow<'a>>, RebuildError> {
        let list = self.lists.get(&(above.place()?, above.positions()?));
        let rows = list.into_iter().flatten();
        Ok(rows
            .map(|(position, (batch, row))| (*position, self.row(*batch, *row)))
            .collect())
    }
}

impl<'a> StoredRow<'a> {
    pub(super) fn place(&self) -> Result<Place, RebuildError> {
        Ok((
            self.integer("slice")?,
            self.integer("page")?,
            self.integer("line")?,
        ))
    }

    /// The positions of the rows above and of this one.
    fn positions(&self) -> Result<Vec<i64>, RebuildError> {
        let is_position = |it: &&Column| matches!(it.source, Source::Position(_));
        let columns = self.name.table().columns().filter(is_position);
        columns.map(|column| self.integer(column.name)).collect()
    }

    fn integer(&self, name: &'static str) -> Result<i64, RebuildError> {
        let mut columns = self.name.table().columns();
        let column = columns.find(|it| it.name == name);
        match column.and_then(|column| self.cell(column).transpose()) {
            Some(Ok(Cell::Integer(number))) => Ok(number),
            Some(Err(error)) => Err(error),
            _ => Err(self.other_type(name)),
        }
    }

    /// The text of a column.
    pub(super) fn text(
        &self,
        column: &'static Column,
    ) -> Result<Option<Cow<'a, str>>, RebuildError> {
        match self.cell(column)? {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.other_type(column.name)),
            None => Ok(None),
        }
    }

    /// The cell of a column; NULL if the file is older than the column.
    pub(super) fn cell(&self, column: &'static Column) -> Result<Option<Cell<'a>>, RebuildError> {
        let Some(array) = self.batch.column_by_name(column.name) else {
            return Ok(None);
        };
        if array.is_null(self.row) {
            return Ok(None);
        }
        let cell = match column.kind {
            Type::Text | Type::Json => array
                .as_string_opt::<i32>()
                .map(|it| Cell::Text(Cow::Borrowed(it.value(self.row)))),
            Type::Integer => array
                .as_primitive_opt::<Int64Type>()
                .map(|it| Cell::Integer(it.value(self.row))),
            Type::Double => array
                .as_primitive_opt::<Float64Type>()
                .map(|it| Cell::Double(it.value(self.row))),
            Type::Boolean => array
                .as_boolean_opt()
                .map(|it| Cell::Boolean(it.value(self.row))),
            Type::Moment => array
                .as_primitive_opt::<TimestampMicrosecondType>()
                .map(|it| Cell::Moment(it.value(self.row))),
        };
        cell.map(Some).ok_or_else(|| self.other_type(column.name))
    }

    fn other_type(&self, column: &'static str) -> RebuildError {
        RebuildError::OtherType {
            table: self.name,
            column,
        }
    }
}
