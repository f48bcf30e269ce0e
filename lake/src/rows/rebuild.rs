//! From rows back to records, up to the order of members and to the spelling of strings (escapes).

mod object;
mod stored;

use std::collections::BTreeMap;

use arrow_array::RecordBatch;

use super::level::Level;
use crate::schema::{Form, TableName};
use object::Rebuilder;
pub(crate) use stored::StoredRow;
use stored::StoredTable;

/// Why rows are not those of whole records.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RebuildError {
    #[error("table {table} lacks entry {index} of a list")]
    RowMissing { table: TableName, index: usize },
    #[error("`extra` of a row of table {0} is not a JSON object")]
    ExtraMalformed(TableName),
    #[error("column `{column}` of table {table} has another type")]
    OtherType {
        table: TableName,
        column: &'static str,
    },
}

/// The place of a record: slice, page, line.
pub type Place = (i64, i64, i64);

/// The records of one load whose rows these are, as JSON, by their place.
pub fn rebuild(
    form: Form,
    tables: &BTreeMap<TableName, Vec<RecordBatch>>,
) -> Result<BTreeMap<Place, String>, RebuildError> {
    let mut stored = BTreeMap::new();
    for (name, batches) in tables {
        stored.insert(*name, StoredTable::new(*name, batches)?);
    }
    let root = form.table();
    let levels = TableName::ALL.map(|table| Level::new(table, form));
    let rebuilder = Rebuilder {
        form,
        levels: levels.as_slice(),
        tables: &stored,
    };
    let rows = stored.get(&root).into_iter().flat_map(StoredTable::rows);
    rows.map(|row| Ok((row.place()?, rebuilder.object(root, &row)?)))
        .collect()
}
