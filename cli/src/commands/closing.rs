//! The second half of `export` and `resume`: runs the export to its end and reports how it ended.

use conversation_archive::archive::deliveries;
use conversation_archive::archive::losses;
use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::{ObjectKey, export_prefix};
use conversation_archive::export::outcome::{ExportStatus, Manifest, Outcome};
use start_export::{Started, State};

use crate::carry::{ExportRunner, RunReport, RunStop};
use crate::engine::Ended;
use crate::figures::counted;
use crate::place::Place;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::settings::Settings;
use crate::shell;
use crate::summary::{Effort, Summary, failed_json};
use crate::webhook::{Owed, Sent, Webhook};

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
    carrier: &ExportRunner,
    id: &ExportId,
    settings: &Settings,
) -> Result<(), Problem> {
    let Some(plan) = carrier.engine.plan(id).await? else {
        return Ok(());
    };
    let is_final = |outcome: &Outcome| outcome.status != ExportStatus::Failed;
    if let Some(outcome) = carrier.engine.outcome(id).await?.filter(is_final) {
        let delivery = deliveries::state(&carrier.engine.archive(), &outcome).await;
        if !delivery.map_err(anyhow::Error::from)?.is_owed() {
            return Ok(());
        }
    }
    check_signer(plan.webhook_url.as_deref(), settings)
}

/// Where an export is, and how to resume it.
pub(super) struct Ways<'a> {
    pub place: &'a Place,
    /// The command that resumes it.
    pub resume: String,
}

pub(super) async fn carry_to_the_end(
    carrier: &mut ExportRunner,
    out: &Place,
    started: &Started,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let id = &started.export_id;
    screen.line(&greeting(started));
    let go_on = |problem: Problem| problem.with_hint(shell::resume(out, id));
    let journey = carrier.carry(id).await.map_err(go_on)?;
    // A decided export is reported as such, whatever made the engine stop.
    let Some(outcome) = carrier.engine.outcome(id).await? else {
        let what = match journey.ended {
            RunStop::Engine(Ended::Stopped) => "was stopped; all committed pages are kept",
            _ => "ended without an outcome",
        };
        return Err(go_on(Problem::failed(format!("export {id} {what}"))));
    };
    let webhook = webhook(carrier, &outcome, &journey.tally.sent).await?;
    let ways = Ways {
        place: out,
        resume: shell::resume(out, id),
    };
    if !outcome.status.is_complete() {
        return Err(not_complete(&outcome, &ways, webhook.as_ref()));
    }
    let closing = Closing {
        journey: &journey,
        crashes: 0,
        webhook: webhook.as_ref(),
    };
    screen.result(&report(carrier, out, id, closing).await?);
    if let Some(Owed { reason, option }) = webhook.as_ref().and_then(Webhook::owed) {
        screen.line(&format!(
            "export {id} is complete, webhook owed: {reason}\nhint: {}{option}",
            ways.resume
        ));
    }
    Ok(Webhook::exit(webhook.as_ref()))
}

/// The state of the outcome's webhook, from the archive and from what this process saw.
pub(super) async fn webhook(
    carrier: &ExportRunner,
    outcome: &Outcome,
    sent: &Sent,
) -> Result<Option<Webhook>, Problem> {
    let archive = carrier.engine.archive();
    let read = async {
        let plan = archive.planned(&outcome.export_id).await?;
        Webhook::of(archive, &plan, outcome, sent).await
    };
    Ok(read.await.map_err(anyhow::Error::from)?)
}

/// The parts of a closing summary that are not in the archive.
#[derive(Clone, Copy)]
pub(super) struct Closing<'a> {
    pub journey: &'a RunReport,
    pub crashes: u32,
    pub webhook: Option<&'a Webhook>,
}

/// The closing summary of a complete export.
pub(super) async fn report(
    carrier: &ExportRunner,
    out: &Place,
    id: &ExportId,
    closing: Closing<'_>,
) -> Result<Report, Problem> {
    let Closing {
        journey,
        crashes,
        webhook,
    } = closing;
    let archive = carrier.engine.archive();
    let plan = archive.planned(id).await.map_err(anyhow::Error::from)?;
    let manifest: Option<Manifest> = archive
        .read(ObjectKey::Manifest(id))
        .await
        .map_err(anyhow::Error::from)?;
    let Some(manifest) = manifest else {
        return Err(Problem::failed(format!("the manifest of {id} is missing")));
    };
    let losses = losses::of_export(&archive, &plan)
        .await
        .map_err(anyhow::Error::from)?;
    let root = out.absolute();
    let stored = archive
        .list_all(&format!("{}slices/", export_prefix(id)))
        .await
        .map_err(anyhow::Error::from)?;
    let stored = stored
        .iter()
        .filter(|object| object.key.ends_with(".ndjson.gz"))
        .count();
    let pages = manifest
        .content
        .slices
        .iter()
        .flat_map(|slice| &slice.pages);
    let named = pages.filter(|page| page.objects.is_some()).count();
    let effort = Effort {
        records: journey.tally.records(),
        elapsed: journey.elapsed,
        stats: journey.stats,
        crashes,
        clients: u64::from(crashes) + 1,
        retried: journey.tally.retried,
    };
    let strays = stored.saturating_sub(named) as u64;
    Ok(Summary {
        plan: &plan,
        manifest: &manifest,
        losses: &losses,
        root: &root,
        effort,
        webhook,
        strays,
    }
    .report())
}

pub(super) fn greeting(started: &Started) -> String {
    let Started {
        export_id, attempt, ..
    } = started;
    let slices = counted(started.slices.into(), "slice", "slices");
    let greeting = match started.state {
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
    let beside = started.transcripts.iter().map(|it| &**it);
    let beside = beside.chain(&started.revisits);
    let beside = beside.map(|it| format!("\ntogether with export {}", it.export_id));
    greeting + &beside.collect::<String>()
}

/// The error for an export that ended and is not complete: first its status, then an owed webhook.
pub(super) fn not_complete(
    outcome: &Outcome,
    ways: &Ways<'_>,
    webhook: Option<&Webhook>,
) -> Problem {
    let id = &outcome.export_id;
    let mut json = failed_json(outcome);
    if let Some(webhook) = webhook {
        webhook.add_to(&mut json, &ways.resume);
    }
    let owed = webhook.and_then(Webhook::owed);
    let and_owed = owed.map(|owed| format!("; webhook owed: {}", owed.reason));
    let and_owed = and_owed.unwrap_or_default();
    if outcome.status == ExportStatus::Cancelled {
        let problem = Problem::failed(format!(
            "export {id} was cancelled permanently; use another exportId for a new export{and_owed}"
        ));
        let problem = match owed {
            Some(owed) => problem.with_hint(format!("{}{}", ways.resume, owed.option)),
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
            ways.place.at(&outcome.name().key())
        );
    }
    message += &and_owed;
    let option = outcome
        .failures
        .iter()
        .find_map(|failure| option_for(failure.failure.kind))
        .unwrap_or_default();
    Problem::failed(message)
        .with_hint(format!("{}{option}", ways.resume))
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
