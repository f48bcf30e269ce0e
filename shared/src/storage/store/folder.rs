//! The archive store in a folder: keys are paths below it.
//!
//! An object is written to a temporary file, synced, and then renamed to its key, so that readers never see a partial
//! object and a crash leaves all of it or nothing. Only the owner can read the files: they hold conversations. An
//! object cannot also be a folder: of `key` and `key/child` only one can exist.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{ArchiveStore, Listing, Object, StoreError, Stored};

mod listing;
mod lock;
mod tree;

pub use lock::ExportLock;
use tree::Tree;

/// The same limit as S3's.
const LISTING_LIMIT: usize = 1_000;

/// A folder on this machine.
#[derive(Clone, Debug)]
pub struct FolderStore {
    tree: Arc<Tree>,
}

/// Why a folder cannot hold an archive, permanently or at the moment.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("cannot write to the folder {}", path.display())]
    NotWritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "another process is working on export {export_id}: wait until it ends, or stop it, and try again"
    )]
    Locked { export_id: String },
    #[error("cannot lock {}", path.display())]
    NotLockable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl FolderStore {
    /// Opens the folder, creates it if necessary, and checks that it is writable.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        Self::from_tree(root, Tree::open(root))
    }

    /// For tests and temporary archives: data may be lost if the machine loses power.
    pub fn open_without_sync(root: &Path) -> Result<Self, FolderError> {
        Self::from_tree(root, Tree::open(root).map(Tree::without_sync))
    }

    /// Opens the folder read-only: it may belong to another user or be on a read-only medium.
    pub fn open_for_reading(root: &Path) -> Result<Self, FolderError> {
        Self::from_tree(root, Tree::at(root))
    }

    fn from_tree(root: &Path, tree: io::Result<Tree>) -> Result<Self, FolderError> {
        match tree {
            Ok(tree) => Ok(Self {
                tree: Arc::new(tree),
            }),
            Err(source) => Err(FolderError::NotWritable {
                path: root.to_owned(),
                source,
            }),
        }
    }

    /// Locks one export against other processes. The kernel releases the lock when it is dropped or the process ends.
    pub fn lock(&self, export_id: &str) -> Result<ExportLock, FolderError> {
        ExportLock::acquire(self.tree.root(), export_id)
    }

    /// Runs blocking work on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &str,
        work: impl FnOnce(&Tree) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let tree = Arc::clone(&self.tree);
        let outcome = tokio::task::spawn_blocking(move || work(&tree)).await;
        outcome
            .unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
            .map_err(|source| {
                if is_transient(&source) {
                    StoreError::transient(action, key, source)
                } else {
                    StoreError::permanent(action, key, source)
                }
            })
    }
}

#[async_trait]
impl ArchiveStore for FolderStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let path = key.to_owned();
        self.run("read", key, move |tree| tree.read(&path)).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let Object { key, body, .. } = object;
        let path = key.clone();
        self.run("create", &key, move |tree| tree.create(&path, &body))
            .await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        let Object { key, body, .. } = object;
        let path = key.clone();
        self.run("replace", &key, move |tree| tree.replace(&path, &body))
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = key.to_owned();
        self.run("delete", key, move |tree| tree.delete(&path))
            .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let (start, after) = (prefix.to_owned(), after.unwrap_or_default().to_owned());
        self.run("list", prefix, move |tree| {
            listing::list(tree.root(), &start, &after, LISTING_LIMIT)
        })
        .await
    }

    fn uri(&self, key: &str) -> String {
        self.tree.root().join(key).display().to_string()
    }
}

/// A network share may recover; a full or read-only disk does not recover by itself.
fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, ResourceBusy, StaleNetworkFileHandle, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        Interrupted | ResourceBusy | StaleNetworkFileHandle | TimedOut | WouldBlock
    )
}

#[cfg(test)]
mod tests;
