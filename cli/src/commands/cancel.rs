//! `cancel`: requests the cancel without a lock, where every process sees it, then ensures that it happens.

use std::time::{Duration, Instant};

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use conversation_archive::storage::store::FolderError;
use serde_json::json;
use start_export::{Command, State};

use super::run_export::{check_signer_of, webhook_state};
use super::{follow, settings};
use crate::arguments::CancelArguments;
use crate::export_runner::ExportRunner;
use crate::figures::quantity;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::shell;
use crate::stack::Stack;
use crate::summary::outcome_json;
use crate::webhook::{ObservedDeliveries, Webhook};

/// How long to wait for another process. A running export checks before every page, and a page takes seconds.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(250);

pub(super) async fn cancel(arguments: &CancelArguments, screen: &Screen) -> Result<Exit, Problem> {
    let id = &arguments.export_id;
    let Some(out) = &arguments.out else {
        let stack = Stack::find(&arguments.stack).await?;
        let started = stack.invoke(&json!({"cancel": {"exportId": id}})).await?;
        return follow::follow_cancel(&stack, &started, screen).await;
    };
    let settings = settings(None)?;
    let place = out.open().await?.for_writing()?;
    let mut runner = ExportRunner::new(place, &settings, screen)?;
    check_signer_of(&runner, id, &settings).await?;
    let started = runner.command(Command::Cancel(id.clone())).await?;
    if started.state == State::Completed {
        return Err(Problem::failed(format!(
            "export {id} is complete and cannot be cancelled"
        )));
    }
    let (outcome, observed) = end_or_wait(&mut runner, id, screen).await?;
    match outcome {
        Some(outcome) if outcome.status == ExportStatus::Cancelled => {
            let webhook = webhook_state(&runner, &outcome, &observed).await?;
            screen.print_result(&report(
                &outcome,
                webhook.as_ref(),
                &shell::resume_command(out, id),
            ));
            Ok(Webhook::exit_code(webhook.as_ref()))
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
                shell::resume_command(out, id)
            );
            Err(Problem::failed(format!(
                "export {id} is still running; it stops at its next page"
            ))
            .with_hint(hint))
        }
    }
}

/// Ends the export here if no other process works on it; otherwise waits for that process. On a bucket both may end it
/// together. Returns the outcome, and the deliveries of this process.
async fn end_or_wait(
    runner: &mut ExportRunner,
    id: &ExportId,
    screen: &Screen,
) -> Result<(Option<Outcome>, ObservedDeliveries), Problem> {
    let since = Instant::now();
    let mut is_reported = false;
    loop {
        if let Some(outcome) = runner.engine.outcome(id).await? {
            return Ok((Some(outcome), ObservedDeliveries::default()));
        }
        match runner.place.lock(id) {
            Ok(_lock) => {
                let run_report = runner.run(id).await?;
                return Ok((runner.engine.outcome(id).await?, run_report.tally.observed));
            }
            Err(FolderError::Locked { .. }) if since.elapsed() < WAIT_TIMEOUT => {
                if !is_reported {
                    screen.print_line(
                        "another process is working on the export; it stops at its next page",
                    );
                    is_reported = true;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Err(FolderError::Locked { .. }) => return Ok((None, ObservedDeliveries::default())),
            Err(error) => return Err(error.into()),
        }
    }
}

fn report(outcome: &Outcome, webhook: Option<&Webhook>, resume: &str) -> Report {
    let (mut text, mut json) = (cancelled_text(outcome), outcome_json(outcome));
    if let Some(webhook) = webhook {
        webhook.add_to_json(&mut json, resume);
    }
    if let Some(webhook) = webhook.filter(|webhook| webhook.owed().is_some()) {
        text = format!("{text}\nwebhook {}", webhook.row(resume));
    }
    Report { text, json }
}

/// The result for people.
pub(super) fn cancelled_text(outcome: &Outcome) -> String {
    let pages = quantity(outcome.totals.pages, "page stays", "pages stay");
    format!(
        "export {} is cancelled; {pages} in the archive",
        outcome.export_id
    )
}
