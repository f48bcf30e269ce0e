//! The job that a check submits, and its deletion.

#[cfg(unix)]
use std::process::Command;

use serde_json::json;

use super::{JOBS, in_order, marks, said};
use crate::world::World;
#[cfg(unix)]
use crate::world::ended;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_trial_job_is_reported_with_the_message_of_the_api() {
    let world = World::scripted(|asked| match asked.split_once(' ').unwrap() {
        ("GET", path) if path.ends_with("/j1") => (
            200,
            json!({"state": "FAILED", "errorMessage": "the query is broken"}),
        ),
        _ => in_order(asked),
    })
    .await;

    let told = world.check(&[]).await;

    assert_eq!(told.code, 1, "{}", told.out);
    assert_eq!(marks(&told, "trial job"), ["failed", "found"]);
    assert!(
        said(&told, "trial job").contains("ended as Failed: the query is broken"),
        "{}",
        told.out
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_deletes_the_trial_job_and_ends_the_check() {
    let (asked, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let world = World::scripted(move |request| {
        asked.send(request.to_owned()).unwrap();
        match request.split_once(' ').unwrap() {
            ("GET", path) if path.ends_with("/j1") => (200, json!({"state": "QUEUED"})),
            _ => in_order(request),
        }
    })
    .await;
    let check = world.command(&["check"]).spawn().unwrap();
    while requests.recv().await.unwrap() != format!("GET {JOBS}/j1") {}

    Command::new("kill")
        .args(["-INT", &check.id().to_string()])
        .status()
        .unwrap();
    let told = ended(check).await;

    assert_eq!(told.code, 1, "{}", told.out);
    assert_eq!(told.error(), "the check was interrupted");
    let mut last = None;
    while let Ok(request) = requests.try_recv() {
        last = Some(request);
    }
    assert_eq!(last, Some(format!("DELETE {JOBS}/j1")));
}
