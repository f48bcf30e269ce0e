//! `find`: where a conversation is stored in an archive, and its record.

use std::fmt::Write as _;
use std::time::Duration;

use conversation_archive::archive::Archive;
use conversation_archive::archive::find::{
    self, RecordType, SearchCriteria, SearchProgress, Version,
};
use conversation_archive::base::printable;
use conversation_archive::base::time::format_timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::arguments::FindArguments;
use crate::figures::quantity;
use crate::place::Place;
use crate::problem::{Exit, Problem, full_message};
use crate::screen::Screen;
use crate::stack::Stack;

/// The result for programs.
#[derive(Serialize)]
struct Found<'a> {
    status: &'static str,
    versions: &'a [Version],
    record: &'a RawValue,
}

pub(super) async fn find(arguments: &FindArguments, screen: &Screen) -> Result<Exit, Problem> {
    let (archive, place) = if let Some(place) = &arguments.archive {
        (place.archive().await?, place.clone())
    } else {
        let stack = Stack::find(&arguments.stack).await?;
        (stack.archive().clone(), stack.place().clone())
    };
    let (versions, searched) = search(&archive, arguments, screen).await?;
    match versions.last() {
        Some(latest) => show(&archive, &versions, latest, screen).await?,
        None => return Err(not_found(arguments, &place, searched)),
    }
    Ok(Exit::Done)
}

/// All versions of the conversation, the latest one last. An id that cannot be typed may be written as a JSON string.
async fn search(
    archive: &Archive,
    arguments: &FindArguments,
    screen: &Screen,
) -> Result<(Vec<Version>, SearchProgress), Problem> {
    let quoted: Option<String> = serde_json::from_str(&arguments.id).ok();
    let mut found = search_for(archive, &arguments.id, arguments, screen).await?;
    if let Some(id) = quoted.filter(|_| found.0.is_empty()) {
        found = search_for(archive, &id, arguments, screen).await?;
    }
    Ok(found)
}

async fn search_for(
    archive: &Archive,
    id: &str,
    arguments: &FindArguments,
    screen: &Screen,
) -> Result<(Vec<Version>, SearchProgress), Problem> {
    let bar = screen.is_terminal.then(|| screen.add_bar(bar()));
    let mut searched = SearchProgress::default();
    let mut show = |so_far: SearchProgress| {
        searched = so_far;
        if let Some(bar) = &bar {
            Screen::set_bar_message(bar, &searched_text(so_far));
        }
    };
    let query = SearchCriteria {
        id,
        day: arguments.day,
        records: RecordType::Conversations,
    };
    let versions = find::versions(archive, query, &mut show).await;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let versions = versions.map_err(|error| Problem::failed(full_message(error)))?;
    Ok((versions, searched))
}

async fn show(
    archive: &Archive,
    versions: &[Version],
    latest: &Version,
    screen: &Screen,
) -> Result<(), Problem> {
    let line = find::stored_record(archive, latest).await;
    let line = line.map_err(|error| Problem::failed(full_message(error)))?;
    // The parser's error may quote the record.
    let record: &RawValue = serde_json::from_str(&line).map_err(|_| {
        Problem::failed(format!(
            "{} is damaged: it is not JSON",
            latest.page_object.key
        ))
    })?;
    let mut text = String::new();
    for version in versions {
        let _ = writeln!(
            text,
            "{} as of {}, content {}: slice {} page {}, {}",
            version.export_id,
            format_timestamp(version.as_of),
            version.entry.sha256.short(8),
            version.slice,
            version.page,
            version.page_object.key
        );
    }
    text.push_str(&printable::escaped_json(&line));
    let found = Found {
        status: "found",
        versions,
        record,
    };
    screen.print_archived(&text, &found)
}

fn not_found(arguments: &FindArguments, place: &Place, searched: SearchProgress) -> Problem {
    let day = arguments
        .day
        .map_or(String::new(), |day| format!(" that overlap {day}"));
    let message = format!(
        "conversation {} is not in {place}: searched {}{day}",
        arguments.id,
        searched_text(searched)
    );
    Problem::failed(message).with_json(json!({"status": "not_found", "id": arguments.id}))
}

fn searched_text(searched: SearchProgress) -> String {
    let pages = quantity(searched.pages, "page", "pages");
    let exports = quantity(searched.exports, "complete export", "complete exports");
    format!("{pages} in {exports}")
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} searched {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
