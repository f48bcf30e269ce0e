//! Follows an export that runs in a deployed stack, until it has ended.

use std::time::{Duration, Instant};

use conversation_archive::archive::deliveries;
use conversation_archive::archive::losses;
use conversation_archive::archive::open_marker;
use conversation_archive::archive::outcomes;
use conversation_archive::archive::{Archive, ArchiveError};
use conversation_archive::base::failure::in_one_line;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::delivery::Delivery;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{ExportStatus, Manifest, Outcome};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::net::clock::Clock;
use serde_json::json;
use start_export::{Started, State};

use super::closing::{Ways, greeting, not_complete};
use crate::engine::Standing;
use crate::figures::time;
use crate::problem::{Exit, Problem, chain};
use crate::progress::Progress;
use crate::screen::{Report, Screen};
use crate::stack::Stack;
use crate::summary::{Stored, failed_json};

/// Minimum pause between polls; after a slow poll the pause is longer, in proportion.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const PAUSE_PER_LOOK: u32 = 4;

/// How long to wait for the delivery. A receiver that is up accepts the webhook within seconds.
const DELIVERED_WITHIN: Duration = Duration::from_secs(10);

/// Follows an export from the answer of start-export to its end.
pub(super) async fn follow(
    stack: &Stack,
    started: &Started,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let id = &started.export_id;
    screen.line(&greeting(started));
    let since = Instant::now();
    let outcome = watch(stack, started, screen).await?;
    let ways = Ways {
        place: stack.place(),
        resume: stack.resume(id),
    };
    match outcome.status {
        ExportStatus::Completed | ExportStatus::CompletedWithRejects => {
            screen.result(&report(stack, &outcome, since.elapsed()).await?);
            Ok(Exit::Done)
        }
        ExportStatus::Failed | ExportStatus::Cancelled => Err(not_complete(&outcome, &ways, None)),
    }
}

/// Polls until this attempt has an outcome, or Ctrl-C.
pub(super) async fn watch(
    stack: &Stack,
    started: &Started,
    screen: &Screen,
) -> Result<Outcome, Problem> {
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let mut watching = std::pin::pin!(look(stack.archive(), started, screen));
    tokio::select! {
        outcome = &mut watching => Ok(outcome?),
        Ok(()) = &mut interrupt => {
            let id = &started.export_id;
            let status = format!("genesys-archive status{} {id}", stack.option());
            Err(Problem::failed(format!("export {id} continues in the stack; this command no longer follows it")).with_hint(status))
        }
    }
}

/// Waits until an accepted export is planned.
async fn await_plan(archive: &Archive, id: &ExportId) -> anyhow::Result<()> {
    while open_marker::accepted_request(&archive, id).await?.is_some() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    match archive.plan(id).await? {
        Some(_) => Ok(()),
        None => anyhow::bail!(
            "export {id} was accepted and then refused; see the log of archive-page for the reason"
        ),
    }
}

async fn look(archive: &Archive, started: &Started, screen: &Screen) -> anyhow::Result<Outcome> {
    let id = &started.export_id;
    if started.state == State::Accepted {
        await_plan(archive, id).await?;
    }
    let (mut progress, mut damaged): (Option<Progress>, Option<()>) = (None, None);
    loop {
        let since = Instant::now();
        match Standing::read(archive, id).await {
            Ok(standing) => progress
                .get_or_insert_with(|| Progress::new(screen, &standing))
                .see(&standing, Clock::System.now()),
            // The stack detects the damage, too, and ends the export.
            Err(error) if is_damage(&error) => {
                if damaged.replace(()).is_none() {
                    screen.line(&in_one_line(error.as_ref()));
                }
            }
            Err(error) => return Err(error),
        }
        let outcome = outcomes::newest(&archive, id).await?;
        if let Some(outcome) = outcome.filter(|outcome| outcome.attempt >= started.attempt) {
            if let Some(progress) = &mut progress {
                progress.end();
            }
            return Ok(outcome);
        }
        let pause = LOOK_EVERY.max(since.elapsed() * PAUSE_PER_LOOK);
        tokio::time::sleep(pause).await;
    }
}

fn is_damage(error: &anyhow::Error) -> bool {
    let archive = error.downcast_ref::<ArchiveError>();
    archive.is_some_and(ArchiveError::is_damage)
}

async fn report(stack: &Stack, outcome: &Outcome, took: Duration) -> Result<Report, Problem> {
    let (archive, id) = (stack.archive(), &outcome.export_id);
    let read = async {
        let plan = archive.planned(id).await?;
        let manifest: Option<Manifest> = archive.read(ObjectKey::Manifest(id)).await?;
        let losses = losses::of_export(&archive, &plan).await?;
        anyhow::Ok((plan, manifest, losses))
    };
    let (plan, manifest, losses) = read.await?;
    let Some(manifest) = manifest else {
        return Err(Problem::failed(format!("the manifest of {id} is missing")));
    };
    let stored = Stored {
        plan: &plan,
        manifest: &manifest,
        losses: &losses,
        root: stack.place(),
    };
    let webhook = webhook(archive, &plan, outcome).await;
    let verify = format!("genesys-archive verify{} {id}", stack.option());
    let mut rows = stored.rows();
    rows.push(("followed", time(took)));
    rows.extend(webhook.clone().map(|told| ("webhook", told)));
    rows.push(("verify", verify));
    let mut json = stored.json();
    json["webhook"] = json!(webhook);
    Ok(Report {
        text: stored.text(&rows),
        json,
    })
}

/// Whether the receiver has accepted the webhook. An archive error is only logged: it is not worth failing for.
async fn webhook(archive: &Archive, plan: &ExportPlan, outcome: &Outcome) -> Option<String> {
    plan.webhook_url.as_ref()?;
    let since = Instant::now();
    loop {
        match deliveries::state(&archive, outcome).await {
            Ok(Delivery::Delivered) => return Some("delivered, signed".to_owned()),
            Ok(Delivery::Ended) => {
                return Some("the receiver returned 410 and wants no more deliveries".to_owned());
            }
            Ok(Delivery::GivenUp(refusal)) => {
                return Some(format!(
                    "not accepted within a day: {refusal}; `resume` sends it again"
                ));
            }
            Ok(_) if since.elapsed() < DELIVERED_WITHIN => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(Delivery::Refused(refusal)) => {
                return Some(format!(
                    "not accepted yet: {refusal}; it is retried for a day"
                ));
            }
            Ok(Delivery::NotTried) => {
                return Some("not accepted yet; it is retried for a day".to_owned());
            }
            Err(error) => {
                tracing::warn!("webhook deliveries could not be read: {}", chain(error));
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
    screen.line(&greeting(started));
    let outcome = watch(stack, started, screen).await?;
    if outcome.status != ExportStatus::Cancelled {
        let status = outcome.status.as_str();
        return Err(Problem::failed(format!(
            "export {id} ended before it could be cancelled: {status}"
        )));
    }
    screen.result(&Report {
        text: super::cancel::cancelled(&outcome),
        json: failed_json(&outcome),
    });
    Ok(Exit::Done)
}
