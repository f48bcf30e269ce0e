//! The job that a check submits, and its deletion.

#[cfg(unix)]
use std::process::Command;

use serde_json::json;

use super::{JOBS, finding_text, healthy_response, marks};
use crate::world::World;
#[cfg(unix)]
use crate::world::wait_with_output;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_trial_job_is_reported_with_the_message_of_the_api() {
    let world = World::with_responses(|route| match route.split_once(' ').unwrap() {
        ("GET", path) if path.ends_with("/j1") => (
            200,
            json!({"state": "FAILED", "errorMessage": "the query is broken"}),
        ),
        _ => healthy_response(route),
    })
    .await;

    let output = world.check(&[]).await;

    assert_eq!(output.code, 1, "{}", output.out);
    assert_eq!(marks(&output, "trial job"), ["failed", "found"]);
    assert!(
        finding_text(&output, "trial job").contains("ended as Failed: the query is broken"),
        "{}",
        output.out
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_deletes_the_trial_job_and_ends_the_check() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let world = World::with_responses(move |request| {
        sender.send(request.to_owned()).unwrap();
        match request.split_once(' ').unwrap() {
            ("GET", path) if path.ends_with("/j1") => (200, json!({"state": "QUEUED"})),
            _ => healthy_response(request),
        }
    })
    .await;
    let check = world.command(&["check"]).spawn().unwrap();
    while requests.recv().await.unwrap() != format!("GET {JOBS}/j1") {}

    Command::new("kill")
        .args(["-INT", &check.id().to_string()])
        .status()
        .unwrap();
    let output = wait_with_output(check).await;

    assert_eq!(output.code, 1, "{}", output.out);
    assert_eq!(output.error(), "the check was interrupted");
    let mut last = None;
    while let Ok(request) = requests.try_recv() {
        last = Some(request);
    }
    assert_eq!(last, Some(format!("DELETE {JOBS}/j1")));
}
