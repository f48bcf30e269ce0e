//! Rows to Parquet files, one for each table and day of a group, in bounded memory.
//!
//! Equal lines give equal bytes, so that a load that is repeated after a crash writes the same files.

mod digest;
mod file;
mod properties;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use jiff::civil::Date;

use crate::key::{FileKey, GroupName};
use crate::rows::{Flattener, Line, Load, Report, Tables};
use crate::schema::{Form, TableName};
use file::OpenFile;

/// Days whose files are open at the same time, at most.
pub const MAX_DAYS: usize = 8;

/// Rows of a table and day that wait before they are encoded.
const BATCH_ROWS: usize = 2048;

/// Texts of rows of a table and day that wait before they are encoded, in bytes.
const BATCH_TEXT_BYTES: usize = 512 * 1024;

/// Encoded rows of all open files that are not written yet, in bytes. Beyond it, the largest row group ends.
const MAX_ENCODED_BYTES: usize = 40 * 1024 * 1024;

/// Why files could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("lines of more than 8 days in one pass: divide the days of the group with `passes`")]
    TooManyDays,
    #[error("cannot create `{0}`")]
    Create(String, #[source] io::Error),
    #[error("cannot write Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("cannot build columns")]
    Columns(#[from] arrow_schema::ArrowError),
}

/// A file that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeFile {
    pub key: FileKey,
    pub rows: u64,
    pub size_bytes: u64,
    /// Of the bytes, in hexadecimal digits.
    pub sha256: String,
}

/// The files of a group, sorted by key, and what was counted.
#[derive(Debug)]
pub struct Loaded<W> {
    pub files: Vec<(LakeFile, W)>,
    pub report: Report,
}

/// Loads the lines of a group.
pub struct GroupLoader<W: Write + Send, C> {
    group: GroupName,
    flattener: Flattener,
    create: C,
    days: BTreeMap<Date, Day<W>>,
}

/// Rows and files of one day.
struct Day<W: Write + Send> {
    tables: Tables,
    files: BTreeMap<TableName, OpenFile<W>>,
}

impl<W: Write + Send, C: FnMut(&FileKey) -> io::Result<W>> GroupLoader<W, C> {
    /// `create` opens the destination of a file, which is complete when [`GroupLoader::finish`] returns it.
    pub fn new(form: Form, load: Load, slice: u32, group: u32, create: C) -> Self {
        Self {
            group: GroupName {
                export_id: load.export_id.clone(),
                slice,
                group,
                generation: load.generation,
            },
            flattener: Flattener::new(form, load),
            create,
            days: BTreeMap::new(),
        }
    }

    /// Adds the rows of a line, of this day ([`crate::key::day_of`]). A line that is rejected is only counted.
    pub fn add(&mut self, line: &Line<'_>, day: Date) -> Result<(), WriteError> {
        if self.days.len() == MAX_DAYS && !self.days.contains_key(&day) {
            return Err(WriteError::TooManyDays);
        }
        let open = self.days.entry(day).or_insert_with(|| Day {
            tables: Tables::default(),
            files: BTreeMap::new(),
        });
        if self.flattener.add(line, &mut open.tables).is_err() {
            // The report has it.
            return Ok(());
        }
        for table in TableName::ALL {
            self.write(day, table, BATCH_ROWS)?;
        }
        Ok(())
    }

    /// Writes what is left, and ends all files.
    pub fn finish(mut self) -> Result<Loaded<W>, WriteError> {
        let days: Vec<_> = self.days.keys().copied().collect();
        for day in days {
            for table in TableName::ALL {
                self.write(day, table, 1)?;
            }
        }
        let mut files = Vec::new();
        for file in self
            .days
            .into_values()
            .flat_map(|it| it.files.into_values())
        {
            files.push(file.finish()?);
        }
        files.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
        Ok(Loaded {
            files,
            report: self.flattener.report().clone(),
        })
    }

    /// Encodes the rows of a table if there are this many, or much text.
    fn write(&mut self, day: Date, table: TableName, rows: usize) -> Result<(), WriteError> {
        let Some(open) = self.days.get_mut(&day) else {
            return Ok(());
        };
        let Some(batch) = open.tables.take_due(table, rows, BATCH_TEXT_BYTES)? else {
            return Ok(());
        };
        let file = match open.files.entry(table) {
            Entry::Occupied(file) => file.into_mut(),
            Entry::Vacant(vacant) => {
                let group = self.group.clone();
                let key = FileKey { table, day, group };
                let destination = (self.create)(&key)
                    .map_err(|error| WriteError::Create(key.to_string(), error))?;
                vacant.insert(OpenFile::new(key, destination)?)
            }
        };
        file.write(&batch)?;
        self.limit_memory()
    }

    fn limit_memory(&mut self) -> Result<(), WriteError> {
        let files = self.days.values_mut().flat_map(|it| it.files.values_mut());
        let mut sizes: Vec<_> = files.map(|file| (file.encoded_bytes(), file)).collect();
        let total: usize = sizes.iter().map(|it| it.0).sum();
        if total <= MAX_ENCODED_BYTES {
            return Ok(());
        }
        let largest = sizes.iter_mut().max_by_key(|it| it.0);
        largest.map_or(Ok(()), |(_, file)| file.end_row_group())
    }
}

impl<W: Write + Send, C> std::fmt::Debug for GroupLoader<W, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("GroupLoader");
        debug.field("group", &self.group).finish_non_exhaustive()
    }
}

/// Divides the days of a group into passes: a loader takes only the lines of the days of its pass.
pub fn passes(days: &BTreeSet<Date>) -> Vec<Vec<Date>> {
    let days: Vec<_> = days.iter().copied().collect();
    days.chunks(MAX_DAYS).map(<[Date]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
