//! What `export` and `resume` share: runs the export to its end and reports how it ended.

use conversation_archive::archive::{deliveries, losses};
use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{ExportStatus, Manifest, Outcome};
use start_export::{Started, State};

use crate::engine::EngineEnd;
use crate::export_runner::{ExportRunner, RunReport, RunStop};
use crate::figures::quantity;
use crate::gaps::GapArguments;
use crate::place::Place;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::settings::Settings;
use crate::shell;
use crate::summary::{Effort, Summary, outcome_json};
use crate::webhook::{ObservedDeliveries, Owed, Webhook};

/// Refuses to start an export whose webhook could not be signed.
pub(super) fn check_signer(webhook_url: Option<&str>, settings: &Settings) -> Result<(), Problem> {
    if webhook_url.is_none() || settings.engine.signer.is_some() {
        return Ok(());
    }
    let message = "WEBHOOK_SIGNING_SECRET is not set: the export's webhook cannot be signed";
    Err(Problem::refused(message)
        .with_hint("set it to `whsec_` followed by the base64 of at least 24 random bytes"))
}

/// Like `check_signer`, for an existing export. An export that has ended and owes no webhook needs no secret.
pub(super) async fn check_signer_of(
    runner: &ExportRunner,
    id: &ExportId,
    settings: &Settings,
) -> Result<(), Problem> {
    let Some(plan) = runner.engine.plan(id).await? else {
        return Ok(());
    };
    let is_final = |outcome: &Outcome| outcome.status != ExportStatus::Failed;
    if let Some(outcome) = runner.engine.outcome(id).await?.filter(is_final) {
        let delivery = deliveries::delivery_state(runner.engine.archive(), &outcome).await;
        if !delivery.map_err(anyhow::Error::from)?.is_owed() {
            return Ok(());
        }
    }
    check_signer(plan.webhook_url.as_deref(), settings)
}

/// The location of an export's archive, and the command that resumes the export.
pub(super) struct ExportLocation<'a> {
    pub place: &'a Place,
    /// The command that resumes it.
    pub resume: String,
}

pub(super) async fn run_to_end(
    runner: &mut ExportRunner,
    out: &Place,
    started: &Started,
    gaps: GapArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let id = &started.export_id;
    screen.print_line(&start_message(started));
    let with_resume_hint = |problem: Problem| problem.with_hint(shell::resume_command(out, id));
    let run_report = runner.run(id).await.map_err(with_resume_hint)?;
    // A decided export is reported as such, whatever made the engine stop.
    let Some(outcome) = runner.engine.outcome(id).await? else {
        let what = match run_report.stop {
            RunStop::Engine(EngineEnd::Stopped) => "was stopped; all committed pages are kept",
            _ => "ended without an outcome",
        };
        return Err(with_resume_hint(Problem::failed(format!(
            "export {id} {what}"
        ))));
    };
    let webhook = webhook_state(runner, &outcome, &run_report.tally.observed).await?;
    let location = ExportLocation {
        place: out,
        resume: shell::resume_command(out, id),
    };
    if !outcome.status.is_complete() {
        return Err(incomplete_problem(&outcome, &location, webhook.as_ref()));
    }
    let input = SummaryInput {
        run_report: &run_report,
        crashes: 0,
        webhook: webhook.as_ref(),
    };
    screen.print_result(&report(runner, out, id, input).await?);
    if let Some(Owed { reason, option }) = webhook.as_ref().and_then(Webhook::owed) {
        screen.print_line(&format!(
            "export {id} is complete, webhook owed: {reason}\nhint: {}{option}",
            location.resume
        ));
    }
    let exit = Webhook::exit_code(webhook.as_ref());
    Ok(gaps.conclude(&outcome, screen, exit))
}

/// The state of the outcome's webhook, from the archive and from the deliveries of this process.
pub(super) async fn webhook_state(
    runner: &ExportRunner,
    outcome: &Outcome,
    observed: &ObservedDeliveries,
) -> Result<Option<Webhook>, Problem> {
    let archive = runner.engine.archive();
    let read = async {
        let plan = archive.existing_plan(&outcome.export_id).await?;
        Webhook::of(archive, &plan, outcome, observed).await
    };
    Ok(read.await.map_err(anyhow::Error::from)?)
}

/// The parts of a closing summary that are not in the archive.
#[derive(Clone, Copy)]
pub(super) struct SummaryInput<'a> {
    pub run_report: &'a RunReport,
    pub crashes: u32,
    pub webhook: Option<&'a Webhook>,
}

/// The closing summary of a complete export.
pub(super) async fn report(
    runner: &ExportRunner,
    out: &Place,
    id: &ExportId,
    input: SummaryInput<'_>,
) -> Result<Report, Problem> {
    let SummaryInput {
        run_report,
        crashes,
        webhook,
    } = input;
    let archive = runner.engine.archive();
    let plan = archive
        .existing_plan(id)
        .await
        .map_err(anyhow::Error::from)?;
    let manifest: Option<Manifest> = archive
        .read(ObjectKey::Manifest(id))
        .await
        .map_err(anyhow::Error::from)?;
    let Some(manifest) = manifest else {
        return Err(Problem::failed(format!("the manifest of {id} is missing")));
    };
    let losses = losses::of_export(archive, &plan)
        .await
        .map_err(anyhow::Error::from)?;
    let root = out.absolute();
    let effort = Effort {
        records: run_report.tally.records(),
        elapsed: run_report.elapsed,
        stats: run_report.stats,
        crashes,
        clients: u64::from(crashes) + 1,
        retried: run_report.tally.retried,
    };
    Ok(Summary {
        plan: &plan,
        manifest: &manifest,
        losses: &losses,
        root: &root,
        effort,
        webhook,
    }
    .report())
}

pub(super) fn start_message(started: &Started) -> String {
    let Started {
        export_id, attempt, ..
    } = started;
    let slices = quantity(started.slices.into(), "slice", "slices");
    let start_message = match started.state {
        State::Started => format!("export {export_id} started: {slices}"),
        State::Accepted => {
            format!("export {export_id} is accepted; it starts as soon as the API responds")
        }
        State::Resumed if *attempt > 1 => {
            format!("export {export_id} resumed: attempt {attempt}, {slices}")
        }
        State::Resumed => format!("export {export_id} resumed: {slices}"),
        State::Completed => format!("export {export_id} is already complete"),
        State::Cancelled => format!("export {export_id} is cancelled"),
        State::Cancelling => format!("export {export_id} is being cancelled"),
    };
    let companions = started.transcripts.iter().map(|it| &**it);
    let companions = companions.chain(&started.revisits);
    let companions = companions.map(|it| format!("\ntogether with export {}", it.export_id));
    start_message + &companions.collect::<String>()
}

/// The error for an export that ended and is not complete: first its status, then an owed webhook.
pub(super) fn incomplete_problem(
    outcome: &Outcome,
    location: &ExportLocation<'_>,
    webhook: Option<&Webhook>,
) -> Problem {
    let id = &outcome.export_id;
    let mut json = outcome_json(outcome);
    if let Some(webhook) = webhook {
        webhook.add_to_json(&mut json, &location.resume);
    }
    let owed = webhook.and_then(Webhook::owed);
    let owed_suffix = owed.map(|owed| format!("; webhook owed: {}", owed.reason));
    let owed_suffix = owed_suffix.unwrap_or_default();
    if outcome.status == ExportStatus::Cancelled {
        let problem = Problem::failed(format!(
            "export {id} was cancelled permanently; use another exportId for a new export{owed_suffix}"
        ));
        let problem = match owed {
            Some(owed) => problem.with_hint(format!("{}{}", location.resume, owed.option)),
            None => problem,
        };
        return problem.with_json(json);
    }
    let mut message = format!("export {id} failed");
    if let Some(first) = outcome.failures.first() {
        let place = first.slice.map(|slice| {
            format!(
                " in slice {slice} after page {}",
                first.after_page.unwrap_or(0)
            )
        });
        message = format!("{message}{}: {}", place.unwrap_or_default(), first.failure);
    }
    if let more @ 1.. = outcome.failures.len().saturating_sub(1) {
        let others = if more == 1 {
            "1 more failure"
        } else {
            &format!("{more} more failures")
        };
        message = format!(
            "{message} ({others} in {})",
            location.place.location_of(&outcome.object_key().key())
        );
    }
    message += &owed_suffix;
    let option = outcome
        .failures
        .iter()
        .find_map(|failure| option_for(failure.failure.kind))
        .unwrap_or_default();
    Problem::failed(message)
        .with_hint(format!("{}{option}", location.resume))
        .with_json(json)
}

/// The option with which a resume gets past the failure.
fn option_for(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::QuotaExceeded => Some(" --quota-mb N"),
        FailureKind::BadRecord => Some(" --on-bad-record quarantine"),
        _ => None,
    }
}
