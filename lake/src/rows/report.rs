//! Counts of lines, rows, and values that did not fit.

use std::collections::BTreeMap;

use crate::json::Rejection;
use crate::schema::TableName;

/// A line that has no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    pub page: u32,
    pub line: u64,
    pub reason: Rejection,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines that became rows.
    pub lines: u64,
    pub rows: BTreeMap<TableName, u64>,
    /// Number of values that did not fit their column, by the path of the member in the row's object.
    pub misfits: BTreeMap<(TableName, &'static str), u64>,
    /// In the order in which they were read.
    pub rejected: Vec<RejectedLine>,
}

impl Report {
    pub(crate) fn count_misfit(&mut self, table: TableName, path: &'static str) {
        *self.misfits.entry((table, path)).or_default() += 1;
    }

    pub(crate) fn count_row(&mut self, table: TableName) {
        *self.rows.entry(table).or_default() += 1;
    }
}
