//! `AUDIT_STDOUT`: each audit event of an archive, as a line for a log shipper.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::world::{DAYS, World, files};

/// The hashes of the audit events that are copied below `audit/`.
fn archived_hashes(world: &World) -> BTreeSet<String> {
    files(&world.out().join("audit"))
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()
        })
        .map(|line| hash(&serde_json::from_str(&line).unwrap()))
        .collect()
}

fn hash(event: &Value) -> String {
    event["hash"].as_str().unwrap().to_owned()
}

/// The hashes of the audit events in these lines.
fn printed_hashes(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| line.starts_with(r#"{"audit":"#));
    lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| hash(&line["audit"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_audit_event_of_the_archive_is_printed() {
    let mut world = World::new().await;
    world.set("AUDIT_STDOUT", "true");

    let output = world
        .export(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":50}}"#))
        .await;

    assert_eq!(output.code, 0, "{}", output.err);
    let printed = printed_hashes(&output.out);
    // The start, at least four pages, the end of the run and the outcome.
    assert!(printed.len() >= 7, "{}", output.out);
    assert_eq!(printed, archived_hashes(&world));
    assert!(output.out.contains("complete"), "{}", output.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_json_the_audit_events_go_to_standard_error() {
    let mut world = World::new().await;
    world.set("AUDIT_STDOUT", "true");
    let request = world.request(&format!(r#"{{"exportId":"march",{DAYS}}}"#));
    let out = world.out().display().to_string();

    let output = world
        .run(&["--json", "export", "--request", &request, "--out", &out])
        .await;

    let result: Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!(result["exportId"], "march");
    assert_eq!(printed_hashes(&output.err), archived_hashes(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_no_audit_event_is_printed() {
    let world = World::new().await;

    let output = world
        .export(&format!(r#"{{"exportId":"march",{DAYS}}}"#))
        .await;

    assert_eq!(output.code, 0, "{}", output.err);
    assert_eq!(printed_hashes(&(output.out + &output.err)), BTreeSet::new());
}
