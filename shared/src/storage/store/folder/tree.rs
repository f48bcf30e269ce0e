//! Files of an archive folder: writes them durably, reads and deletes them. Blocking.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tempfile::{NamedTempFile, PersistError};

use super::super::{MAX_OBJECT_BYTES, ObjectTooLarge, Stored};
use crate::storage::private_folder;

/// Folder of objects that are not renamed to their key yet. On the same file system, because renaming cannot cross
/// one.
pub(super) const TEMPORARY_FOLDER: &str = ".tmp";

/// Name of a temporary file, around a random part. Files with other names are not ours and are never removed.
const TEMPORARY_PREFIX: &str = "object-";
const TEMPORARY_SUFFIX: &str = ".part";

/// No write takes this long: an older file was left by a process that died.
const LEFTOVER_AGE: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    sync: bool,
    /// Folders known to survive a power failure, so that each is synced into its parent only once.
    synced_folders: Mutex<HashSet<PathBuf>>,
}

#[derive(Debug, thiserror::Error)]
#[error("a key is a relative path of ordinary names that does not start with a dot")]
struct KeyNotAPath;

/// Renames a temporary file to its key, with or without replacing an existing file.
type Rename = fn(NamedTempFile, &Path) -> Result<File, PersistError>;

impl Tree {
    /// Uses the folder unchanged: creates nothing, and does not check whether it is writable.
    pub(super) fn at(root: &Path) -> io::Result<Self> {
        Ok(Self {
            root: std::path::absolute(root)?,
            sync: true,
            synced_folders: Mutex::default(),
        })
    }

    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let tree = Self::at(root)?;
        let temporary = tree.root.join(TEMPORARY_FOLDER);
        // The ancestors may be links: the operator chose this path.
        private_folder::builder()
            .recursive(true)
            .create(&temporary)?;
        check_no_link(&temporary)?;
        tree.write_temporary(b"probe")?;
        // Best effort: the parent folder may not be readable for us.
        drop(tree.sync_parent(&tree.root));
        remove_leftovers(&temporary)?;
        Ok(tree)
    }

    pub(super) fn without_sync(self) -> Self {
        Self {
            sync: false,
            ..self
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn read(&self, key: &str) -> io::Result<Option<Bytes>> {
        let mut body = Vec::new();
        let file = match File::open(self.path(key)?) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Ok(None);
        }
        check_size(metadata.len())?;
        file.take(MAX_OBJECT_BYTES).read_to_end(&mut body)?;
        Ok(Some(body.into()))
    }

    pub(super) fn create(&self, key: &str, body: &[u8]) -> io::Result<Stored> {
        let path = self.path(key)?;
        check_size(body.len() as u64)?;
        // A shortcut for repeated writes; the rename below decides.
        let written = if path.is_file() {
            Err(ErrorKind::AlreadyExists.into())
        } else {
            self.write_renamed(&path, body, |file, path| file.persist_noclobber(path))
        };
        match written {
            Ok(()) => Ok(Stored::Created),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !path.is_dir() => {
                // The other writer may not have synced the folder yet, and the caller relies on the object being
                // durable.
                self.sync_parent(&path)?;
                Ok(Stored::AlreadyExists)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn replace(&self, key: &str, body: &[u8]) -> io::Result<()> {
        check_size(body.len() as u64)?;
        self.write_renamed(&self.path(key)?, body, |file, path| file.persist(path))
    }

    pub(super) fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Ok(()) => self.sync_parent(&path),
            Err(error) if is_absent(&error) || path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write_renamed(&self, path: &Path, body: &[u8], rename: Rename) -> io::Result<()> {
        let parent = path.parent().unwrap_or(&self.root);
        self.create_synced(parent)?;
        let renamed = match rename(self.write_temporary(body)?, path) {
            // Another process deleted the folder in the meantime.
            Err(error) if error.error.kind() == ErrorKind::NotFound => {
                self.synced_folders().clear();
                self.create_synced(parent)?;
                rename(error.file, path)
            }
            renamed => renamed,
        };
        renamed.map_err(|error| error.error)?;
        self.sync_parent(path)
    }

    fn write_temporary(&self, body: &[u8]) -> io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .suffix(TEMPORARY_SUFFIX)
            .tempfile_in(self.root.join(TEMPORARY_FOLDER))?;
        file.write_all(body)?;
        if self.sync {
            file.as_file().sync_all()?;
        }
        Ok(file)
    }

    /// Creates the folder and its ancestors, each synced into its parent.
    fn create_synced(&self, folder: &Path) -> io::Result<()> {
        if folder == self.root || self.synced_folders().contains(folder) {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.create_synced(parent)?;
        }
        create(folder)?;
        self.sync_parent(folder)?;
        self.synced_folders().insert(folder.to_owned());
        Ok(())
    }

    fn sync_parent(&self, path: &Path) -> io::Result<()> {
        let parent = path.parent().unwrap_or(&self.root);
        if !self.sync {
            return Ok(());
        }
        private_folder::sync(parent)
    }

    fn synced_folders(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.synced_folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, key: &str) -> io::Result<PathBuf> {
        if key.starts_with('.') || !key.split('/').all(is_ordinary) {
            return Err(io::Error::new(ErrorKind::InvalidInput, KeyNotAPath));
        }
        Ok(self.root.join(key))
    }
}

/// An object that is too large to read is not written either.
fn check_size(size_bytes: u64) -> io::Result<()> {
    ObjectTooLarge::check(size_bytes, MAX_OBJECT_BYTES).map_err(io::Error::other)
}

/// Whether the file system reads the name as one plain name, not as a path to a parent or elsewhere.
pub(super) fn is_ordinary(name: &str) -> bool {
    let mut components = Path::new(name).components();
    components.next() == Some(Component::Normal(OsStr::new(name))) && components.next().is_none()
}

/// Whether the file does not exist, or the key's folder is a file.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Creates the folder unless it exists. Only the owner can use a new one. A symbolic link is refused: objects must not
/// leave the archive's folder.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    match private_folder::builder().create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_no_link(folder),
        created => created,
    }
}

/// Fails if the path is a symbolic link.
pub(super) fn check_no_link(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_symlink() {
        let message = format!("{} is a symbolic link; remove it", path.display());
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(())
}

fn remove_leftovers(temporary: &Path) -> io::Result<()> {
    for entry in fs::read_dir(temporary)? {
        let entry = entry?;
        // Does not follow links.
        let metadata = entry.metadata();
        let is_old = |file: &fs::Metadata| {
            let age = file
                .modified()
                .map(|at| SystemTime::now().duration_since(at));
            matches!(age, Ok(Ok(age)) if age > LEFTOVER_AGE)
        };
        if is_ours(&entry.file_name()) && metadata.is_ok_and(|it| it.is_file() && is_old(&it)) {
            // Another process may have removed the file first; a leftover does no harm.
            drop(fs::remove_file(entry.path()));
        }
    }
    Ok(())
}

fn is_ours(name: &OsStr) -> bool {
    let name = name.to_str();
    name.is_some_and(|name| name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX))
}
