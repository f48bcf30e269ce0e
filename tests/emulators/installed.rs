//! Puts the emulators on this machine, once: below `target/emulators/`, where `cargo clean` finds them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use conversation_archive::hash::Sha256;

/// What pip installs, and nothing else.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/emulators/requirements.txt");

/// The locked packages want no older one.
const VERSION: &str = "import sys
if sys.version_info < (3, 11): sys.exit('this is ' + sys.version)
print(sys.version)";

/// The last that the compiler of this workspace builds.
const S3S_FS: &str = "0.14.1";

/// A program from the Python environment.
pub(crate) fn python_program(name: &str) -> PathBuf {
    let _lock = lock();
    let requirements = fs::read(REQUIREMENTS).expect("requirements.txt is there");
    let python = run(
        Command::new("python3").args(["-c", VERSION]),
        "Python 3.11 or later is needed for the emulators, as python3 and with venv",
    );
    // Another Python needs another environment.
    let digest = Sha256::of([requirements, python].concat()).short(12);
    let environment = folder().join(format!("python-{digest}"));
    let complete = environment.join("complete");
    if !complete.exists() || !works(&environment) {
        install(&environment);
        File::create(&complete).expect("a marker");
    }
    environment.join("bin").join(name)
}

/// The Python that it was made of may be gone.
fn works(environment: &Path) -> bool {
    let mut nothing = Command::new(environment.join("bin/python"));
    let done = nothing.args(["-c", ""]).status();
    done.is_ok_and(|status| status.success())
}

/// What an earlier installation left half-made goes first.
fn install(environment: &Path) {
    if environment.exists() {
        fs::remove_dir_all(environment).expect("the half-made environment goes");
    }
    run(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(environment),
        "python3 has no venv: install it (Debian: python3-venv)",
    );
    let pip = Command::new(environment.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--require-hashes", "--requirement", REQUIREMENTS])
        .output();
    let pip = pip.expect("pip runs");
    assert!(
        pip.status.success(),
        "pip cannot install {REQUIREMENTS}:\n{}",
        String::from_utf8_lossy(&pip.stderr)
    );
}

/// s3s-fs, built by itself: as a dependency its features would rebuild the AWS SDK, which takes longer.
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

/// Where the emulators, their logs and nothing else are.
pub(crate) fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("emulators");
    fs::create_dir_all(&folder).expect("a folder in target/");
    folder
}

/// One installs, the others wait.
fn lock() -> File {
    let lock = File::create(folder().join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    lock
}

fn run(command: &mut Command, otherwise: &str) -> Vec<u8> {
    match command.output() {
        Ok(output) if output.status.success() => output.stdout,
        Ok(output) => panic!("{otherwise}\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{otherwise}: {error}"),
    }
}
