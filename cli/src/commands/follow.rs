//! Follows an export that runs in a deployed stack, until it has ended.

use std::time::{Duration, Instant};

use conversation_archive::archive::{
    Archive, ArchiveError, deliveries, losses, open_marker, outcomes,
};
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::delivery::DeliveryState;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{ExportStatus, Manifest, Outcome};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::net::clock::Clock;
use serde_json::json;
use start_export::{Started, State};

use super::run_export::{ExportLocation, incomplete_problem, start_message};
use crate::engine::ExportState;
use crate::figures::time;
use crate::gaps::GapArguments;
use crate::problem::{Exit, Problem, full_message};
use crate::progress::Progress;
use crate::screen::{Report, Screen};
use crate::stack::Stack;
use crate::summary::{ArchiveSummary, outcome_json};

/// Minimum pause between polls; after a slow poll the pause is longer, in proportion.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const PAUSE_PER_POLL: u32 = 4;

/// How long to wait for the delivery. A receiver that is up accepts the webhook within seconds.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Follows an export from the response of start-export to its end.
pub(super) async fn follow(
    stack: &Stack,
    started: &Started,
    gaps: GapArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let id = &started.export_id;
    screen.print_line(&start_message(started));
    let since = Instant::now();
    let outcome = wait_for_outcome(stack, started, screen).await?;
    let location = ExportLocation {
        place: stack.place(),
        resume: stack.resume_command(id),
    };
    match outcome.status {
        ExportStatus::Completed
        | ExportStatus::CompletedWithRejects
        | ExportStatus::CompletedWithGaps => {
            screen.print_result(&report(stack, &outcome, since.elapsed()).await?);
            Ok(gaps.conclude(&outcome, screen, Exit::Done))
        }
        ExportStatus::Failed | ExportStatus::Cancelled => {
            Err(incomplete_problem(&outcome, &location, None))
        }
    }
}

/// Polls until this attempt has an outcome, or Ctrl-C.
pub(super) async fn wait_for_outcome(
    stack: &Stack,
    started: &Started,
    screen: &Screen,
) -> Result<Outcome, Problem> {
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let mut polling = std::pin::pin!(poll(stack.archive(), started, screen));
    tokio::select! {
        outcome = &mut polling => Ok(outcome?),
        Ok(()) = &mut interrupt => {
            let id = &started.export_id;
            let status = format!("genesys-archive status{} {id}", stack.option());
            Err(Problem::failed(format!("export {id} continues in the stack; this command no longer follows it")).with_hint(status))
        }
    }
}

/// Waits until an accepted export is planned.
async fn await_plan(archive: &Archive, id: &ExportId) -> anyhow::Result<()> {
    while open_marker::accepted_request(archive, id).await?.is_some() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    match archive.plan(id).await? {
        Some(_) => Ok(()),
        None => anyhow::bail!(
            "export {id} was accepted and then refused; see the log of archive-page for the reason"
        ),
    }
}

async fn poll(archive: &Archive, started: &Started, screen: &Screen) -> anyhow::Result<Outcome> {
    let id = &started.export_id;
    if started.state == State::Accepted {
        await_plan(archive, id).await?;
    }
    let (mut progress, mut damaged): (Option<Progress>, Option<()>) = (None, None);
    loop {
        let since = Instant::now();
        match ExportState::read(archive, id).await {
            Ok(export_state) => progress
                .get_or_insert_with(|| Progress::new(screen, &export_state))
                .apply_state(&export_state, Clock::System.now()),
            // The stack detects the damage, too, and ends the export.
            Err(error) if is_damage(&error) => {
                if damaged.replace(()).is_none() {
                    screen.print_line(&error_chain(error.as_ref()));
                }
            }
            Err(error) => return Err(error),
        }
        let outcome = outcomes::newest(archive, id).await?;
        if let Some(outcome) = outcome.filter(|outcome| outcome.attempt >= started.attempt) {
            if let Some(progress) = &mut progress {
                progress.remove_bar();
            }
            return Ok(outcome);
        }
        let pause = POLL_INTERVAL.max(since.elapsed() * PAUSE_PER_POLL);
        tokio::time::sleep(pause).await;
    }
}

fn is_damage(error: &anyhow::Error) -> bool {
    let archive = error.downcast_ref::<ArchiveError>();
    archive.is_some_and(ArchiveError::is_damage)
}

async fn report(stack: &Stack, outcome: &Outcome, elapsed: Duration) -> Result<Report, Problem> {
    let (archive, id) = (stack.archive(), &outcome.export_id);
    let read = async {
        let plan = archive.existing_plan(id).await?;
        let manifest: Option<Manifest> = archive.read(ObjectKey::Manifest(id)).await?;
        let losses = losses::of_export(archive, &plan).await?;
        anyhow::Ok((plan, manifest, losses))
    };
    let (plan, manifest, losses) = read.await?;
    let Some(manifest) = manifest else {
        return Err(Problem::failed(format!("the manifest of {id} is missing")));
    };
    let summary = ArchiveSummary {
        plan: &plan,
        manifest: &manifest,
        losses: &losses,
        root: stack.place(),
    };
    let webhook = webhook_text(archive, &plan, outcome).await;
    let verify = format!("genesys-archive verify{} {id}", stack.option());
    let mut rows = summary.rows();
    rows.push(("followed", time(elapsed)));
    rows.extend(webhook.clone().map(|text| ("webhook", text)));
    rows.push(("verify", verify));
    rows.extend(summary.view_rows());
    let mut json = summary.json();
    json["webhook"] = json!(webhook);
    Ok(Report {
        text: summary.text(&rows),
        json,
    })
}

/// Whether the receiver has accepted the webhook. An archive error is only logged: it is not worth failing for.
async fn webhook_text(archive: &Archive, plan: &ExportPlan, outcome: &Outcome) -> Option<String> {
    plan.webhook_url.as_ref()?;
    let since = Instant::now();
    loop {
        match deliveries::delivery_state(archive, outcome).await {
            Ok(DeliveryState::Delivered) => return Some("delivered, signed".to_owned()),
            Ok(DeliveryState::Ended) => {
                return Some("the receiver returned 410 and wants no more deliveries".to_owned());
            }
            Ok(DeliveryState::GivenUp(refusal)) => {
                return Some(format!(
                    "not accepted within a day: {refusal}; `resume` sends it again"
                ));
            }
            Ok(_) if since.elapsed() < DELIVERY_TIMEOUT => {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Ok(DeliveryState::Refused(refusal)) => {
                return Some(format!(
                    "not accepted yet: {refusal}; it is retried for a day"
                ));
            }
            Ok(DeliveryState::NotTried) => {
                return Some("not accepted yet; it is retried for a day".to_owned());
            }
            Err(error) => {
                tracing::warn!(
                    "webhook deliveries could not be read: {}",
                    full_message(error)
                );
                return None;
            }
        }
    }
}

/// Follows an export after a request to cancel it, and reports how it ended.
pub(super) async fn follow_cancel(
    stack: &Stack,
    started: &Started,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let id = &started.export_id;
    screen.print_line(&start_message(started));
    let outcome = wait_for_outcome(stack, started, screen).await?;
    if outcome.status != ExportStatus::Cancelled {
        let status = outcome.status.as_str();
        return Err(Problem::failed(format!(
            "export {id} ended before it could be cancelled: {status}"
        )));
    }
    screen.print_result(&Report {
        text: super::cancel::cancelled_text(&outcome),
        json: outcome_json(&outcome),
    });
    Ok(Exit::Done)
}
