//! `status`: the parts of a deployed stack, and the state of its exports.

use std::fmt::Write as _;

use conversation_archive::net::clock::Clock;
use serde_json::json;

use crate::arguments::{StackArguments, StatusArguments};
use crate::figures::{bytes, count, quantity};
use crate::local::{Folder, LocalSettings, ServiceProcesses};
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::stack::{FunctionView, QueueView, Stack};
use crate::style::style;

mod coverage;
mod export;
mod exports;

/// Number of exports that the stack's report shows by default.
const EXPORTS: usize = 20;

pub(super) async fn status(arguments: &StatusArguments, screen: &Screen) -> Result<Exit, Problem> {
    let stack = Stack::find(&arguments.stack).await?;
    if let Some(id) = &arguments.export_id {
        screen.print_result(&export::report(&stack, id).await?);
        return Ok(Exit::Done);
    }
    if arguments.coverage {
        return coverage::coverage(&stack, arguments, screen).await;
    }
    let shown = arguments.exports as usize;
    let report = if arguments.unredacted {
        unredacted_report(&stack, shown).await?
    } else {
        stack_report(&stack, shown).await?
    };
    screen.print_result(&report);
    Ok(Exit::Done)
}

/// Reports the deployment on this machine: its processes, then the stack in it.
pub(super) async fn local(folder: &Folder, screen: &Screen) -> Result<Exit, Problem> {
    let settings = LocalSettings::read(folder)?;
    let (Some(settings), true) = (settings, folder.has_services()?) else {
        let message = format!("nothing is running in {}", folder.root().display());
        return Err(Problem::failed(message).with_hint("genesys-archive local up"));
    };
    let stack = Stack::find(&StackArguments::of_folder(folder)).await?;
    let mut report = stack_report(&stack, EXPORTS).await?;
    let running = ServiceProcesses::read(folder)?;
    let ports = settings.ports;
    let processes = running.as_ref().map_or_else(String::new, |running| {
        format!(" (processes {} and {})", running.services, running.emulator)
    });
    report.text = format!(
        "emulator {}, simulator http://{}, receiver http://{}{processes}\n\n{}",
        ports.endpoint(),
        ports.simulator(),
        ports.receiver(),
        report.text
    );
    report.json["ports"] = json!(ports);
    report.json["processes"] = json!(running);
    screen.print_result(&report);
    Ok(Exit::Done)
}

async fn stack_report(stack: &Stack, shown: usize) -> Result<Report, Problem> {
    let (functions, queues, exports) = tokio::try_join!(
        stack.functions(),
        stack.queues(),
        exports::read_all(stack.archive())
    )?;
    let now = Clock::System.now();
    let text = format!(
        "{} in {}, archive {}\n\n{}\n{}\n{}",
        style(stack.name()).bold(),
        stack.region(),
        stack.place(),
        functions_text(&functions),
        queues_text(&queues),
        exports::text(&exports, shown, now),
    );
    let json = json!({
        "stack": stack.name(),
        "region": stack.region(),
        "archive": stack.place().to_string(),
        "functions": functions,
        "queues": queues,
        "exports": exports::json(&exports, shown),
        "exportsInAll": exports.len(),
    });
    Ok(Report {
        text: text.trim_end().to_owned(),
        json,
    })
}

/// Reports only the exports whose texts are not redacted.
async fn unredacted_report(stack: &Stack, shown: usize) -> Result<Report, Problem> {
    let all = exports::read_all(stack.archive()).await?;
    let total = all.len();
    let unredacted = exports::unredacted(all);
    let number = quantity(unredacted.len() as u64, "export is", "exports are");
    let list = exports::text(&unredacted, shown, Clock::System.now());
    let text = format!(
        "{number} not redacted, of {} in {}\n\n{list}",
        count(total as u64),
        stack.place()
    );
    Ok(Report {
        text: text.trim_end().to_owned(),
        json: json!({
            "exports": exports::json(&unredacted, shown),
            "unredacted": unredacted.len(),
            "exportsInAll": total,
        }),
    })
}

fn functions_text(functions: &[FunctionView]) -> String {
    let mut text = heading("functions");
    for view in functions {
        let number = |value: Option<i32>| value.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let _ = writeln!(
            text,
            "  {:<16} {:<8} {:>4} MB {:>4} s  {:>8}  {}",
            view.function,
            view.state,
            number(view.memory_mb),
            number(view.timeout_seconds),
            bytes(view.code_size_bytes.unsigned_abs()),
            view.last_modified.as_deref().unwrap_or_default(),
        );
    }
    text
}

fn queues_text(queues: &[QueueView]) -> String {
    let mut text = heading("queues");
    for view in queues {
        let dead = view.dead_letters.to_string();
        let dead = if dead == "empty" {
            String::new()
        } else {
            format!("; dead letters: {dead}")
        };
        let _ = writeln!(text, "  {:<16} {}{dead}", view.queue, view.messages);
    }
    text
}

fn heading(text: &str) -> String {
    format!("{}\n", style(text).bold())
}

/// `1,234 records`.
fn records(number: u64) -> String {
    format!("{} records", count(number))
}
