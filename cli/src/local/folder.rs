//! The folder of a deployment on this machine: its paths and its locks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Project;
use crate::problem::Problem;

/// The folder of a deployment: `.local/`, unless another one is given.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The given folder, or the default one of the checkout.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, Problem> {
        let here = std::env::current_dir().map_err(anyhow::Error::from)?;
        let root = match named {
            Some(folder) => here.join(folder),
            None => Project::find(&here)?.folder(),
        };
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Ports, secrets and bucket, which must stay the same across restarts.
    pub(crate) fn settings(&self) -> PathBuf {
        self.root.join("settings.json")
    }

    /// The process ids of the services while they run.
    pub(crate) fn running(&self) -> PathBuf {
        self.root.join("running.json")
    }

    /// The deliveries to the webhook receiver, one per line.
    pub(crate) fn deliveries(&self) -> PathBuf {
        self.root.join("deliveries.ndjson")
    }

    /// The variables that the stack sets for its functions, for running a function outside of it.
    pub(crate) fn functions_env(&self) -> PathBuf {
        self.root.join("functions.env")
    }

    /// The emulator's state at its last clean stop.
    pub(crate) fn emulator_state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The emulator's objects, each as it was written.
    pub(crate) fn emulator_objects(&self) -> PathBuf {
        self.root.join("s3")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.log"))
    }

    /// Creates a new log file; the previous one is kept next to it.
    pub(crate) fn start_log(&self, name: &str) -> anyhow::Result<File> {
        let path = self.log(name);
        // There is no previous log the first time.
        let _ = fs::rename(&path, path.with_extension("log.1"));
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The lock that the services hold while they run; `None` if another process holds it.
    pub(crate) fn lock_services(&self) -> anyhow::Result<Option<File>> {
        self.lock("services.lock")
    }

    /// Whether a process holds the services' lock.
    pub(crate) fn has_services(&self) -> anyhow::Result<bool> {
        Ok(self.root.exists() && self.lock_services()?.is_none())
    }

    /// The lock of a command that brings the deployment up or down; `None` if another process holds it.
    pub(crate) fn lock_changes(&self) -> anyhow::Result<Option<File>> {
        self.lock("changes.lock")
    }

    fn lock(&self, name: &str) -> anyhow::Result<Option<File>> {
        let path = self.root.join(name);
        let unusable = || format!("cannot lock {}", path.display());
        fs::create_dir_all(&self.root).with_context(unusable)?;
        let open = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path);
        let file = open.with_context(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
        }
    }
}

/// Reads a document; `None` if the file does not exist.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let read = serde_json::from_slice(&text);
    read.map(Some).with_context(|| {
        format!(
            "{} is damaged; delete it to start from the beginning",
            path.display()
        )
    })
}

/// Writes a document atomically.
pub(super) fn write<T: Serialize>(path: &Path, document: &T) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write {}", path.display());
    let new = path.with_extension("json.new");
    let text = serde_json::to_vec_pretty(document).with_context(unwritable)?;
    fs::write(&new, text).with_context(unwritable)?;
    fs::rename(&new, path).with_context(unwritable)
}
