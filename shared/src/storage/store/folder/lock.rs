//! Lets only one process at a time work on an export in a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::FolderError;
use super::tree::{check_no_link, create, is_ordinary};

/// Folder of the lock files. They are never removed: removing one while another process is about to lock it would let
/// two processes in.
const LOCK_FOLDER: &str = ".locks";

/// Locks the export until it is dropped.
#[derive(Debug)]
pub struct ExportLock {
    _file: File,
}

impl ExportLock {
    pub(super) fn acquire(root: &Path, export_id: &str) -> Result<Self, FolderError> {
        let path = root.join(LOCK_FOLDER).join(export_id);
        let unlockable = |source| FolderError::NotLockable {
            path: path.clone(),
            source,
        };
        let file = open(&path, export_id).map_err(unlockable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked {
                export_id: export_id.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(unlockable(source)),
        }
    }
}

fn open(path: &Path, export_id: &str) -> io::Result<File> {
    if !is_ordinary(export_id) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "an export id is one ordinary name",
        ));
    }
    if let Some(folder) = path.parent() {
        create(folder)?;
    }
    match check_no_link(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)
}
