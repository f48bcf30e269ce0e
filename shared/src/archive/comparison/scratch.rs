//! The comparison on a machine with a disk, for `verify`, which writes nothing to the archive. Lines that do not fit
//! into memory are in a temporary folder, 24 bytes each.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};

use futures::TryStreamExt as _;

use super::{Comparison, Lines, PortionLimits, Tally, finish};
use crate::archive::{Archive, ArchiveError, page_objects};
use crate::export::outcome::Content;
use crate::export::plan::ExportPlan;

/// Errors of a comparison on disk.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("the temporary folder {} cannot be used", std::env::temp_dir().display())]
    Folder(#[from] io::Error),
}

/// One temporary file per bucket. The files are unlinked, so the system removes them however the process ends.
#[derive(Debug)]
struct Scratch(Vec<File>);

/// Compares all lines of an export. Keeps up to `limits.lines` lines in memory; the number of pages is not limited.
pub(crate) async fn compare_in_scratch(
    archive: &Archive,
    plan: &ExportPlan,
    content: &Content,
    limits: PortionLimits,
) -> Result<Comparison, ScratchError> {
    compare(archive, &plan.requested_ids(), content, limits).await
}

pub(super) async fn compare(
    archive: &Archive,
    requested_ids: &[String],
    content: &Content,
    limits: PortionLimits,
) -> Result<Comparison, ScratchError> {
    let expected = content.counts.archived;
    let mut scratch = Scratch(Vec::new());
    let mut lines = Lines::with_capacity(expected.min(limits.lines));
    let mut indexes = page_objects::indexes(archive, content);
    let mut position = 0;
    while let Some((key, index)) = indexes.try_next().await? {
        let added = lines.add_index(position, &index);
        added.map_err(|error| ArchiveError::page(key, error))?;
        position += 1;
        if lines.len() >= limits.lines && expected > limits.lines {
            scratch.write(&mut lines, limits.buckets(expected))?;
        }
    }
    let mut tally = Tally::for_ids(requested_ids);
    if scratch.0.is_empty() {
        tally.add(lines.sorted());
    } else {
        scratch.write(&mut lines, limits.buckets(expected))?;
        scratch.read(&mut lines, &mut tally)?;
    }
    Ok(finish(archive, content, &tally, requested_ids).await?)
}

impl Scratch {
    fn write(&mut self, lines: &mut Lines, buckets: u32) -> io::Result<()> {
        while self.0.len() < buckets as usize {
            self.0.push(tempfile::tempfile()?);
        }
        for (bucket, bytes) in lines.by_bucket(buckets) {
            self.0[bucket as usize].write_all(&bytes)?;
        }
        lines.clear();
        Ok(())
    }

    fn read(&mut self, lines: &mut Lines, tally: &mut Tally) -> io::Result<()> {
        for file in &mut self.0 {
            let mut bytes = Vec::new();
            file.rewind()?;
            file.read_to_end(&mut bytes)?;
            if !lines.add_bytes(&bytes) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            drop(bytes);
            tally.add(lines.sorted());
            lines.clear();
        }
        Ok(())
    }
}
