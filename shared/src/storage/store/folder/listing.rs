//! Lists a folder as S3 lists a bucket: in byte order of the whole keys, a limited number at a time. Blocking.
//!
//! A folder sorts by its name with a slash, so `a-b/x` comes before `a/x`. Only folders that can hold a requested key
//! are read.

use std::fs;
use std::io;
use std::path::Path;

use super::tree::{is_absent, is_ordinary};
use crate::storage::store::{Listed, Listing};

/// Lists up to `limit` objects whose keys start with `prefix` and sort after `after`.
pub(super) fn list(root: &Path, prefix: &str, after: &str, limit: usize) -> io::Result<Listing> {
    let mut walk = Walk {
        root,
        prefix,
        after,
        limit,
        listing: Listing::default(),
    };
    let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
    // A folder with a name that no key can contain holds no objects.
    if folder
        .strip_suffix('/')
        .is_none_or(|path| path.split('/').all(is_ordinary))
    {
        walk.visit(folder)?;
    }
    Ok(walk.listing)
}

struct Walk<'a> {
    root: &'a Path,
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    listing: Listing,
}

impl Walk<'_> {
    /// Adds the requested objects below `folder`, which is empty or ends with a slash.
    fn visit(&mut self, folder: &str) -> io::Result<()> {
        for key in self.requested_entries(folder)? {
            if self.listing.truncated {
                break;
            }
            if key.ends_with('/') {
                self.visit(&key)?;
            } else {
                self.add(key)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, key: String) -> io::Result<()> {
        match fs::metadata(self.root.join(&key)) {
            // Deleted since the folder was read.
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(error),
            Ok(_) if self.listing.objects.len() == self.limit => {
                self.listing.truncated = true;
                Ok(())
            }
            Ok(file) => {
                self.listing.objects.push(Listed {
                    key,
                    size_bytes: file.len(),
                });
                Ok(())
            }
        }
    }

    /// The requested files and folders directly in `folder`, in order.
    fn requested_entries(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            // A name that is not UTF-8 is not a key; links and devices are ignored, too.
            let (Ok(name), true) = (
                entry.file_name().into_string(),
                kind.is_file() || kind.is_dir(),
            ) else {
                continue;
            };
            let slash = if kind.is_dir() { "/" } else { "" };
            keys.push(format!("{folder}{name}{slash}"));
        }
        keys.retain(|key| self.is_requested(key));
        keys.sort_unstable();
        Ok(keys)
    }

    fn is_requested(&self, key: &str) -> bool {
        let is_internal = key.starts_with('.');
        let beyond = key > self.after || key.ends_with('/') && self.after.starts_with(key);
        key.starts_with(self.prefix) && beyond && !is_internal
    }
}
