//! A file that is being written.

use std::io::Write;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use super::digest::Digested;
use super::properties::properties;
use super::{LakeFile, WriteError};
use crate::key::FileKey;
use crate::rows::schema;

pub(super) struct OpenFile<W: Write + Send> {
    key: FileKey,
    writer: ArrowWriter<Digested<W>>,
    rows: u64,
}

impl<W: Write + Send> OpenFile<W> {
    pub(super) fn new(key: FileKey, destination: W) -> Result<Self, WriteError> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties(key.table))
            // The schema of Parquet says all that the columns are.
            .with_skip_arrow_metadata(true);
        let destination = Digested::new(destination);
        Ok(Self {
            writer: ArrowWriter::try_new_with_options(destination, schema(key.table), options)?,
            key,
            rows: 0,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        self.writer.write(batch)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Memory of the row group that is being encoded.
    pub(super) fn encoded_bytes(&self) -> usize {
        self.writer.memory_size()
    }

    pub(super) fn end_row_group(&mut self) -> Result<(), WriteError> {
        Ok(self.writer.flush()?)
    }

    pub(super) fn finish(self) -> Result<(LakeFile, W), WriteError> {
        let (destination, size_bytes, sha256) = self.writer.into_inner()?.finish();
        let file = LakeFile {
            key: self.key,
            rows: self.rows,
            size_bytes,
            sha256,
        };
        Ok((file, destination))
    }
}
