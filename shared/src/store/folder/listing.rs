//! Lists a folder as S3 lists a bucket: in byte order of the whole keys, a bounded number at a time. Blocking.
//!
//! A folder counts as its name with a slash, so `a-b/x` comes before `a/x`. Only folders that can hold a wanted key
//! are read.

use std::fs;
use std::io;
use std::path::Path;

use super::tree::{is_absent, is_ordinary};
use crate::store::{Listed, Listing};

/// Up to `limit` objects whose keys start with `prefix` and come after `after`.
pub(super) fn list(root: &Path, prefix: &str, after: &str, limit: usize) -> io::Result<Listing> {
    let mut walk = Walk {
        root,
        prefix,
        after,
        limit,
        listing: Listing::default(),
    };
    let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
    // A folder that no key can name holds none.
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
    /// Adds what is wanted below `folder`, which is empty or ends with a slash.
    fn visit(&mut self, folder: &str) -> io::Result<()> {
        for key in self.wanted(folder)? {
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
            // Deleted since.
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

    /// The wanted files and folders right in `folder`, in order.
    fn wanted(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            // A name that is not UTF-8 is no key, and neither is a link or a device.
            let (Ok(name), true) = (
                entry.file_name().into_string(),
                kind.is_file() || kind.is_dir(),
            ) else {
                continue;
            };
            let slash = if kind.is_dir() { "/" } else { "" };
            keys.push(format!("{folder}{name}{slash}"));
        }
        keys.retain(|key| self.wants(key));
        keys.sort_unstable();
        Ok(keys)
    }

    fn wants(&self, key: &str) -> bool {
        let own = key.starts_with('.');
        let beyond = key > self.after || key.ends_with('/') && self.after.starts_with(key);
        key.starts_with(self.prefix) && beyond && !own
    }
}
