//! Installs the emulators on this machine once, under `target/emulators/`, where `cargo clean` removes them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use genesys_archive::local::python_environment;

/// The complete list of packages that pip installs for the emulators.
const EMULATORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/emulators/requirements.txt");

/// The same for the tools of the printed commands.
const TOOLS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/emulators/tools/requirements.txt"
);

/// The latest version that this workspace's compiler builds.
const S3S_FS: &str = "0.14.1";

/// Returns the path of a program of the emulators.
pub(crate) fn python_program(name: &str) -> PathBuf {
    programs(EMULATORS).join(name)
}

/// Returns the folder that contains `duckdb` and `aws`.
pub(crate) fn tools() -> PathBuf {
    programs(TOOLS)
}

fn programs(requirements: &str) -> PathBuf {
    let environment = python_environment(&folder(), Path::new(requirements), || ());
    match environment {
        Ok(environment) => environment.join("bin"),
        Err(error) => panic!("{error}"),
    }
}

/// Builds s3s-fs separately: as a dependency, its features would rebuild the AWS SDK, which takes longer.
pub(crate) fn s3s_fs() -> PathBuf {
    let _lock = lock();
    let root = folder().join(format!("s3s-fs-{S3S_FS}"));
    let program = root.join("bin/s3s-fs");
    if !program.exists() {
        let build = folder().join("build");
        run(
            Command::new(env!("CARGO"))
                .args([
                    "install",
                    "s3s-fs",
                    "--version",
                    S3S_FS,
                    "--locked",
                    "--debug",
                ])
                .args(["--features", "binary", "--quiet", "--root"])
                .arg(&root)
                .env("CARGO_TARGET_DIR", &build),
            "cargo cannot install s3s-fs",
        );
        fs::remove_dir_all(build).expect("the build folder goes");
    }
    program
}

/// Folder for the emulators and their logs only.
pub(crate) fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("emulators");
    fs::create_dir_all(&folder).expect("a folder in target/");
    folder
}

/// One process installs, the others wait.
fn lock() -> File {
    let lock = File::create(folder().join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    lock
}

fn run(command: &mut Command, failure_message: &str) {
    match command.output() {
        Ok(output) if output.status.success() => (),
        Ok(output) => panic!(
            "{failure_message}\n{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => panic!("{failure_message}: {error}"),
    }
}
