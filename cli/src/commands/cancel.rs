//! `cancel`: requests the cancel without a lock, where every process sees it, then ensures that it happens.

use std::time::{Duration, Instant};

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use conversation_archive::storage::store::FolderError;
use serde_json::json;
use start_export::{Command, State};

use super::closing::{check_signer_of, webhook};
use super::{following, settings};
use crate::arguments::CancelArguments;
use crate::carry::ExportRunner;
use crate::figures::counted;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::shell;
use crate::stack::Stack;
use crate::summary::failed_json;
use crate::webhook::{Sent, Webhook};

/// How long to wait for another process. A running export checks before every page, and a page takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn cancel(arguments: &CancelArguments, screen: &Screen) -> Result<Exit, Problem> {
    let id = &arguments.export_id;
    let Some(out) = &arguments.out else {
        let stack = Stack::find(&arguments.stack).await?;
        let started = stack.invoke(&json!({"cancel": {"exportId": id}})).await?;
        return following::follow_cancel(&stack, &started, screen).await;
    };
    let settings = settings(None)?;
    let place = out.open().await?.for_writing()?;
    let mut carrier = ExportRunner::new(place, &settings, screen)?;
    check_signer_of(&carrier, id, &settings).await?;
    let started = carrier.command(Command::Cancel(id.clone())).await?;
    if started.state == State::Completed {
        return Err(Problem::failed(format!(
            "export {id} is complete and cannot be cancelled"
        )));
    }
    let (outcome, sent) = wait_or_work(&mut carrier, id, screen).await?;
    match outcome {
        Some(outcome) if outcome.status == ExportStatus::Cancelled => {
            let webhook = webhook(&carrier, &outcome, &sent).await?;
            screen.result(&report(&outcome, webhook.as_ref(), &shell::resume(out, id)));
            Ok(Webhook::exit(webhook.as_ref()))
        }
        Some(outcome) => {
            let status = outcome.status.as_str();
            Err(Problem::failed(format!(
                "export {id} ended before it could be cancelled: {status}"
            )))
        }
        None => {
            let hint = format!(
                "wait until it stops; {} then reports how it ended",
                shell::resume(out, id)
            );
            Err(Problem::failed(format!(
                "export {id} is still running; it stops at its next page"
            ))
            .with_hint(hint))
        }
    }
}

/// Ends the export here if no other process works on it; otherwise waits for that process. On a bucket both may end it
/// together. Returns the outcome, and what this process saw of the webhook.
async fn wait_or_work(
    carrier: &mut ExportRunner,
    id: &ExportId,
    screen: &Screen,
) -> Result<(Option<Outcome>, Sent), Problem> {
    let since = Instant::now();
    let mut told = false;
    loop {
        if let Some(outcome) = carrier.engine.outcome(id).await? {
            return Ok((Some(outcome), Sent::default()));
        }
        match carrier.place.lock(id) {
            Ok(_lock) => {
                let journey = carrier.carry(id).await?;
                return Ok((carrier.engine.outcome(id).await?, journey.tally.sent));
            }
            Err(FolderError::Locked { .. }) if since.elapsed() < PATIENCE => {
                if !told {
                    screen.line(
                        "another process is working on the export; it stops at its next page",
                    );
                    told = true;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(FolderError::Locked { .. }) => return Ok((None, Sent::default())),
            Err(error) => return Err(error.into()),
        }
    }
}

fn report(outcome: &Outcome, webhook: Option<&Webhook>, resume: &str) -> Report {
    let (mut text, mut json) = (cancelled(outcome), failed_json(outcome));
    if let Some(webhook) = webhook {
        webhook.add_to(&mut json, resume);
    }
    if let Some(webhook) = webhook.filter(|webhook| webhook.owed().is_some()) {
        text = format!("{text}\nwebhook {}", webhook.row(resume));
    }
    Report { text, json }
}

/// The result for people.
pub(super) fn cancelled(outcome: &Outcome) -> String {
    let pages = counted(outcome.totals.pages, "page stays", "pages stay");
    format!(
        "export {} is cancelled; {pages} in the archive",
        outcome.export_id
    )
}
