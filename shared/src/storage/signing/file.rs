//! A key in a file on this machine, which only its owner can read.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::base::signature::{InvalidKey, LocalKey};
use crate::storage::private_folder;

/// A key file is a few hundred bytes; a larger one is something else.
const MAX_KEY_BYTES: u64 = 10_000;

/// Why the key in a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the signing key in {} cannot be read", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the signing key cannot be created in {}", .path.display())]
    Create {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} does not hold a signing key", .path.display())]
    Content {
        path: PathBuf,
        #[source]
        source: InvalidKey,
    },
    #[error("other users can read the signing key in {}; run chmod 600 on it", .path.display())]
    Exposed { path: PathBuf },
}

/// The key in the file; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<LocalKey>, KeyFileError> {
    let unread = |source| KeyFileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(error)),
    };
    let metadata = file.metadata().map_err(unread)?;
    if is_exposed(&metadata) {
        let path = path.to_owned();
        return Err(KeyFileError::Exposed { path });
    }
    let mut text = String::new();
    io::Read::read_to_string(&mut io::Read::take(file, MAX_KEY_BYTES), &mut text)
        .map_err(unread)?;
    let content = |source| KeyFileError::Content {
        path: path.to_owned(),
        source,
    };
    LocalKey::from_pem(&SecretString::from(text))
        .map(Some)
        .map_err(content)
}

/// The key in the file. Creates the file with a new key if there is none; if two processes do so at the same time, both
/// use the key of the first.
pub fn read_or_create(path: &Path) -> Result<LocalKey, KeyFileError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let failed = |source| KeyFileError::Create {
        path: path.to_owned(),
        source,
    };
    create(path, &LocalKey::generate_pem(), &mut private_folder::sync).map_err(failed)?;
    read(path)?.ok_or_else(|| failed(ErrorKind::NotFound.into()))
}

/// Writes a temporary file and links it, so that the key file is complete as soon as it exists. It survives a power
/// failure: otherwise there could be signed documents and no key.
fn create(path: &Path, pem: &SecretString, sync: private_folder::SyncFolder<'_>) -> io::Result<()> {
    let folder = private_folder::of_file(path);
    private_folder::create_all_with(folder, sync)?;
    // Only the owner can read a temporary file of this crate.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(pem.expose_secret().as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        // The process that was faster may not have synced the folder yet.
        _ => sync(folder),
    }
}

#[cfg(unix)]
fn is_exposed(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_created_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config/signing-key.pem");
        assert!(read(&path).unwrap().is_none());

        let created = read_or_create(&path).unwrap();
        let again = read_or_create(&path).unwrap();

        assert_eq!(again.public_key(), created.public_key());
        assert!(!is_exposed(&std::fs::metadata(&path).unwrap()));
        let parent = path.parent().unwrap();
        assert!(!is_exposed(&std::fs::metadata(parent).unwrap()));
        assert_eq!(std::fs::read_dir(parent).unwrap().count(), 1);
    }

    #[test]
    fn a_new_key_and_its_new_folders_survive_a_power_failure() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("config");
        let path = folder.join("signing-key.pem");
        let mut synced = Vec::new();
        let mut record = |folder: &Path| {
            synced.push((folder.to_owned(), path.exists()));
            Ok(())
        };

        for _ in 0..2 {
            create(&path, &LocalKey::generate_pem(), &mut record).unwrap();
        }

        let with_key = (folder, true);
        assert_eq!(
            synced,
            [(root.path().to_owned(), false), with_key.clone(), with_key],
            "the folder is also synced by a process that finds the key of another"
        );
    }

    #[test]
    fn processes_that_create_the_key_at_once_use_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing-key.pem");
        let create = || {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| scope.spawn(|| read_or_create(&path).unwrap().public_key().id()))
                    .collect();
                threads
                    .into_iter()
                    .map(|it| it.join().unwrap())
                    .collect::<Vec<_>>()
            })
        };

        let ids = create();

        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_or_that_is_not_one_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing-key.pem");
        read_or_create(&path).unwrap();
        let set_mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set_mode(0o640);
        let exposed = read(&path).unwrap_err();
        set_mode(0o600);
        std::fs::write(&path, "not a key").unwrap();

        let other = read(&path).unwrap_err();

        assert!(matches!(exposed, KeyFileError::Exposed { .. }));
        assert!(matches!(other, KeyFileError::Content { .. }));
        assert!(!format!("{other:?}").contains("not a key"));
    }
}
