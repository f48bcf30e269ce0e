//! Three hand-overs between processes: in order, after a kill, and of one that is stopped for 90 seconds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use conversation_archive::archive::{Archive, live_epochs, live_gaps};
use conversation_archive::base::ids::StreamName;
use conversation_archive::base::time::{earlier, later};
use conversation_archive::export::plan::{RedactionPlan, RedactionSettings, RequiredRedaction};
use conversation_archive::records::live::Frame;
use conversation_archive::storage::store::FolderStore;
use end_to_end::live::LiveObjects;

use crate::process::{Stream, World, until};

const FRAMES_PER_SECOND: u64 = 60;

/// Time for which a process hears alone.
const ALONE: Duration = Duration::from_secs(20);

/// How long a process may take to connect.
const CONNECTS: Duration = Duration::from_secs(30);

/// The old process looks within 30 seconds, drains for 60, and writes.
const ENDS: Duration = Duration::from_secs(100);

/// How long a process waits for the end of the one before.
const PATIENCE: Duration = Duration::from_mins(2);

/// A frame arrives some time after it was sent.
const TRANSFER: Duration = Duration::from_secs(1);

pub(crate) async fn run() -> anyhow::Result<()> {
    let world = World::new("hand-overs").await?;
    let traffic = world.send(FRAMES_PER_SECOND);
    let first = start(&world, "first").await?;
    tokio::time::sleep(ALONE).await;

    let second = start(&world, "second").await?;
    let (status, took) = first.end(ENDS).await?;
    ensure!(status.success(), "the first ended with {status}");
    println!(
        "in order: the first process ended {:.0} s after the second had connected",
        took.as_secs_f64()
    );
    tokio::time::sleep(ALONE).await;

    second.signal("KILL")?;
    drop(second);
    let third = start(&world, "third").await?;
    // It waits two minutes for a process that is gone, and then records the gap.
    tokio::time::sleep(PATIENCE + ALONE).await;
    println!("after a kill: gaps {:?}", gaps(&world).await?);

    third.signal("STOP")?;
    let fourth = start(&world, "fourth").await?;
    tokio::time::sleep(Duration::from_secs(90)).await;
    third.signal("CONT")?;
    let (status, took) = third.end(ENDS).await?;
    ensure!(status.success(), "the third ended with {status}");
    println!(
        "stopped for 90 s: the third process ended {:.0} s after waking",
        took.as_secs_f64()
    );
    tokio::time::sleep(ENDS).await;

    traffic.abort();
    world.simulator.live().flush().await;
    tokio::time::sleep(TRANSFER).await;
    fourth.signal("TERM")?;
    let (status, took) = fourth.end(ENDS).await?;
    ensure!(status.success(), "the fourth ended with {status}");
    println!(
        "SIGTERM: the fourth process ended within {:.1} s",
        took.as_secs_f64()
    );
    check(&world).await
}

/// Starts a process, and waits until its socket is open.
async fn start(world: &World, name: &'static str) -> anyhow::Result<Stream> {
    let live = world.simulator.live();
    let sockets = live.sockets().len();
    let process = world.start(name)?;
    until(&live, CONNECTS, |live| live.sockets().len() > sockets).await?;
    Ok(process)
}

fn archive(world: &World) -> anyhow::Result<Archive> {
    let store = FolderStore::open_for_reading(&world.archive()).context("no archive")?;
    Ok(Archive::new(Arc::new(store)))
}

fn stream() -> anyhow::Result<StreamName> {
    "notifications".parse().context("no name")
}

async fn gaps(world: &World) -> anyhow::Result<Vec<String>> {
    let gaps = live_gaps::all(&archive(world)?, &stream()?).await?;
    let all = [gaps.open, gaps.closed].concat();
    Ok(all.iter().map(ToString::to_string).collect())
}

/// Every frame that was sent while a process heard is stored, or is in the time of a gap.
async fn check(world: &World) -> anyhow::Result<()> {
    let objects = LiveObjects::of(objects(&world.archive())?);
    let stored = objects.identities();
    let gaps = live_gaps::all(&archive(world)?, &stream()?).await?;
    let gaps = [gaps.open, gaps.closed].concat();
    let plan = RedactionPlan::of_live_events(RequiredRedaction::None, RedactionSettings::default());
    let redactor = plan.redactor(None)?;
    let frames = world.simulator.live().frames();
    let begun = frames
        .iter()
        .find(|it| it.was_sent())
        .context("nothing was sent")?
        .sent_at;
    let (mut heard, mut in_gaps, mut missing) = (BTreeSet::new(), 0, Vec::new());
    for frame in frames.iter().filter(|it| it.sent_at >= begun) {
        if !(frame.topic.starts_with("v2.routing.queues.")
            && frame.topic.ends_with(".conversations"))
        {
            continue;
        }
        let read = Frame::of_socket(&frame.text, frame.sent_at)
            .ok()
            .context("not a frame")?;
        let identity = read.redacted(&redactor).identity.to_string();
        if stored.contains(&identity) {
            heard.insert(identity);
        } else if gaps.iter().any(|gap| {
            (earlier(gap.from, TRANSFER)..=later(gap.until, TRANSFER)).contains(&frame.sent_at)
        }) {
            in_gaps += 1;
        } else {
            missing.push(frame.sent_at);
        }
    }
    let lines = objects.lines().len();
    println!(
        "{} frames stored, {} lines; {in_gaps} frames in {} gaps; {} missing",
        heard.len(),
        lines,
        gaps.len(),
        missing.len()
    );
    ensure!(missing.is_empty(), "missing: {missing:?}");
    ensure!(stored.len() == heard.len(), "frames that nobody sent");
    let newest = live_epochs::newest(&archive(world)?, &stream()?).await?;
    ensure!(newest == 4, "{newest} epochs");
    Ok(())
}

fn objects(
    folder: &std::path::Path,
) -> anyhow::Result<std::collections::BTreeMap<String, bytes::Bytes>> {
    let mut objects = std::collections::BTreeMap::new();
    let mut folders = vec![folder.join("live")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(folder)?.display().to_string();
                objects.insert(key, std::fs::read(&path)?.into());
            }
        }
    }
    Ok(objects)
}
