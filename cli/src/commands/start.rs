//! `start`: an export in a deployed stack, or one for each month of a history.

use conversation_archive::export::request::{ExportRequest, scheduled_time};
use conversation_archive::net::clock::Clock;
use serde_json::{Value, json};
use start_export::Started;

use super::follow::follow;
use crate::arguments::StartArguments;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::stack::Stack;
use crate::text::read_text;

mod backfill;

pub(super) async fn start(arguments: &StartArguments, screen: &Screen) -> Result<Exit, Problem> {
    let text = arguments
        .request
        .as_deref()
        .map(|path| read_text("request", path))
        .transpose()?;
    if let Some(history) = arguments.backfill {
        return backfill::backfill(arguments, history, text.as_deref(), screen).await;
    }
    let payload = payload(&text.unwrap_or_default())?;
    let stack = Stack::find(&arguments.stack).await?;
    stack.require_conditional_writes().await?;
    let started = stack.invoke(&payload).await?;
    if arguments.detach {
        screen.print_result(&detached_report(&stack, &started));
        return Ok(Exit::Done);
    }
    follow(&stack, &started, arguments.gaps, screen).await
}

/// Checks the request as far as possible here, and sets its scheduled time, so that a repeated call is the same
/// request.
fn payload(text: &str) -> Result<Value, Problem> {
    let mut request = ExportRequest::parse(text)?;
    let now = Clock::System.now();
    let scheduled = scheduled_time(request.scheduled_time.as_deref(), now, false)?;
    request.scheduled_time = Some(scheduled.to_string());
    Ok(serde_json::to_value(request).map_err(anyhow::Error::from)?)
}

fn detached_report(stack: &Stack, started: &Started) -> Report {
    let id = &started.export_id;
    let status = format!("genesys-archive status{} {id}", stack.option());
    Report {
        text: format!(
            "{}\nfollow it with: {status}",
            super::run_export::start_message(started)
        ),
        json: json!(started),
    }
}
