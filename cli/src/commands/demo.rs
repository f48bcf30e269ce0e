//! `demo`: the whole pipeline in one process. A simulated organisation with faults, an engine that is killed several
//! times, a receiver that checks signatures, and finally a proof that no conversation is missing or stored twice.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::request::ExportRequest;
use conversation_archive::genesys::StatsSnapshot;
use conversation_archive::storage::store::FolderStore;
use genesys_simulator::Simulator;
use serde_json::json;
use start_export::{Command, Resume};

use super::closing::{Closing, report, webhook};
use crate::arguments::DemoArguments;
use crate::carry::{ExportRunner, RunReport, RunStop};
use crate::engine::{Ended, Event};
use crate::figures::counted;
use crate::place::Opened;
use crate::problem::{Exit, Problem};
use crate::receiver::{AtFirst, Receiver, new_secret};
use crate::screen::{Report, Screen};
use crate::settings::Settings;

mod folder;
mod proof;
mod world;

use proof::Proof;

/// Number of pages after which each engine is killed. The engine after these is not killed.
const CRASH_AFTER_PAGES: [u32; 3] = [5, 9, 7];

/// Number of pages of the last engine after which every token is revoked.
const REVOKE_AFTER_PAGES: u32 = 6;

/// The combined result of all engines that worked on the demo's export.
struct Life {
    journey: RunReport,
    crashes: u32,
}

pub(super) async fn demo(arguments: &DemoArguments, screen: &Screen) -> Result<Exit, Problem> {
    let out = folder::prepare(arguments)?;
    let simulator = Simulator::start(world::organisation(arguments))
        .await
        .map_err(anyhow::Error::from)?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let receiver = Receiver::start(anywhere, &new_secret(), AtFirst::Down, |_| ()).await?;
    let settings = world::settings(&simulator, &receiver)?;
    screen.line(&world::greeting(arguments, &simulator, &out));
    let id = world::export_id(arguments)?;

    let request = world::request(&id, &receiver, arguments.conversations)?;
    let life = live(&out, request, &id, &settings, &simulator, screen).await?;
    let carrier = carrier(&out, &settings, screen)?;
    let summary = closing_summary(&carrier, &out, &id, &life).await?;
    let verified = super::verify::check(carrier.engine.archive(), &id, screen).await?;
    let proof = Proof::of(carrier.engine.archive(), &id, &simulator, &receiver).await?;

    let text = format!(
        "{}\n\n{}\n{}",
        summary.text,
        super::verify::text(&verified),
        proof.text()
    );
    screen.result(&Report {
        text,
        json: json!({"export": summary.json, "verified": verified, "proof": proof.json(), "out": out}),
    });
    proof.judge()?;
    screen.line(&format!("the demo's archive is in {}", out.display()));
    Ok(Exit::Done)
}

async fn closing_summary(
    carrier: &ExportRunner,
    out: &Path,
    id: &ExportId,
    life: &Life,
) -> Result<Report, Problem> {
    let outcome = carrier.engine.outcome(id).await?;
    let sent = &life.journey.tally.sent;
    let webhook = match outcome {
        Some(outcome) => webhook(carrier, &outcome, sent).await?,
        None => None,
    };
    let closing = Closing {
        journey: &life.journey,
        crashes: life.crashes,
        webhook: webhook.as_ref(),
    };
    report(carrier, &out.into(), id, closing).await
}

/// Starts the export and resumes it after each crash, with an engine whose only state is the folder.
async fn live(
    out: &Path,
    request: ExportRequest,
    id: &ExportId,
    settings: &Settings,
    simulator: &Simulator,
    screen: &Screen,
) -> Result<Life, Problem> {
    let (started, mut stats, mut records) = (Instant::now(), StatsSnapshot::default(), 0);
    let mut crashes = 0;
    loop {
        let mut carrier = carrier(out, settings, screen)?;
        let lock = carrier.lock(id)?;
        let command = if crashes == 0 {
            Command::Start(Box::new(request.clone()))
        } else {
            resume(id)
        };
        carrier.command(command).await?;
        let mut journey = carrier.carry_until(id, killer(crashes, simulator)).await?;
        stats = plus(stats, journey.stats);
        records += journey.tally.records();
        drop(lock);
        match journey.ended {
            RunStop::Killed => {
                crashes += 1;
                let pages = journey.tally.totals().pages;
                screen.line(&format!(
                    "⚡ crash {crashes}: the engine was killed with {} stored; a new engine resumes from the folder",
                    counted(pages, "page", "pages")
                ));
            }
            RunStop::Engine(Ended::Stopped) | RunStop::DeliveryInterrupted => {
                return Err(Problem::failed("the demo was stopped")
                    .with_hint("run it again; it starts from the beginning"));
            }
            RunStop::Engine(Ended::Over | Ended::DeliveryOwed) => {
                (journey.stats, journey.elapsed) = (stats, started.elapsed());
                journey.tally.count_as_ours(records);
                return Ok(Life { journey, crashes });
            }
        }
    }
}

/// Opens the folder without syncing: a demo's archive has to survive killed engines, not power failures.
fn carrier(out: &Path, settings: &Settings, screen: &Screen) -> Result<ExportRunner, Problem> {
    let place = Opened::Folder {
        store: FolderStore::open_without_sync(out)?,
        root: out.to_owned(),
    };
    ExportRunner::new(place, settings, screen)
}

/// Decides when an engine is killed. The last one is not killed; its tokens are revoked in mid-run.
fn killer(crashes: u32, simulator: &Simulator) -> impl FnMut(&Event) -> bool {
    let limit = CRASH_AFTER_PAGES.get(crashes as usize).copied();
    let mut pages = 0;
    move |event| {
        if !matches!(event, Event::PageArchived { .. }) {
            return false;
        }
        pages += 1;
        if limit.is_none() && pages == REVOKE_AFTER_PAGES {
            simulator.revoke_tokens();
        }
        limit == Some(pages)
    }
}

fn resume(id: &ExportId) -> Command {
    Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    })
}

fn plus(a: StatsSnapshot, b: StatsSnapshot) -> StatsSnapshot {
    StatsSnapshot {
        requests: a.requests + b.requests,
        retries: a.retries + b.retries,
        throttled: a.throttled + b.throttled,
        throttled_time: a.throttled_time + b.throttled_time,
        logins: a.logins + b.logins,
        bytes_in: a.bytes_in + b.bytes_in,
    }
}
