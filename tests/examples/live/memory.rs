//! The memory of a process whose writer is slowed to a tenth of the traffic, and of one that is not.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::archive::{Archive, PortionLimits};
use conversation_archive::export::plan::{RedactionPlan, RedactionSettings, RequiredRedaction};
use conversation_archive::net::clock::Clock;
use conversation_archive::pipeline::{FailedExports, Pipeline};
use conversation_archive::source::stream::DEFAULT_BUFFER_BYTES;
use conversation_archive::storage::queue::MemoryQueues;
use conversation_archive::storage::store::{
    ArchiveStore, FolderStore, Listing, Object, StoreError, Stored,
};
use end_to_end::capture::{all_queues, live_client};
use genesys_archive::capture::{Capture, CaptureLimits, CaptureSettings};

use crate::process::{World, until};

const FRAMES_PER_SECOND: u64 = 2_000;

const RUN: Duration = Duration::from_secs(90);

const MIB: f64 = 1024.0 * 1024.0;

/// Memory beyond that of the process whose writer is not slowed.
const ALLOWED_MIB: f64 = 64.0 + 32.0;

/// Delays each write of frames by a time for each MiB of texts, which gzip makes eight times smaller.
#[derive(Debug)]
struct SlowStore {
    store: FolderStore,
    millis_per_mib: f64,
}

/// Figures of a process.
#[derive(Debug)]
struct Figures {
    peak_mib: f64,
    megabytes_read: f64,
    pongs: u64,
    last_line: String,
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let usual = measure("usual", 0.0).await?;
    let rate = usual.megabytes_read / RUN.as_secs_f64();
    println!(
        "not slowed: {rate:.1} MB/s, {:.0} MiB at most; {}",
        usual.peak_mib, usual.last_line
    );
    // A tenth of the traffic.
    let millis_per_mib = 10_000.0 / rate;
    let slowed = measure("slowed", millis_per_mib).await?;
    println!(
        "slowed: {:.0} MiB at most, {} pings answered; {}",
        slowed.peak_mib, slowed.pongs, slowed.last_line
    );
    let more = slowed.peak_mib - usual.peak_mib;
    println!("{more:.0} MiB more, of {ALLOWED_MIB} allowed");
    ensure!(more <= ALLOWED_MIB, "too much memory");
    ensure!(slowed.pongs > 0, "no ping was answered");
    Ok(())
}

async fn measure(name: &str, millis_per_mib: f64) -> anyhow::Result<Figures> {
    let world = World::new(name).await?;
    let live = world.simulator.live();
    let mut child = start(&world, millis_per_mib)?;
    until(&live, Duration::from_secs(30), |live| {
        live.open_sockets() == 1
    })
    .await?;
    let traffic = world.send(FRAMES_PER_SECOND);
    let mut peak_mib = 0.0_f64;
    let steps = RUN.as_secs();
    for _ in 0..steps {
        tokio::time::sleep(Duration::from_secs(1)).await;
        live.control_ping();
        peak_mib = peak_mib.max(memory_mib(child.id(), "VmHWM:")?);
    }
    traffic.abort();
    let sockets = live.sockets();
    let socket = sockets.first().context("no socket")?;
    ensure!(sockets.len() == 1, "the connection was lost: {sockets:?}");
    child.kill()?;
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last_line = text.lines().last().unwrap_or_default().to_owned();
    let bytes = last_line
        .split(' ')
        .next()
        .and_then(|it| it.parse::<f64>().ok());
    Ok(Figures {
        peak_mib,
        megabytes_read: bytes.context("no figures")? / 1e6,
        pongs: socket.pongs,
        last_line,
    })
}

fn start(world: &World, millis_per_mib: f64) -> anyhow::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["capture", world.simulator.url().as_str()])
        .arg(world.archive())
        .arg(millis_per_mib.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .context("the process does not start")
}

/// A line of `/proc/{id}/status`.
fn memory_mib(id: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{id}/status")))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.context("no such line")?.trim().trim_end_matches(" kB");
    Ok(kib.parse::<f64>()? / 1024.0)
}

/// Captures until it is killed, and prints its figures every second.
pub(crate) async fn capture(url: &str, folder: &str, millis_per_mib: f64) -> anyhow::Result<()> {
    let store = SlowStore {
        store: FolderStore::open(Path::new(folder))?,
        millis_per_mib,
    };
    let clock = Clock::System;
    let pipeline = Pipeline {
        archive: Archive::new(Arc::new(store)),
        queue: Arc::new(MemoryQueues::new(clock.clone())),
        clock: clock.clone(),
        max_open_slices: 1,
        portions: PortionLimits::default(),
        failed_exports: FailedExports::Swept,
    };
    let plan = RedactionPlan::of_live_events(RequiredRedaction::None, RedactionSettings::default());
    let settings = CaptureSettings {
        stream: "memory".parse()?,
        source: all_queues(),
        buffer_bytes: DEFAULT_BUFFER_BYTES,
        redactor: plan.redactor(None)?,
        settle: Duration::from_mins(2),
        limits: CaptureLimits {
            retry_for: Duration::from_hours(1),
            ..CaptureLimits::default()
        },
    };
    let (capture, _notices) = Capture::new(pipeline, live_client(&url.parse()?, &clock), settings);
    let observer = capture.observer();
    let ended = tokio::spawn(capture.run());
    while !ended.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stream = observer.figures().stream;
        println!(
            "{} bytes read in {} frames, {} pauses, {:.1} MiB waiting ({:.1} at most), lag {:.1} s",
            stream.bytes,
            stream.frames,
            stream.pauses,
            stream.depth_bytes as f64 / MIB,
            stream.greatest_depth_bytes as f64 / MIB,
            stream.lag.as_secs_f64()
        );
    }
    ended.await?.context("the capture failed")?;
    Ok(())
}

#[async_trait]
impl ArchiveStore for SlowStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        if object.key.ends_with(".ndjson.gz") {
            let mut text = flate2::read::GzDecoder::new(&*object.body);
            let bytes = std::io::copy(&mut text, &mut std::io::sink()).unwrap_or_default();
            let millis = self.millis_per_mib * bytes as f64 / MIB;
            tokio::time::sleep(Duration::from_secs_f64(millis / 1e3)).await;
        }
        self.store.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.store.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.store.list(prefix, after).await
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}
