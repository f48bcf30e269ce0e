//! A simulated organisation, a folder, and the binary run as a user would.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use genesys_simulator::{Faults, Settings, Simulator};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_genesys-archive");
pub(crate) const DAYS: &str = r#""interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z""#;

/// Longer than any step takes on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// An organisation, a folder, and the settings of a user of both.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) folder: TempDir,
    pub(crate) settings: Vec<(&'static str, String)>,
}

pub(crate) struct CommandOutput {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        // Each response takes some milliseconds, so that a test has time to interrupt.
        let faults = Faults {
            slow: 1.0,
            ..Faults::default()
        };
        Self::with(Settings {
            conversations: 200,
            gateway_records: 200,
            faults,
            ..fast_settings()
        })
        .await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let credentials = (settings.client_id.clone(), settings.client_secret.clone());
        let simulator = Simulator::start(settings).await.unwrap();
        let url = simulator.url().to_string();
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("signing-key.pem").display().to_string();
        let settings = vec![
            ("SIGNING_KEY_FILE", key),
            ("GENESYS_API_URL", url.clone()),
            ("GENESYS_LOGIN_URL", url),
            ("GENESYS_CLIENT_ID", credentials.0),
            ("GENESYS_CLIENT_SECRET", credentials.1),
        ];
        let mut world = Self {
            simulator,
            folder,
            settings,
        };
        let audit_file = world.audit_file().display().to_string();
        world.set("UNREDACTED_AUDIT_FILE", &audit_file);
        world
    }

    /// The file for audit lines of unredacted reading.
    pub(crate) fn audit_file(&self) -> PathBuf {
        self.folder.path().join("audit/unredacted.ndjson")
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .env_clear()
            .envs(self.settings.iter().cloned());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Writes a request file for `--request`, and returns its path.
    pub(crate) fn request(&self, json: &str) -> String {
        let path = self.folder.path().join("request.json");
        fs::write(&path, json).unwrap();
        path.display().to_string()
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> CommandOutput {
        run_command(self.command(arguments)).await
    }

    pub(crate) async fn export(&self, json: &str) -> CommandOutput {
        let (request, out) = (self.request(json), self.out().display().to_string());
        self.run(&["export", "--request", &request, "--out", &out])
            .await
    }

    /// Runs `command` with the world's folder and the export `march`.
    pub(crate) async fn run_on_march(&self, command: &str, more: &[&str]) -> CommandOutput {
        let out = self.out().display().to_string();
        let place = if command == "verify" {
            vec![out.as_str()]
        } else {
            vec!["--out", out.as_str()]
        };
        let arguments: Vec<&str> = [command]
            .into_iter()
            .chain(place)
            .chain(["march"])
            .chain(more.iter().copied())
            .collect();
        self.run(&arguments).await
    }

    /// Starts an export of many small pages.
    pub(crate) fn start_march(&self) -> Child {
        let request = self.request(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":4}}"#));
        self.command(&[
            "export",
            "--request",
            &request,
            "--out",
            &self.out().display().to_string(),
        ])
        .spawn()
        .unwrap()
    }

    pub(crate) fn page_records(&self) -> usize {
        files(&self.out())
            .iter()
            .filter(|path| path.to_string_lossy().ends_with(".record.json"))
            .count()
    }

    /// Polls the folder until it holds `number` page records.
    pub(crate) async fn wait_for_page_records(&self, number: usize) {
        let since = Instant::now();
        while self.page_records() < number {
            assert!(
                since.elapsed() < TIMEOUT,
                "no {number} page records in time"
            );
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.out().join("exports/march/manifest.json")).unwrap())
            .unwrap()
    }
}

pub(crate) fn fast_settings() -> Settings {
    Settings {
        job_ready_after: Duration::ZERO,
        rate_per_minute: 0,
        ..Settings::default()
    }
}

/// Runs the command without blocking the simulator, which lives in this process.
pub(crate) async fn run_command(mut command: Command) -> CommandOutput {
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    command_output(&output)
}

pub(crate) async fn wait_with_output(child: Child) -> CommandOutput {
    command_output(
        &tokio::task::spawn_blocking(move || child.wait_with_output())
            .await
            .unwrap()
            .unwrap(),
    )
}

fn command_output(output: &Output) -> CommandOutput {
    CommandOutput {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        err: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    entries.flat_map(|entry| below(entry.path())).collect()
}

impl CommandOutput {
    pub(crate) fn error(&self) -> &str {
        let line = self
            .err
            .lines()
            .find_map(|line| line.strip_prefix("error: "));
        line.unwrap_or_else(|| panic!("no error line in: {}", self.err))
    }
}

/// Sends Ctrl-C at the first line on standard error that contains `text`, and waits for the end.
#[cfg(unix)]
pub(crate) async fn interrupt_at_line(child: Child, text: &'static str) -> CommandOutput {
    tokio::task::spawn_blocking(move || interrupt_at_line_blocking(child, text))
        .await
        .unwrap()
}

#[cfg(unix)]
fn interrupt_at_line_blocking(mut child: Child, text: &str) -> CommandOutput {
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (mut err, mut interrupted) = (String::new(), false);
    for line in lines {
        let line = line.unwrap();
        if line.contains(text) && !interrupted {
            interrupted = true;
            let id = child.id().to_string();
            Command::new("kill").args(["-INT", &id]).status().unwrap();
        }
        err.push_str(&line);
        err.push('\n');
    }
    assert!(
        interrupted,
        "standard error does not contain `{text}`: {err}"
    );
    let output = command_output(&child.wait_with_output().unwrap());
    CommandOutput { err, ..output }
}
