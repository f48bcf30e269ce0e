//! Folders that only their owner can use, and that survive a power failure as soon as they are created.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Syncs the entries of a folder.
pub(crate) type SyncFolder<'a> = &'a mut dyn FnMut(&Path) -> io::Result<()>;

/// The folder of a file; `.` for a path that is only a name.
pub fn of_file(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Creates the folder and its missing ancestors, each synced into its parent. Existing ones keep their modes.
pub fn create_all(folder: &Path) -> io::Result<()> {
    create_all_with(folder, &mut sync)
}

pub(crate) fn create_all_with(folder: &Path, sync: SyncFolder<'_>) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = of_file(folder);
    if parent != folder {
        create_all_with(parent, sync)?;
    }
    match builder().create(folder) {
        // Another process was faster, and may not have synced the folder yet.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => sync(parent),
        Err(error) => Err(error),
        Ok(()) => sync(parent),
    }
}

/// Creates folders that only their owner can use.
pub(crate) fn builder() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Syncs the entries of the folder: without that, a power failure may lose a synced file that is new in it.
pub fn sync(folder: &Path) -> io::Result<()> {
    // Windows cannot sync a folder; a few network file systems refuse to and have their own guarantees.
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_new_folder_is_synced_into_its_parent() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b/c");
        let mut synced = Vec::new();
        let mut record = |folder: &Path| {
            synced.push(folder.to_owned());
            Ok(())
        };

        create_all_with(&folder, &mut record).unwrap();
        create_all_with(&folder, &mut record).unwrap();

        let parents = [
            root.path().to_owned(),
            root.path().join("a"),
            root.path().join("a/b"),
        ];
        assert_eq!(synced, parents, "an existing folder is not synced again");
    }

    #[cfg(unix)]
    #[test]
    fn new_folders_are_private_and_existing_ones_keep_their_modes() {
        use std::os::unix::fs::PermissionsExt as _;

        let root = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.path(), open).unwrap();

        create_all(&root.path().join("a/b")).unwrap();

        assert_eq!(mode(root.path()), 0o755);
        assert_eq!(mode(&root.path().join("a")), 0o700);
        assert_eq!(mode(&root.path().join("a/b")), 0o700);
    }

    #[test]
    fn a_file_in_place_of_a_folder_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();

        assert!(create_all(&file).is_err());
        assert!(create_all(&file.join("folder")).is_err());
    }

    #[test]
    fn a_plain_name_is_in_the_current_folder() {
        assert_eq!(of_file(Path::new("key.pem")), Path::new("."));
        assert_eq!(of_file(Path::new("a/key.pem")), Path::new("a"));
        assert!(create_all(of_file(Path::new("key.pem"))).is_ok());
    }
}
