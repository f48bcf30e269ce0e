//! Builds the functions for this machine in the dev profile: a fast build, large binaries.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use conversation_archive::runtime::config::{FUNCTIONS, environment};
use serde::Deserialize;

use crate::local::Project;
use crate::problem::{Problem, full_message};

/// The binary of each function.
pub(super) type Binaries = BTreeMap<String, PathBuf>;

/// One of cargo's JSON messages.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds the functions. Cargo's diagnostics go to standard error. Blocks.
pub(super) fn build(project: &Project) -> Result<Binaries, Problem> {
    let cargo = environment("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--locked", "--bins"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(project.root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // Together with this package, which enables more features of the dependencies, so that those already built are
    // reused.
    command.args(["--package", env!("CARGO_PKG_NAME")]);
    for function in FUNCTIONS {
        command.args(["--package", function.function]);
    }
    let built = command.output().map_err(|error| {
        Problem::refused(format!("cannot start cargo: {error}"))
            .with_hint("install Rust from https://rustup.rs")
    })?;
    if !built.status.success() {
        return Err(Problem::failed(
            "the functions could not be built; see above",
        ));
    }
    binaries(&String::from_utf8_lossy(&built.stdout))
        .map_err(|error| Problem::failed(full_message(error)))
}

fn binaries(cargo_output: &str) -> anyhow::Result<Binaries> {
    let messages = cargo_output
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let binaries: Binaries = messages
        .filter_map(|message| Some((message.target?.name, message.executable?)))
        .collect();
    for function in FUNCTIONS {
        anyhow::ensure!(
            binaries.contains_key(function.function),
            "cargo did not build a binary of {}",
            function.function
        );
    }
    Ok(binaries)
}
