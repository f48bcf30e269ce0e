//! The folder of a deployment on this machine: where everything lies, and whose turn it is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Project;
use crate::problem::Problem;

/// `.local/`, unless somebody names another.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The one that is named, or the checkout's.
    pub(crate) fn named(named: Option<&Path>) -> Result<Self, Problem> {
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

    /// Ports, secrets and the bucket: what has to be the same the next time.
    pub(crate) fn settings(&self) -> PathBuf {
        self.root.join("settings.json")
    }

    /// The processes of the services, for as long as they live.
    pub(crate) fn running(&self) -> PathBuf {
        self.root.join("running.json")
    }

    /// What the receiver was told, a delivery in a line.
    pub(crate) fn deliveries(&self) -> PathBuf {
        self.root.join("deliveries.ndjson")
    }

    /// What the stack sets for its functions, for running one outside of it.
    pub(crate) fn functions_env(&self) -> PathBuf {
        self.root.join("functions.env")
    }

    /// The emulator's memory, as it was at its last clean stop.
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

    /// A new log; the last one is kept beside it.
    pub(crate) fn start_log(&self, name: &str) -> anyhow::Result<File> {
        let path = self.log(name);
        // The first time there is none.
        let _ = fs::rename(&path, path.with_extension("log.1"));
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Held by the services for as long as they live; `None` while somebody else holds it.
    pub(crate) fn lock_services(&self) -> anyhow::Result<Option<File>> {
        self.lock("services.lock")
    }

    /// Whether somebody holds the services' lock.
    pub(crate) fn has_services(&self) -> anyhow::Result<bool> {
        Ok(self.root.exists() && self.lock_services()?.is_none())
    }

    /// Held by whoever brings the deployment up or down.
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

/// The document, if it is there.
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
            "{} is not as it was written; remove it to begin anew",
            path.display()
        )
    })
}

/// Whole, or not at all.
pub(super) fn write<T: Serialize>(path: &Path, document: &T) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write {}", path.display());
    let new = path.with_extension("json.new");
    let text = serde_json::to_vec_pretty(document).with_context(unwritable)?;
    fs::write(&new, text).with_context(unwritable)?;
    fs::rename(&new, path).with_context(unwritable)
}
