//! The ids of notification channels, kept on this machine, so that the next process continues with them: a client has 20,
//! and each lives for a day.
//!
//! Whoever knows the id of a channel can hear its events, so the file is not in the archive, and only its owner can read it.
//! The lock on the file shows whether a process uses the channels. A process that takes over from another one gets channels
//! of its own, and the lock when the other one has ended.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::StreamName;
use conversation_archive::runtime::config::environment;

use crate::settings::Settings;

/// The file, if there is a place for it.
pub(super) struct KeptChannels {
    path: Option<PathBuf>,
    /// Locked.
    file: Option<File>,
    /// Of this process, once it has any.
    own: Option<Vec<String>>,
}

const FOLDER: &str = "genesys-archive";

/// Another user of a shared folder could make the file a link.
const NO_LINKS: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// The digits of the digest in the file's name.
const NAME_DIGITS: usize = 16;

impl KeptChannels {
    /// The file for this stream of this client of this organisation. Without a home folder, channels are not kept.
    pub(super) fn find(settings: &Settings, stream: &StreamName) -> Self {
        let host = settings.client.endpoints.api_host();
        let identity = format!("{host}\n{}\n{stream}\n", settings.credentials.id);
        let name = format!("channels-{}.json", Sha256::of(identity).short(NAME_DIGITS));
        Self::at(state_folder().map(|folder| folder.join(FOLDER).join(name)))
    }

    fn at(path: Option<PathBuf>) -> Self {
        let mut kept = Self {
            path,
            file: None,
            own: None,
        };
        kept.lock();
        kept
    }

    /// The ids of a process that has ended. None while another process uses the file.
    pub(super) fn ids(&mut self) -> Vec<String> {
        let mut text = String::new();
        let read = self
            .file
            .as_mut()
            .map(|file| file.read_to_string(&mut text));
        match read {
            Some(Ok(_)) => serde_json::from_str(&text).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Keeps these ids in place of the earlier ones.
    pub(super) fn keep(&mut self, ids: Vec<String>) {
        self.own = Some(ids);
        self.lock();
        self.write();
    }

    /// Tries again to keep the ids, if another process used the file.
    pub(super) fn retry(&mut self) {
        if self.file.is_none() && self.own.is_some() {
            self.lock();
            self.write();
        }
    }

    fn lock(&mut self) {
        if let (None, Some(path)) = (&self.file, &self.path) {
            match open(path) {
                Ok(file) => self.file = file.try_lock().is_ok().then_some(file),
                Err(error) => tracing::debug!(%error, "channels are not kept"),
            }
        }
    }

    fn write(&mut self) {
        if let (Some(file), Some(ids)) = (&mut self.file, &self.own)
            && let Err(error) = replace(file, ids)
        {
            tracing::debug!(%error, "channels are not kept");
        }
    }
}

fn state_folder() -> Option<PathBuf> {
    // A relative one is invalid, according to its specification.
    let folder = environment("XDG_STATE_HOME").map(PathBuf::from);
    if let Some(folder) = folder.filter(|folder| folder.is_absolute()) {
        return Some(folder);
    }
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    home.map(|home| home.join(".local/state"))
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(NO_LINKS)
        .open(path)?;
    // An existing file may have been created by another program.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

fn replace(file: &mut File, ids: &[String]) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    serde_json::to_writer(&mut *file, ids)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_next_process_continues_with_the_channels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/channels.json");
        let open = || KeptChannels::at(Some(path.clone()));

        let mut first = open();
        assert_eq!(first.ids(), ids(&[]));
        first.keep(ids(&["one", "two"]));
        first.keep(ids(&["three"]));
        drop(first);

        assert_eq!(open().ids(), ids(&["three"]));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_processes_at_a_time_do_not_share_channels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("channels.json");
        let open = || KeptChannels::at(Some(path.clone()));
        let mut first = open();
        first.keep(ids(&["one"]));

        let mut second = open();
        assert_eq!(second.ids(), ids(&[]));
        second.keep(ids(&["two"]));
        drop(first);
        second.retry();
        drop(second);

        assert_eq!(open().ids(), ids(&["two"]));
    }

    #[test]
    fn a_place_that_cannot_be_written_and_a_damaged_file_keep_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "{").unwrap();

        assert_eq!(KeptChannels::at(Some(file.clone())).ids(), ids(&[]));
        let mut impossible = KeptChannels::at(Some(file.join("channels.json")));
        impossible.keep(ids(&["one"]));
        assert_eq!(impossible.ids(), ids(&[]));
        assert_eq!(KeptChannels::at(None).ids(), ids(&[]));
    }
}
