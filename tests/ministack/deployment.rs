//! A stack that `local up` has deployed into a temporary folder, and that is removed when its handle is dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use conversation_archive::storage::aws::AwsClients;
use end_to_end::child_process::{ChildProcess, MAX_WAIT, POLL_INTERVAL, ProcessOutput};
use genesys_archive::local::{REGION, STACK};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The first run installs an emulator and compiles the functions.
const MAX_DEPLOYMENT_TIME: Duration = Duration::from_mins(15);

/// Number of log lines that are printed when a test fails.
const TAIL_LINES: usize = 40;

pub(crate) struct Deployment {
    folder: TempDir,
    options: Vec<String>,
    /// The last output of `local up`.
    up_output: Value,
}

impl Deployment {
    pub(crate) async fn up(options: &[&str]) -> Self {
        let mut deployment = Self {
            folder: tempfile::tempdir().expect("a folder"),
            options: Vec::new(),
            up_output: Value::Null,
        };
        deployment.set_options(options);
        deployment.redeploy(&[]).await;
        deployment
    }

    /// Sets other options for the next deployments.
    pub(crate) fn set_options(&mut self, options: &[&str]) {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
    }

    /// Deploys again with the same options and these template parameters.
    pub(crate) async fn redeploy(&mut self, parameters: &[&str]) {
        let mut command = self.up_command();
        for parameter in parameters {
            command.args(["--parameter", parameter]);
        }
        let up = ChildProcess::start(command)
            .wait_up_to(MAX_DEPLOYMENT_TIME)
            .await;
        assert_eq!(up.code, Some(0), "{}", up.err);
        self.up_output = serde_json::from_str(&up.out).expect("JSON");
    }

    /// Starts `local up --watch` in another checkout, with this program as its cargo.
    pub(crate) fn start_watching(&self, checkout: &Path, cargo: &Path) -> ChildProcess {
        let mut command = self.up_command();
        command
            .arg("--watch")
            .current_dir(checkout)
            .env("CARGO", cargo);
        ChildProcess::start(command)
    }

    fn up_command(&self) -> Command {
        let environments = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("emulators");
        let mut command = Self::command(&["local", "up", "--json", "--folder"]);
        command
            .arg(self.folder())
            .arg("--environments")
            .arg(environments)
            .args([
                "--port",
                "0",
                "--simulator-port",
                "0",
                "--receiver-port",
                "0",
            ])
            .args(&self.options);
        command
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The interval of the simulated organisation's data.
    pub(crate) fn interval(&self) -> &str {
        self.up_output["interval"].as_str().expect("an interval")
    }

    pub(crate) fn bucket(&self) -> &str {
        self.up_output["bucket"].as_str().expect("a bucket")
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.up_output["endpoint"].as_str().expect("an endpoint")
    }

    pub(crate) async fn clients(&self) -> AwsClients {
        AwsClients::of_emulator(self.endpoint(), REGION).await
    }

    /// Runs a command on the stack to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> ProcessOutput {
        self.start(arguments).wait().await
    }

    /// Runs a command that names no stack to its end.
    pub(crate) async fn run_without_stack(arguments: &[&str]) -> ProcessOutput {
        ChildProcess::start(Self::command(arguments)).wait().await
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> ChildProcess {
        let mut command = Self::command(arguments);
        command.arg(format!("--local={}", self.folder().display()));
        ChildProcess::start(command)
    }

    /// Runs a command that must succeed, and returns its JSON output.
    pub(crate) async fn run_json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(
            output.code,
            Some(0),
            "{arguments:?}: {}{}",
            output.out,
            output.err
        );
        serde_json::from_str(&output.out).expect("JSON")
    }

    /// Writes a request file for `start`.
    pub(crate) fn request(&self, request: &Value) -> String {
        let name = request["exportId"].as_str().expect("an id");
        let path = self.folder().join(format!("{name}.json"));
        fs::write(&path, request.to_string()).expect("a request");
        path.display().to_string()
    }

    /// Returns the deliveries of an export to the receiver: event, and whether the signature was valid.
    pub(crate) fn deliveries(&self, export: &str) -> Vec<(String, bool)> {
        let text = fs::read_to_string(self.folder().join("deliveries.ndjson")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .filter(|delivery| delivery["exportId"] == export)
            .map(|delivery| {
                let event = delivery["event"].as_str().unwrap_or_default().to_owned();
                (event, delivery["signed"] == true)
            })
            .collect()
    }

    /// Returns the ids of the processes: services, emulator.
    pub(crate) fn processes(&self) -> (u64, u64) {
        let text = fs::read(self.folder().join("running.json")).expect("processes");
        let running: Value = serde_json::from_slice(&text).expect("JSON");
        let id = |field: &str| running[field].as_u64().expect("an id");
        (id("services"), id("emulator"))
    }

    /// Returns the virtual environment with the emulator and boto3.
    pub(crate) fn python(&self) -> PathBuf {
        let settings = fs::read(self.folder().join("settings.json")).expect("settings");
        let settings: Value = serde_json::from_slice(&settings).expect("JSON");
        settings["python"].as_str().expect("a folder").into()
    }

    /// Calls a service for which the product has no client.
    pub(crate) async fn aws(&self, arguments: &[&str]) -> Value {
        let output = ChildProcess::start(self.aws_command(arguments))
            .wait()
            .await;
        assert_eq!(output.code, Some(0), "{}", output.err);
        serde_json::from_str(&output.out).expect("JSON")
    }

    pub(crate) fn aws_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.python().join("bin/python"));
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/ministack/aws.py"))
            .args([self.endpoint(), REGION])
            .args(arguments);
        command
    }

    /// Returns the name of a function or a queue of the stack.
    pub(crate) fn name(part: &str) -> String {
        format!("{STACK}-{part}")
    }

    fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_genesys-archive-tested"));
        command.args(arguments).current_dir(ROOT);
        command
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let mut down = Self::command(&["local", "down", "--folder"]);
        let ended = down.arg(self.folder()).stdin(Stdio::null()).output();
        if std::thread::panicking() {
            for log in ["services.log", "emulator.log"] {
                let text = fs::read_to_string(self.folder().join(log)).unwrap_or_default();
                let lines = text.lines().filter(|line| !line.contains("[persistence]"));
                let lines: Vec<_> = lines.collect();
                let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
                println!("{log}:\n{}", tail.join("\n"));
            }
            println!("{ended:?}");
        }
    }
}

/// Polls until the condition holds.
pub(crate) async fn wait_until(condition: &str, is_observed: impl AsyncFn() -> bool) {
    wait_up_to(MAX_WAIT, condition, is_observed).await;
}

/// The same with another limit, for what takes longer than [`MAX_WAIT`].
pub(crate) async fn wait_up_to(
    max_wait: Duration,
    condition: &str,
    is_observed: impl AsyncFn() -> bool,
) {
    let polling = async {
        while !is_observed().await {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let polled = tokio::time::timeout(max_wait, polling).await;
    assert!(
        polled.is_ok(),
        "{condition}: not observed within {max_wait:?}"
    );
}
