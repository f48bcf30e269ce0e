//! Rows that wait to be written, as columns.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::cell::Cell;
use crate::schema::{TableName, Type};

/// Rows of all tables.
#[derive(Debug, Default)]
pub struct Tables([Option<Box<Rows>>; TableName::ALL.len()]);

/// Rows of one table.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<Builder>,
    count: usize,
    text_bytes: usize,
}

#[derive(Debug)]
enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Moment(TimestampMicrosecondBuilder),
}

impl Tables {
    pub(crate) fn rows(&mut self, table: TableName) -> &mut Rows {
        self.0[table as usize].get_or_insert_with(|| Box::new(Rows::new(table)))
    }

    /// Number of rows that wait in a table.
    pub fn count(&self, table: TableName) -> usize {
        self.0[table as usize].as_ref().map_or(0, |it| it.count)
    }

    /// Takes the rows of a table that is due: one with this many rows, or with this many bytes of text.
    pub(crate) fn take_due(
        &mut self,
        table: TableName,
        rows: usize,
        text_bytes: usize,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        let due = |it: &&mut Box<Rows>| it.count >= rows || it.text_bytes >= text_bytes;
        match self.0[table as usize].as_mut().filter(due) {
            Some(due) => due.take(table).map(Some),
            None => Ok(None),
        }
    }

    /// Takes all rows of a table; `None` if there is none.
    pub fn take(&mut self, table: TableName) -> Result<Option<RecordBatch>, ArrowError> {
        self.take_due(table, 1, usize::MAX)
    }
}

impl Rows {
    fn new(table: TableName) -> Self {
        Self {
            columns: table
                .table()
                .columns()
                .map(|it| Builder::new(it.kind))
                .collect(),
            count: 0,
            text_bytes: 0,
        }
    }

    /// Appends the cell to a column. Each column gets one cell, in order.
    pub(crate) fn push(&mut self, column: usize, cell: Option<Cell<'_>>) {
        if let Some(Cell::Text(text)) = &cell {
            self.text_bytes += text.len();
        }
        self.columns[column].push(cell);
    }

    pub(crate) fn end_row(&mut self) {
        self.count += 1;
    }

    fn take(&mut self, table: TableName) -> Result<RecordBatch, ArrowError> {
        (self.count, self.text_bytes) = (0, 0);
        let columns = self.columns.iter_mut().map(Builder::finish).collect();
        RecordBatch::try_new(schema(table), columns)
    }
}

impl Builder {
    fn new(kind: Type) -> Self {
        match kind {
            Type::Text | Type::Json => Self::Text(StringBuilder::new()),
            Type::Integer => Self::Integer(Int64Builder::new()),
            Type::Double => Self::Double(Float64Builder::new()),
            Type::Boolean => Self::Boolean(BooleanBuilder::new()),
            Type::Moment => Self::Moment(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        }
    }

    /// A cell comes from [`crate::cell::Fit`] with the type of its column.
    fn push(&mut self, cell: Option<Cell<'_>>) {
        match (self, cell) {
            (Self::Text(builder), Some(Cell::Text(text))) => builder.append_value(text),
            (Self::Text(builder), _) => builder.append_null(),
            (Self::Integer(builder), Some(Cell::Integer(number))) => builder.append_value(number),
            (Self::Integer(builder), _) => builder.append_null(),
            (Self::Double(builder), Some(Cell::Double(number))) => builder.append_value(number),
            (Self::Double(builder), _) => builder.append_null(),
            (Self::Boolean(builder), Some(Cell::Boolean(it))) => builder.append_value(it),
            (Self::Boolean(builder), _) => builder.append_null(),
            (Self::Moment(builder), Some(Cell::Moment(micros))) => builder.append_value(micros),
            (Self::Moment(builder), _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Moment(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The schema of a table's files. Every column may be NULL, so that files of later versions lack none.
pub(crate) fn schema(table: TableName) -> SchemaRef {
    static SCHEMAS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| {
        let of = |table: TableName| {
            let columns = table.table().columns();
            let fields: Vec<_> = columns
                .map(|column| Field::new(column.name, data_type(column.kind), true))
                .collect();
            Arc::new(Schema::new(fields))
        };
        TableName::ALL.map(of).into()
    });
    Arc::clone(&SCHEMAS[table as usize])
}

fn data_type(kind: Type) -> DataType {
    match kind {
        Type::Text | Type::Json => DataType::Utf8,
        Type::Integer => DataType::Int64,
        Type::Double => DataType::Float64,
        Type::Boolean => DataType::Boolean,
        Type::Moment => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}
