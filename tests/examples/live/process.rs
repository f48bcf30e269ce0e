//! The simulated organisation, the processes that hear it, and the archive.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use genesys_simulator::{FrameKind, Live, LiveSettings, Settings, Simulator, Traffic};

/// A simulated organisation, and an archive for its events.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) folder: PathBuf,
}

/// A process of `stream`, killed when it is dropped.
pub(crate) struct Stream {
    child: Child,
    name: &'static str,
}

const HEARTBEAT: Duration = Duration::from_secs(5);

/// Real time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(200);

impl World {
    /// `name` is that of the archive's folder.
    pub(crate) async fn new(name: &str) -> anyhow::Result<Self> {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/live")).join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let simulator = Simulator::start(Settings {
            rate_per_minute: 0,
            live: LiveSettings {
                heartbeat_interval: Some(HEARTBEAT),
                ..LiveSettings::default()
            },
            ..Settings::default()
        })
        .await
        .context("the simulator does not start")?;
        Ok(Self { simulator, folder })
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.folder.join("archive")
    }

    /// Sends about this many frames a second until the handle is aborted.
    pub(crate) fn send(&self, frames_per_second: u64) -> tokio::task::JoinHandle<()> {
        let live = self.simulator.live();
        live.begin(Traffic {
            conversations: usize::MAX,
            concurrent: 40,
            kinds: vec![FrameKind::Snapshot],
            ..Traffic::default()
        });
        tokio::spawn(async move { live.run(frames_per_second).await })
    }

    /// Starts `stream` on all queues.
    pub(crate) fn start(&self, name: &'static str) -> anyhow::Result<Stream> {
        let settings = Settings::default();
        let url = self.simulator.url().to_string();
        let state = self.folder.join(name);
        let child = Command::new(std::env::current_exe()?)
            .args([
                "stream",
                "notifications",
                "--queue",
                "all",
                "--write-every",
                "5s",
                "--out",
            ])
            .arg(self.archive())
            .env("GENESYS_API_URL", &url)
            .env("GENESYS_LOGIN_URL", &url)
            .env("GENESYS_CLIENT_ID", &settings.client_id)
            .env("GENESYS_CLIENT_SECRET", &settings.client_secret)
            .env("SIGNING_KEY_FILE", self.folder.join("signing-key.pem"))
            .env("XDG_STATE_HOME", state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("the process does not start")?;
        Ok(Stream { child, name })
    }
}

impl Stream {
    /// Sends a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status()?;
        ensure!(sent.success(), "{} cannot be sent {signal}", self.name);
        Ok(())
    }

    /// Waits for the end of the process, and returns how long that took.
    pub(crate) async fn end(mut self, limit: Duration) -> anyhow::Result<(ExitStatus, Duration)> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, since.elapsed()));
            }
            ensure!(since.elapsed() < limit, "{} does not end", self.name);
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the condition holds.
pub(crate) async fn until(
    live: &Live,
    limit: Duration,
    condition: impl Fn(&Live) -> bool,
) -> anyhow::Result<()> {
    let waited = tokio::time::timeout(limit, live.until(condition)).await;
    waited.context("it takes too long")
}
