//! The demo's folder: the folder of an earlier demo is replaced, any other is left alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::arguments::DemoArguments;
use crate::problem::Problem;

/// Marks a folder as a demo's. A key that starts with a dot is not an object.
const MARKER: &str = ".demo";

pub(super) fn prepare(arguments: &DemoArguments) -> Result<PathBuf, Problem> {
    let name = format!("demo-{}", arguments.seed);
    let mut out = arguments
        .out
        .clone()
        .unwrap_or_else(|| Path::new("archive").join(&name));
    if arguments.keep {
        out = free_name(&out);
    }
    let refused = |error: &io::Error| {
        Problem::refused(format!(
            "{} cannot be used as the demo's folder: {error}",
            out.display()
        ))
        .with_hint("give another folder with --out")
    };
    clear(&out)
        .and_then(|()| write_marker(&out))
        .map_err(|error| refused(&error))?;
    Ok(std::path::absolute(&out).unwrap_or(out))
}

/// The first name that is free: `out`, `out-2`, and so on.
fn free_name(out: &Path) -> PathBuf {
    let numbered = |number: u32| {
        let mut name = out.as_os_str().to_owned();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    };
    if !out.exists() {
        return out.to_owned();
    }
    let mut number = 2;
    while numbered(number).exists() {
        number += 1;
    }
    numbered(number)
}

fn clear(out: &Path) -> io::Result<()> {
    let is_empty = match fs::read_dir(out) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?.next().is_none(),
    };
    if is_empty {
        Ok(())
    } else if out.join(MARKER).is_file() {
        fs::remove_dir_all(out)
    } else {
        Err(io::Error::other(
            "it is not empty and was not written by a demo",
        ))
    }
}

fn write_marker(out: &Path) -> io::Result<()> {
    fs::create_dir_all(out)?;
    fs::write(
        out.join(MARKER),
        "Written by `genesys-archive demo`, which may replace this folder.\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare_demo(out: &Path, keep: bool) -> Result<PathBuf, Problem> {
        prepare(&DemoArguments {
            out: Some(out.to_owned()),
            seed: 1,
            conversations: 100,
            keep,
        })
    }

    #[test]
    fn a_folder_not_written_by_a_demo_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();

        let problem = prepare_demo(folder.path(), false).unwrap_err();

        assert!(
            problem
                .message
                .ends_with("it is not empty and was not written by a demo"),
            "{}",
            problem.message
        );
        assert!(folder.path().join("thesis.txt").exists());
    }

    #[test]
    fn an_earlier_demo_is_replaced_unless_it_is_kept_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("demo");
        prepare_demo(&out, false).unwrap();
        fs::write(out.join("page"), "old").unwrap();

        let kept = prepare_demo(&out, true).unwrap();
        let replaced = prepare_demo(&out, false).unwrap();

        assert_eq!(kept, folder.path().join("demo-2"));
        assert_eq!(replaced, out);
        assert!(!out.join("page").exists());
    }
}
