//! `local up --watch`: deploys again when a source of the functions changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::local::Project;

/// Poll interval for changes. A poll reads the attributes of a thousand files, which takes milliseconds.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The files from which the stack is deployed: size and modification time of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources(BTreeMap<PathBuf, (u64, SystemTime)>);

/// Detects changes. A change is reported after one poll without a further change, so that files that are saved together
/// cause one deployment.
#[derive(Debug)]
pub(super) struct Watcher {
    deployed: Sources,
    last: Sources,
}

impl Sources {
    /// Reads the attributes of all files. A file that cannot be read counts as missing.
    pub(super) fn read(project: &Project) -> Self {
        let mut files = BTreeMap::new();
        for path in project.sources() {
            add(&path, &mut files);
        }
        Self(files)
    }

    /// The first path that differs.
    fn first_difference<'a>(&'a self, other: &'a Self) -> Option<&'a Path> {
        let differs = |(path, state): &(&PathBuf, _)| other.0.get(*path) != Some(*state);
        let changed = self.0.iter().find(differs);
        let removed = || other.0.keys().find(|path| !self.0.contains_key(*path));
        let path = changed.map(|(path, _)| path);
        path.or_else(removed).map(PathBuf::as_path)
    }
}

fn add(path: &Path, files: &mut BTreeMap<PathBuf, (u64, SystemTime)>) {
    let Ok(attributes) = fs::metadata(path) else {
        return;
    };
    if attributes.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !is_temporary(&entry.file_name().to_string_lossy())) {
            add(&entry.path(), files);
        }
    } else if let Ok(modified) = attributes.modified() {
        files.insert(path.to_owned(), (attributes.len(), modified));
    }
}

/// Whether an editor writes a file with this name next to the one that is edited.
fn is_temporary(name: &str) -> bool {
    name.starts_with(['.', '#']) || name.ends_with('~')
}

impl Watcher {
    /// `deployed` was read before the build that is deployed now.
    pub(super) fn new(deployed: Sources) -> Self {
        Self {
            last: deployed.clone(),
            deployed,
        }
    }

    /// Returns a path that has changed since the last deployment, once the sources are stable.
    pub(super) fn poll(&mut self, current: Sources) -> Option<PathBuf> {
        let is_stable = current == self.last;
        self.last = current;
        if !is_stable {
            return None;
        }
        let changed = self.last.first_difference(&self.deployed)?.to_owned();
        self.deployed = self.last.clone();
        Some(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, u64)]) -> Sources {
        let state = |(name, size): &(&str, u64)| (name.into(), (*size, SystemTime::UNIX_EPOCH));
        Sources(files.iter().map(state).collect())
    }

    #[test]
    fn a_change_is_reported_once_after_the_sources_are_stable() {
        let [old, saving, new] = [1, 2, 3].map(|size| sources(&[("lib.rs", size)]));
        let mut watcher = Watcher::new(old.clone());

        let polls = [old, saving, new.clone(), new.clone(), new].map(|it| watcher.poll(it));

        assert_eq!(
            polls,
            [None, None, None, Some(PathBuf::from("lib.rs")), None]
        );
    }

    #[test]
    fn added_and_removed_files_are_changes() {
        let (one, two) = (sources(&[("a", 1)]), sources(&[("a", 1), ("b", 1)]));
        let mut watcher = Watcher::new(one.clone());

        let polls = [&two, &two, &one, &one].map(|it| watcher.poll(it.clone()));

        let changed = Some(PathBuf::from("b"));
        assert_eq!(polls, [None, changed.clone(), None, changed]);
    }

    #[test]
    fn a_saved_source_differs_and_an_editors_own_file_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("infra")).unwrap();
        fs::create_dir_all(root.join("functions/archive-page/src")).unwrap();
        fs::write(root.join("infra/template.yaml"), "").unwrap();
        let project = Project::find(root).unwrap();
        let before = Sources::read(&project);

        fs::write(root.join("functions/archive-page/src/.lib.rs.swp"), "x").unwrap();
        let unsaved = Sources::read(&project);
        fs::write(root.join("functions/archive-page/src/lib.rs"), "x").unwrap();
        let saved = Sources::read(&project);

        assert_eq!(unsaved, before);
        let changed = saved.first_difference(&before).unwrap();
        assert!(changed.ends_with("archive-page/src/lib.rs"));
    }
}
