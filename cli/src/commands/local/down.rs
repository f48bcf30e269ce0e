//! `local down`: stops everything and keeps its data.

use serde_json::json;

use super::services::{Stopped, stop};
use super::up::busy_problem;
use crate::local::Folder;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};

pub(super) fn down(folder: &Folder, screen: &Screen) -> Result<Exit, Problem> {
    let Some(_lock) = folder.lock_changes()? else {
        return Err(busy_problem(folder));
    };
    let stopped = tokio::task::block_in_place(|| stop(folder))?;
    let root = folder.root().display();
    let (text, status) = match stopped {
        Stopped::Running => (
            format!("the stack is down; archive, queues and settings are kept in {root}"),
            "down",
        ),
        Stopped::NotRunning => (format!("nothing is running in {root}"), "not running"),
    };
    screen.print_result(&Report {
        text,
        json: json!({"status": status, "folder": folder.root()}),
    });
    Ok(Exit::Done)
}
