//! The steps. Each runs in its own process, which reports CPU time and peak memory at its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use complete_export::{CompleteExport, CompletionProgress};
use conversation_archive::archive::verify::{Anchors, verify};
use conversation_archive::archive::{Archive, PortionLimits, slice_status};
use conversation_archive::base::deadline::Deadline;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::{Attempt, Overrides};
use conversation_archive::export::marker::OpenMarker;
use conversation_archive::export::message::CompletionMessage;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::net::clock::Clock;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{FailedExports, Pipeline};
use conversation_archive::runtime::config::DEFAULT_GAP_DELAY;
use conversation_archive::storage::queue::MemoryQueues;
use conversation_archive::storage::store::FolderStore;
use sweep_exports::{LiveSweep, SweepExports, SweepOutcome};

/// The id of every measured export.
pub(crate) const ID: &str = "scale";

/// Time that Lambda gives an invocation, less the margin.
const INVOCATION_TIME: Duration = Duration::from_secs(890);

/// Ticks of `/proc/self/stat` per second, on every Linux that we know.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) async fn run(step: &str, folder: &Path) -> anyhow::Result<()> {
    let archive = archive(folder)?;
    let output_line = match step {
        "sweep" => sweep(archive).await?,
        "complete" => complete(archive).await?,
        _ => {
            let report = verify(&archive, &ID.parse()?, &Anchors::default(), &mut |_| {}).await?;
            format!(
                "{} records, {} ids with versions",
                report.records, report.ids_with_versions
            )
        }
    };
    println!("{}\n{}\n{output_line}", cpu_seconds()?, peak_mb()?);
    Ok(())
}

pub(crate) fn archive(folder: &Path) -> anyhow::Result<Archive> {
    Ok(Archive::new(Arc::new(FolderStore::open_without_sync(
        folder,
    )?)))
}

fn pipeline(archive: Archive, clock: Clock) -> Pipeline {
    Pipeline {
        archive,
        queue: Arc::new(MemoryQueues::new(clock.clone())),
        clock,
        max_open_slices: 2,
        portions: PortionLimits::default(),
        failed_exports: FailedExports::Swept,
    }
}

/// Sweeps until the export, whose messages are all lost, is given up.
async fn sweep(archive: Archive) -> anyhow::Result<String> {
    let clock = Clock::manual(Clock::System.now());
    let mut sweeps = 0;
    loop {
        // With new queues: the messages of the sweep before are lost.
        let sweep = SweepExports {
            pipeline: pipeline(archive.clone(), clock.clone()),
            live: LiveSweep {
                gap_delay: DEFAULT_GAP_DELAY,
                redaction: None,
            },
        };
        clock.advance(Duration::from_secs(3_601));
        sweeps += 1;
        let swept = sweep.handle(&invocation(&clock)).await?;
        match swept[..] {
            [(_, SweepOutcome::Revived)] if sweeps < 10 => {}
            [(_, SweepOutcome::Failed)] => break,
            _ => bail!("swept {swept:?}"),
        }
    }
    Ok(format!("given up by sweep {sweeps}"))
}

/// Resumes the export that was given up, as start-export does.
pub(crate) async fn resume(folder: &Path) -> anyhow::Result<()> {
    let (archive, now) = (archive(folder)?, Clock::System.now());
    let id: ExportId = ID.parse()?;
    let plan = archive.existing_plan(&id).await?;
    let attempt = archive.attempt(&id, 1).await?;
    let progress = slice_status::all_progress(&archive, &plan, &attempt).await?;
    let next: Attempt = attempt.resumed(&progress, None, Overrides::default(), None, now);
    let marker = OpenMarker::new(id.clone(), now);
    archive
        .create_or_read(ObjectKey::Attempt(&id, 2), next)
        .await?;
    archive.replace(ObjectKey::Open(&id), &marker).await?;
    Ok(())
}

async fn complete(archive: Archive) -> anyhow::Result<String> {
    let clock = Clock::System;
    let complete = CompleteExport {
        pipeline: pipeline(archive, clock.clone()),
    };
    let message = CompletionMessage::nudge(&ID.parse()?, clock.now());
    let mut invocations = 1;
    loop {
        match complete.handle(&message, &invocation(&clock)).await? {
            CompletionProgress::Continued => invocations += 1,
            CompletionProgress::Concluded(outcome) => {
                ensure!(outcome.status.is_complete(), "{outcome:?}");
                return Ok(format!(
                    "{} records, {invocations} invocation(s)",
                    outcome.records()
                ));
            }
            CompletionProgress::Waiting { open } => bail!("{open} slices are open"),
        }
    }
}

fn invocation(clock: &Clock) -> Invocation {
    let end = clock.now().saturating_add(INVOCATION_TIME);
    Invocation {
        request_id: "scale".to_owned(),
        deadline: end.map_or(Deadline::NONE, Deadline::at),
    }
}

/// User and system time of this process, in seconds.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no name of the program")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: Result<Vec<f64>, _> = ticks.map(str::parse).collect();
    Ok(ticks?.into_iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn peak_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak
        .context("no peak")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?;
    Ok(kib * 1024.0 / 1e6)
}
