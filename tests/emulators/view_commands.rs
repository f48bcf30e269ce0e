//! The commands that are printed after an export, run as printed with the real tools: DuckDB, the AWS CLI, jq.

use std::path::{Path, PathBuf};
use std::process::Command;

use conversation_archive::runtime::config::environment;
use end_to_end::child_process::{ChildProcess, ProcessOutput};
use genesys_simulator::Faults;
use serde_json::Value;

use crate::command_line::{CONVERSATIONS, OUTPUT, World, slow_pages, wait_until};
use crate::installation::tools;

/// Number of rows of the printed table.
const TABLE_ROWS: usize = 10;

/// A name that a shell would split and expand.
const FOLDER: &str = "my archive's *";

/// Exports of each form of record: the rest of the request, and the fields with a record's id and start. The
/// transcripts come last, because they follow another export.
const EXPORTS: [(&str, &str, [&str; 2]); 6] = [
    ("minimal", r#""records":"minimal""#, ["id", "startTime"]),
    (
        "standard",
        r#""records":"standard""#,
        ["conversationId", "conversationStart"],
    ),
    (
        "full",
        r#""records":"full""#,
        ["conversationId", "conversationStart"],
    ),
    (
        "normalized",
        r#""records":"normalized""#,
        ["recordId", "startTime"],
    ),
    (
        "gateway",
        r#""source":"export-gateway""#,
        ["id", "startTime"],
    ),
    (
        "transcripts",
        r#""source":"transcripts","fromExport":"minimal""#,
        ["conversationId", "conversationStart"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_after_an_export_show_its_records_from_a_folder() {
    every_export_is_shown(FOLDER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_after_an_export_show_its_records_from_a_bucket() {
    every_export_is_shown(OUTPUT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_after_an_export_leave_out_superseded_pages() {
    let world = World::with(slow_pages()).await;
    let export = start_export(&world, FOLDER, "lost", r#""pageSize":20"#);
    wait_until(async || stored_pages(&world, "lost") >= 3).await;

    world.simulator.expire_jobs();
    world.simulator.set_faults(Faults::default());
    let ended = export.wait().await;

    let pages = stored_pages(&world, "lost");
    let named = named_pages(&world, "lost");
    assert!(named < pages, "{named} of {pages} pages count");
    assert_eq!(archived(&ended), CONVERSATIONS);
    assert_shown(&world, &ended, ["conversationId", "conversationStart"]).await;
}

/// Runs every export into `out`, and both commands that are printed after it.
async fn every_export_is_shown(out: &str) {
    let world = World::with(Faults::default()).await;
    for (id, request, fields) in EXPORTS {
        let request = format!(r#"{request},"pageSize":100"#);
        let ended = start_export(&world, out, id, &request).wait().await;

        assert_shown(&world, &ended, fields).await;
    }
}

fn start_export(world: &World, out: &str, id: &str, request: &str) -> ChildProcess {
    let interval = r#""interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z""#;
    let interval = if request.contains("fromExport") {
        String::new()
    } else {
        format!("{interval},")
    };
    let request = format!(r#"{{"exportId":"{id}",{interval}"slices":1,{request}}}"#);
    let path = world.folder.path().join("view.json");
    std::fs::write(&path, request).expect("a request");
    world.start(&["export", "--request", "view.json", "--out", out])
}

/// Number of archived records in the summary of a complete export.
fn archived(ended: &ProcessOutput) -> usize {
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let mut lines = ended.out.lines().map(str::trim);
    let counts = lines.find_map(|line| line.strip_prefix("archived"));
    let mut words = counts.expect("the number").split_whitespace();
    words
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number")
}

/// Returns the two commands in the summary.
fn printed_commands(ended: &ProcessOutput) -> [String; 2] {
    let mut lines = ended.out.lines().map(str::trim);
    let lines_command = lines.find_map(|line| line.strip_prefix("view"));
    let commands = [lines_command, lines.next()];
    commands.map(|command| command.expect("a command").trim().to_owned())
}

/// The first command prints every record once, and the second a table of the first ones.
async fn assert_shown(world: &World, ended: &ProcessOutput, [id, start]: [&str; 2]) {
    let archived = archived(ended);
    let [lines, table] = printed_commands(ended);
    let printed = run(world, &lines).await;
    let records = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
    let records: Vec<Value> = records.map(|record| record.expect("JSON")).collect();
    let shown = run(world, &table).await;

    assert!(archived > TABLE_ROWS, "{archived} records");
    assert_eq!(records.len(), archived, "{lines}");
    let first = records.iter().take(TABLE_ROWS);
    let expected: Vec<_> = first
        .map(|record| [cell(&record[id]), cell(&record[start])])
        .collect();
    assert_eq!(rows(&shown), expected, "{table}");
}

/// A value as DuckDB prints it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the cells of a printed table of two columns, without its heading.
fn rows(table: &str) -> Vec<[String; 2]> {
    let below_heading = table.lines().skip_while(|line| !line.starts_with('├'));
    let rows = below_heading.filter_map(|line| line.strip_prefix('│'));
    let cells = rows.map(|row| {
        let mut cells = row.split('│').map(|cell| cell.trim().to_owned());
        [cells.next(), cells.next()].map(|cell| cell.expect("a cell"))
    });
    cells.collect()
}

/// Runs a command in a shell, which finds the tools.
async fn run(world: &World, command: &str) -> String {
    let path = environment("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    world.set_environment(shell.args(["-c", command]));
    shell.env("PATH", format!("{}:{path}", tools().display()));
    let output = ChildProcess::start(shell).wait().await;
    assert_eq!(
        (output.code, output.err.as_str()),
        (Some(0), ""),
        "{command}"
    );
    output.out
}

/// Number of page objects of the export in the folder.
fn stored_pages(world: &World, id: &str) -> usize {
    page_objects_below(&export_folder(world, id).join("slices"))
}

fn page_objects_below(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| {
            if path.is_dir() {
                page_objects_below(&path)
            } else {
                usize::from(path.to_string_lossy().ends_with(".ndjson.gz"))
            }
        })
        .sum()
}

/// Number of page objects that the manifest names.
fn named_pages(world: &World, id: &str) -> usize {
    let manifest = std::fs::read(export_folder(world, id).join("manifest.json"));
    let manifest: Value = serde_json::from_slice(&manifest.expect("a manifest")).expect("JSON");
    let slices = manifest["content"]["slices"].as_array().expect("slices");
    let pages = slices
        .iter()
        .flat_map(|slice| slice["pages"].as_array().expect("pages"));
    pages.filter(|page| page["objects"].is_object()).count()
}

fn export_folder(world: &World, id: &str) -> PathBuf {
    world.folder.path().join(FOLDER).join("exports").join(id)
}
