//! The measured processes, and the resources that they used according to the operating system.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use genesys_simulator::Settings;
use tempfile::TempDir;
use wait4::Wait4 as _;

const ID: &str = "bench";

/// The resources that a process used.
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    /// User and system time together.
    pub(crate) cpu: Duration,
    pub(crate) peak_bytes: usize,
}

/// The number and size of the objects that an export stored.
pub(crate) struct Stored {
    pub(crate) objects: usize,
    pub(crate) bytes: usize,
}

/// A gateway process, and a folder to export to.
pub(crate) struct Exporter {
    gateway: Child,
    url: String,
    folder: TempDir,
}

impl Exporter {
    pub(crate) fn new(records: usize) -> Self {
        let mut gateway = this_binary(&["gateway", &records.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut url = String::new();
        BufReader::new(gateway.stdout.take().expect("a pipe"))
            .read_line(&mut url)
            .expect("an address");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        Self {
            gateway,
            url: url.trim().to_owned(),
            folder: TempDir::new_in(target).expect("a folder below target/"),
        }
    }

    /// Exports into an empty folder.
    pub(crate) fn export(&self) -> Usage {
        let _ = std::fs::remove_dir_all(self.out());
        let mut export = self.cli_command(&["export", "--request", "-", "--out"]);
        export.arg(self.out()).stdin(Stdio::piped());
        let settings = Settings::default();
        let request = serde_json::json!({
            "exportId": ID,
            "source": "export-gateway",
            "interval": format!("{}/{}", settings.interval.0, settings.interval.1),
            "slices": 2,
        });
        measure_command(export, request.to_string().as_bytes())
    }

    pub(crate) fn verify(&self) -> Usage {
        let mut verify = self.cli_command(&["verify"]);
        verify.arg(self.out()).arg(ID);
        measure_command(verify, b"")
    }

    pub(crate) fn stored(&self) -> Stored {
        let mut stored = Stored {
            objects: 0,
            bytes: 0,
        };
        let mut folders = vec![self.out()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let found = entry.metadata().expect("an entry of a folder");
                if found.is_dir() {
                    folders.push(entry.path());
                } else {
                    stored.objects += 1;
                    stored.bytes += usize::try_from(found.len()).expect("a size");
                }
            }
        }
        stored
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("archive")
    }

    fn cli_command(&self, arguments: &[&str]) -> Command {
        let settings = Settings::default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_genesys-archive"));
        command
            .args(arguments)
            .env_clear()
            .env("GENESYS_API_URL", &self.url)
            .env("GENESYS_LOGIN_URL", &self.url)
            .env("GENESYS_CLIENT_ID", settings.client_id)
            .env("GENESYS_CLIENT_SECRET", settings.client_secret);
        command
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.gateway.kill();
        let _ = self.gateway.wait();
    }
}

/// Runs this program in another of its roles.
pub(crate) fn run_this_program(arguments: &[&str]) -> Usage {
    measure_command(this_binary(arguments), b"")
}

fn this_binary(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program has a file"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn measure_command(mut command: Command, input: &[u8]) -> Usage {
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a program that starts");
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).expect("a program that reads");
    }
    let ended = child.wait4().expect("a program that ends");
    assert!(ended.status.success(), "{command:?}: {}", ended.status);
    Usage {
        wall: started.elapsed(),
        cpu: ended.rusage.utime + ended.rusage.stime,
        peak_bytes: usize::try_from(ended.rusage.maxrss).expect("a size"),
    }
}
