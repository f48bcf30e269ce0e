//! An emulator: a child process on loopback, on a port that the system picks, which is killed when its handle is
//! dropped.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use conversation_archive::runtime::config::environment;
use conversation_archive::storage::aws::{AwsClients, AwsSettings};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::installation::{folder, python_program, s3s_fs};

pub(crate) const ACCESS_KEY: &str = "test";
pub(crate) const SECRET_KEY: &str = "test";
pub(crate) const REGION: &str = "eu-central-1";

/// Sufficient even on a busy machine.
const MAX_START_TIME: Duration = Duration::from_mins(1);

/// Number of log lines that are printed when a test fails.
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
    /// Starts ministack: S3 and SQS, in memory.
    pub(crate) async fn ministack() -> Self {
        let mut command = Command::new(python_program("ministack"));
        // By default it listens on every interface, also for MQTT and SFTP. Port 0 lets the system choose.
        clear_environment(&mut command).envs([
            ("BIND_HOST", "127.0.0.1"),
            ("GATEWAY_PORT", "0"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
            ("SERVICES", "s3,sqs,kms"),
        ]);
        Self::start("ministack", command).await
    }

    /// Starts moto: SQS.
    pub(crate) async fn moto() -> Self {
        let mut command = Command::new(python_program("moto_server"));
        clear_environment(&mut command).args(["-H", "127.0.0.1", "-p", "0"]);
        Self::start("moto", command).await
    }

    /// Starts s3s-fs: S3, in a folder.
    pub(crate) async fn s3s_fs() -> Self {
        let mut command = Command::new(s3s_fs());
        clear_environment(&mut command)
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
        // The command also holds ends of the pipe; unless they are closed, the reader never sees end of file.
        drop(command);
        let log = log_file(name);
        let (address_sender, address) = oneshot::channel();
        let copy = log.clone();
        std::thread::spawn(move || copy_log(output, &copy, address_sender));
        let mut emulator = Self {
            child,
            url: String::new(),
            log,
            _state: state,
        };
        let address = tokio::time::timeout(MAX_START_TIME, address).await;
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

/// Clients with ordinary settings for this address.
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

/// Kills the child process only.
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

/// Passes nothing of this process's environment to an emulator, in particular no credentials and proxies.
fn clear_environment(command: &mut Command) -> &mut Command {
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

/// Copies the log until the child exits, and sends the first address in it.
fn copy_log(output: PipeReader, log: &Path, address_sender: oneshot::Sender<String>) {
    let mut file = File::create(log).expect("a log file");
    let mut address_sender = Some(address_sender);
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        writeln!(file, "{line}").expect("the log is written");
        if let Some(url) = address(&line)
            && let Some(address_sender) = address_sender.take()
        {
            // The receiver is gone only if the test has already failed.
            address_sender.send(url).ok();
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
