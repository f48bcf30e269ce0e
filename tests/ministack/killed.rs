//! Pages wait for their job longer than an invocation lasts, and return. Then the emulator is killed together with
//! every queue: the export resumes from the bucket alone.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::deployment::{Deployment, wait_until};

/// Small enough that the export has many pages and can be killed between them.
const PAGE_SIZE: u32 = 2;

/// Longer than a page handler polls before it parks the page.
const JOB_SECONDS: &str = "33";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_resumes_from_the_bucket_after_the_emulator_was_killed() {
    let since = Instant::now();
    let options = [
        "--conversations",
        "120",
        "--rate-per-minute",
        "0",
        "--job-seconds",
        JOB_SECONDS,
    ];
    let mut deployment = Deployment::up(&options).await;
    let bucket = deployment.bucket().to_owned();
    let request = deployment.request(&json!({
        "exportId": "killed", "interval": deployment.interval(), "slices": 2, "pageSize": PAGE_SIZE,
    }));
    deployment
        .run_json(&["start", "--detach", "--request", &request])
        .await;
    wait_until("a page that waits", async || {
        is_page_parked(&deployment).await
    })
    .await;
    wait_until("a part of the export", async || {
        page_count(&deployment).await >= 5
    })
    .await;

    let (services, emulator) = deployment.processes();
    for process in [services, emulator] {
        let killed = Command::new("kill")
            .args(["-9", &process.to_string()])
            .status();
        assert!(killed.expect("kill runs").success());
    }
    let unreachable = deployment.run(&["status", "killed"]).await;
    deployment.redeploy(&[]).await;
    let resumed = deployment.run_json(&["resume", "killed"]).await;
    let verified = deployment.run(&["verify", "killed"]).await;

    assert_eq!(unreachable.code, Some(1));
    assert!(
        unreachable.err.contains("genesys-archive local up"),
        "{}",
        unreachable.err
    );
    assert_eq!(deployment.bucket(), bucket, "the old bucket is found again");
    assert_eq!(resumed["status"], "completed");
    assert_eq!(resumed["counts"]["archived"], 120);
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    assert_eq!(
        deployment.deliveries("killed"),
        [("export.completed".to_owned(), true)]
    );
    println!("killed and resumed: {:.1} s", since.elapsed().as_secs_f64());
}

/// Whether a page has been parked at least once.
async fn is_page_parked(deployment: &Deployment) -> bool {
    let status = deployment.run_json(&["status", "killed"]).await;
    let slices = status["slices"].as_array().expect("slices");
    let parked = |slice: &Value| slice["waiting"]["timesParked"].as_u64() >= Some(1);
    slices.iter().any(parked)
}

async fn page_count(deployment: &Deployment) -> u64 {
    let status = deployment.run_json(&["status", "killed"]).await;
    let slices = status["slices"].as_array().expect("slices");
    slices
        .iter()
        .filter_map(|slice| slice["pages"].as_u64())
        .sum()
}
