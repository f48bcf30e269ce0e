//! An emulator: a child process on loopback, on a port that the system picks, which ends with its handle.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use conversation_archive::aws::{AwsClients, AwsSettings};
use conversation_archive::config::environment;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::installed::{folder, python_program, s3s_fs};

pub(crate) const ACCESS_KEY: &str = "test";
pub(crate) const SECRET_KEY: &str = "test";
pub(crate) const REGION: &str = "eu-central-1";

/// Even on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The end of the log that is shown when a test fails.
const TAIL_LINES: usize = 40;

/// A running emulator.
#[derive(Debug)]
pub(crate) struct Emulator {
    child: Child,
    url: String,
    log: PathBuf,
    _state: TempDir,
}

impl Emulator {
    /// S3 and SQS, in memory.
    pub(crate) async fn ministack() -> Self {
        let mut command = Command::new(python_program("ministack"));
        // It would listen on every interface, for MQTT and SFTP as well; a port 0 is the system's choice.
        clean(&mut command).envs([
            ("BIND_HOST", "127.0.0.1"),
            ("GATEWAY_PORT", "0"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
            ("SERVICES", "s3,sqs"),
        ]);
        Self::start("ministack", command).await
    }

    /// SQS.
    pub(crate) async fn moto() -> Self {
        let mut command = Command::new(python_program("moto_server"));
        clean(&mut command).args(["-H", "127.0.0.1", "-p", "0"]);
        Self::start("moto", command).await
    }

    /// S3, in a folder.
    pub(crate) async fn s3s_fs() -> Self {
        let mut command = Command::new(s3s_fs());
        clean(&mut command)
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .args(["--host", "127.0.0.1", "--port", "0", "."])
            .env("RUST_LOG", "info");
        Self::start("s3s-fs", command).await
    }

    async fn start(name: &str, mut command: Command) -> Self {
        let state = tempfile::tempdir().expect("a folder for its state");
        let (output, writer) = std::io::pipe().expect("a pipe");
        command
            .current_dir(state.path())
            .env("HOME", state.path())
            .env("STATE_DIR", state.path())
            .stdin(Stdio::null())
            .stdout(writer.try_clone().expect("a second end"))
            .stderr(writer);
        let child = command.spawn().expect("the emulator starts");
        // The command holds ends of the pipe, too; without them gone, its end would never be seen.
        drop(command);
        let log = log_file(name);
        let (found, address) = oneshot::channel();
        let copy = log.clone();
        std::thread::spawn(move || copy_log(output, &copy, found));
        let mut emulator = Self {
            child,
            url: String::new(),
            log,
            _state: state,
        };
        let address = tokio::time::timeout(READY_WITHIN, address).await;
        emulator.url = address
            .expect("the emulator is ready in time")
            .expect("the emulator says where it listens");
        emulator
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn clients(&self) -> AwsClients {
        clients(&self.url, SECRET_KEY)
    }

    pub(crate) fn clients_with_secret(&self, secret: &str) -> AwsClients {
        clients(&self.url, secret)
    }

    pub(crate) async fn create_bucket(&self, name: &str) {
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(REGION))
            .build();
        let request = self.clients().s3().create_bucket().bucket(name);
        let created = request.create_bucket_configuration(place).send().await;
        created.expect("a bucket");
    }
}

/// As anybody would set them up for this address.
pub(crate) fn clients(url: &str, secret: &str) -> AwsClients {
    let credentials = Credentials::new(ACCESS_KEY, secret, None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let settings = AwsSettings {
        force_path_style: true,
    };
    AwsClients::new(config, settings)
}

/// By its own handle, and nobody else's.
impl Drop for Emulator {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if std::thread::panicking() {
            println!(
                "{}\n{ended:?}; the whole log: {}",
                tail(&self.log),
                self.log.display()
            );
        }
    }
}

/// Nothing of this process's environment reaches an emulator, credentials and proxies least of all.
fn clean(command: &mut Command) -> &mut Command {
    let path = environment("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("PYTHONUNBUFFERED", "1")
}

fn log_file(name: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let logs = folder().join("logs");
    fs::create_dir_all(&logs).expect("a folder for logs");
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    logs.join(format!("{name}-{number}.log"))
}

/// Until the child ends. Tells the first address that the log names.
fn copy_log(output: PipeReader, log: &Path, found: oneshot::Sender<String>) {
    let mut file = File::create(log).expect("a log file");
    let mut found = Some(found);
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        writeln!(file, "{line}").expect("the log is written");
        if let Some(url) = address(&line)
            && let Some(found) = found.take()
        {
            // Nobody waits any more: then the test has failed already.
            found.send(url).ok();
        }
    }
}

fn address(line: &str) -> Option<String> {
    const START: &str = "http://127.0.0.1:";
    let (_, rest) = line.split_once(START)?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!port.is_empty()).then(|| format!("{START}{port}"))
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
