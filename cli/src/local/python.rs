//! Python programs on this machine: a virtual environment of locked packages, created once.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use conversation_archive::base::hash::Sha256;

/// The locked packages require this version or a later one.
const VERSION: &str = "import sys
if sys.version_info < (3, 11): sys.exit('this is ' + sys.version)
print(sys.version)";

/// Why there is no environment. Each message is one line and includes the fix.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    #[error(
        "Python 3.11 or later is required as `python3`, but {0}; install it (Debian: apt install python3 python3-venv)"
    )]
    Python(String),
    #[error(
        "python3 cannot create a virtual environment: {0}; install its venv module (Debian: apt install python3-venv)"
    )]
    Venv(String),
    #[error(
        "pip cannot install {requirements}: {reason}; it needs the network, or a mirror in PIP_INDEX_URL"
    )]
    Pip {
        requirements: String,
        reason: String,
    },
    #[error("cannot write to {path}")]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Returns the environment below `folder` that holds exactly `requirements`, and creates it if it is missing, after
/// calling `before_creation`. Blocks. One process creates it while others wait.
pub fn environment(
    folder: &Path,
    requirements: &Path,
    before_creation: impl FnOnce(),
) -> Result<PathBuf, PythonError> {
    let python = version()?;
    let in_folder = |source| PythonError::Folder {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(in_folder)?;
    let lock = File::create(folder.join("python.lock")).map_err(in_folder)?;
    lock.lock().map_err(in_folder)?;
    let wanted = fs::read(requirements).map_err(|source| PythonError::Folder {
        path: requirements.to_owned(),
        source,
    })?;
    // Another version of Python needs another environment.
    let digest = Sha256::of([wanted, python].concat()).short(12);
    let environment = folder.join(format!("python-{digest}"));
    let complete = environment.join("complete");
    if !complete.exists() || !is_working(&environment) {
        before_creation();
        create(&environment, requirements)?;
        File::create(&complete).map_err(in_folder)?;
    }
    Ok(environment)
}

fn version() -> Result<Vec<u8>, PythonError> {
    match Command::new("python3").args(["-c", VERSION]).output() {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(PythonError::Python(last_line(&output))),
        Err(error) => Err(PythonError::Python(format!(
            "it cannot be started: {error}"
        ))),
    }
}

/// Whether the environment still works; the Python from which it was created may be gone.
fn is_working(environment: &Path) -> bool {
    let mut nothing = Command::new(environment.join("bin/python"));
    let done = nothing.args(["-c", ""]).output();
    done.is_ok_and(|output| output.status.success())
}

/// Creates the environment, after removing what an interrupted installation left.
fn create(environment: &Path, requirements: &Path) -> Result<(), PythonError> {
    if environment.exists() {
        fs::remove_dir_all(environment).map_err(|source| PythonError::Folder {
            path: environment.to_owned(),
            source,
        })?;
    }
    let venv = Command::new("python3")
        .args(["-m", "venv"])
        .arg(environment)
        .output();
    check_success(venv).map_err(PythonError::Venv)?;
    let pip = Command::new(environment.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--require-hashes"])
        .arg("--requirement")
        .arg(requirements)
        .output();
    check_success(pip).map_err(|reason| PythonError::Pip {
        requirements: requirements.display().to_string(),
        reason,
    })
}

fn check_success(output: io::Result<Output>) -> Result<(), String> {
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(last_line(&output)),
        Err(error) => Err(error.to_string()),
    }
}

/// The last line of a Python program's output, which states the error.
fn last_line(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    let last = text.lines().next_back().unwrap_or_default();
    if last.is_empty() {
        output.status.to_string()
    } else {
        last.to_owned()
    }
}
