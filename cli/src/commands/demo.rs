//! `demo`: the whole pipeline in one process. A simulated organisation with faults, an engine that is killed several
//! times, a receiver that checks signatures, and finally a proof that no conversation is missing or stored twice.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use conversation_archive::archive::verify::{Anchors, RequiredSignatures};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::request::ExportRequest;
use conversation_archive::genesys::StatsSnapshot;
use conversation_archive::storage::store::FolderStore;
use genesys_simulator::Simulator;
use serde_json::json;
use start_export::{Command, Resume};

use super::run_export::{SummaryInput, report, webhook_state};
use crate::arguments::DemoArguments;
use crate::engine::{EngineEnd, Event};
use crate::export_runner::{ExportRunner, RunReport, RunStop};
use crate::figures::quantity;
use crate::place::OpenedPlace;
use crate::problem::{Exit, Problem};
use crate::receiver::{InitialState, Receiver, new_secret};
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
struct CombinedRun {
    run_report: RunReport,
    crashes: u32,
}

pub(super) async fn demo(arguments: &DemoArguments, screen: &Screen) -> Result<Exit, Problem> {
    let out = folder::prepare(arguments)?;
    let simulator = Simulator::start(world::organisation(arguments))
        .await
        .map_err(anyhow::Error::from)?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let receiver = Receiver::start(any_port, &new_secret(), InitialState::Down, |_| ()).await?;
    let settings = world::settings(&simulator, &receiver)?;
    screen.print_line(&world::greeting(arguments, &simulator, &out));
    let id = world::export_id(arguments)?;

    let request = world::request(&id, &receiver, arguments.conversations)?;
    let combined = run_with_crashes(&out, request, &id, &settings, &simulator, screen).await?;
    let runner = runner(&out, &settings, screen)?;
    let summary = closing_summary(&runner, &out, &id, &combined).await?;
    let anchors = Anchors {
        keys: settings.signing.trusted_keys()?,
        required: RequiredSignatures::All,
        manifest_sha256: None,
    };
    let archive = runner.engine.archive();
    let verified = super::verify::verify_with_progress(archive, &id, &anchors, screen).await?;
    let proof = Proof::of(archive, &id, &simulator, &receiver).await?;

    let text = format!(
        "{}\n\n{}\n{}",
        summary.text,
        super::verify::text(&verified),
        proof.text()
    );
    screen.print_result(&Report {
        text,
        json: json!({"export": summary.json, "verified": verified, "proof": proof.json(), "out": out}),
    });
    proof.check()?;
    screen.print_line(&format!("the demo's archive is in {}", out.display()));
    Ok(Exit::Done)
}

async fn closing_summary(
    runner: &ExportRunner,
    out: &Path,
    id: &ExportId,
    combined: &CombinedRun,
) -> Result<Report, Problem> {
    let outcome = runner.engine.outcome(id).await?;
    let observed = &combined.run_report.tally.observed;
    let webhook = match outcome {
        Some(outcome) => webhook_state(runner, &outcome, observed).await?,
        None => None,
    };
    let input = SummaryInput {
        run_report: &combined.run_report,
        crashes: combined.crashes,
        webhook: webhook.as_ref(),
    };
    report(runner, &out.into(), id, input).await
}

/// Starts the export and resumes it after each crash, with an engine whose only state is the folder.
async fn run_with_crashes(
    out: &Path,
    request: ExportRequest,
    id: &ExportId,
    settings: &Settings,
    simulator: &Simulator,
    screen: &Screen,
) -> Result<CombinedRun, Problem> {
    let (started, mut stats, mut records) = (Instant::now(), StatsSnapshot::default(), 0);
    let mut crashes = 0;
    loop {
        let mut runner = runner(out, settings, screen)?;
        let lock = runner.lock(id)?;
        let command = if crashes == 0 {
            Command::Start(Box::new(request.clone()))
        } else {
            resume(id)
        };
        runner.command(command).await?;
        let mut run_report = runner
            .run_until(id, kill_condition(crashes, simulator))
            .await?;
        stats = add_stats(stats, run_report.stats);
        records += run_report.tally.records();
        drop(lock);
        match run_report.stop {
            RunStop::Killed => {
                crashes += 1;
                let pages = run_report.tally.totals().pages;
                screen.print_line(&format!(
                    "⚡ crash {crashes}: the engine was killed with {} stored; a new engine resumes from the folder",
                    quantity(pages, "page", "pages")
                ));
            }
            RunStop::Engine(EngineEnd::Stopped) | RunStop::DeliveryInterrupted => {
                return Err(Problem::failed("the demo was stopped")
                    .with_hint("run it again; it starts from the beginning"));
            }
            RunStop::Engine(EngineEnd::Over | EngineEnd::DeliveryOwed) => {
                (run_report.stats, run_report.elapsed) = (stats, started.elapsed());
                run_report.tally.set_records(records);
                return Ok(CombinedRun {
                    run_report,
                    crashes,
                });
            }
        }
    }
}

/// Opens the folder without syncing: a demo's archive has to survive killed engines, not power failures.
fn runner(out: &Path, settings: &Settings, screen: &Screen) -> Result<ExportRunner, Problem> {
    let place = OpenedPlace::Folder {
        store: FolderStore::open_without_sync(out)?,
        root: out.to_owned(),
    };
    ExportRunner::new(place, settings, screen)
}

/// Decides when an engine is killed. The last one is not killed; its tokens are revoked in mid-run.
fn kill_condition(crashes: u32, simulator: &Simulator) -> impl FnMut(&Event) -> bool {
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

fn add_stats(a: StatsSnapshot, b: StatsSnapshot) -> StatsSnapshot {
    StatsSnapshot {
        requests: a.requests + b.requests,
        retries: a.retries + b.retries,
        throttled: a.throttled + b.throttled,
        throttled_time: a.throttled_time + b.throttled_time,
        logins: a.logins + b.logins,
        bytes_in: a.bytes_in + b.bytes_in,
    }
}
