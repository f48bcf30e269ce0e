//! The output: results for programs, `verify`, the demo.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::world::{DAYS, World, files, wait_with_output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_with_json_writes_only_the_result_to_standard_output() {
    let world = World::new().await;
    let request = format!(
        r#"{{"exportId":"march","source":"export-gateway",{DAYS},"pageSize":50,"slices":2}}"#
    );
    let (request, out) = (world.request(&request), world.out().display().to_string());

    let export = world
        .run(&["export", "--json", "--request", &request, "--out", &out])
        .await;

    assert_eq!(export.code, 0, "{}", export.err);
    let result: Value = serde_json::from_str(&export.out).unwrap();
    assert_eq!(result["status"], "completed");
    assert_eq!(result["counts"]["archived"], 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_can_come_from_standard_input() {
    let world = World::new().await;
    let out = world.out().display().to_string();
    let mut command = world.command(&["export", "--request", "-", "--out", &out]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();

    let request = format!(r#"{{"exportId":"march",{DAYS}}}"#);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.as_bytes())
        .unwrap();
    let export = wait_with_output(child).await;

    assert_eq!(export.code, 0, "{}", export.err);
    assert!(export.out.contains("march is complete"), "{}", export.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_names_missing_exports_and_damaged_objects() {
    let world = World::new().await;
    let nowhere = world.run_on_march("verify", &[]).await;
    world
        .export(&format!(r#"{{"exportId":"march",{DAYS}}}"#))
        .await;
    let out = world.out().display().to_string();
    let unknown = world.run(&["verify", &out, "april"]).await;
    let escaping = world.run(&["verify", &out, "../x"]).await;

    let page = files(&world.out())
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with(".ndjson.gz"))
        .unwrap();
    let mut bytes = fs::read(&page).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&page, bytes).unwrap();
    let damaged = world.run_on_march("verify", &[]).await;

    assert_eq!((nowhere.code, unknown.code, escaping.code), (2, 2, 2));
    assert_eq!(
        unknown.error(),
        format!("there is no export april in {out}")
    );
    assert_eq!(damaged.code, 1);
    assert!(
        damaged
            .error()
            .starts_with("export march is not intact: exports/march/slices/"),
        "{}",
        damaged.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_export_reports_its_interval_and_filters() {
    let world = World::new().await;
    let filters = r#""filters":{"queueIds":["0f8fad5b-d9cb-469f-a165-70867728950e"]}"#;

    let export = world
        .export(&format!(r#"{{"exportId":"march",{DAYS},{filters}}}"#))
        .await;

    assert_eq!(export.code, 0, "{}", export.err);
    let nothing = "no conversation started in 2026-03-01T00:00:00.000Z/2026-03-03T00:00:00.000Z with queueIds 0f8fad5b-d9cb-469f-a165-70867728950e";
    assert!(export.out.contains(nothing), "{}", export.out);
    assert!(!export.out.contains("already archived"), "{}", export.out);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_and_replaced_job_is_listed_in_the_summary() {
    let world = World::new().await;
    let export = world.start_march();
    world.wait_for_page_records(2).await;

    world.simulator.expire_jobs();
    let export = wait_with_output(export).await;

    assert_eq!(export.code, 0, "{}", export.err);
    assert!(!export.out.contains("no faults"), "{}", export.out);
    assert!(export.out.contains("lost and replaced"), "{}", export.out);
    assert!(export.out.contains("have expired"), "{}", export.out);
    let again = world.run_on_march("resume", &["--json"]).await;
    let result: Value = serde_json::from_str(&again.out).unwrap();
    let reason = result["replaced"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("have expired"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_succeeds_and_ignores_the_environment() {
    let mut world = World::new().await;
    world.set("GENESYS_API_URL", "https://must.not.be.used.example");
    let out = world.out().display().to_string();

    let demo = world
        .run(&["demo", "--json", "--out", &out, "--conversations", "400"])
        .await;

    assert_eq!(demo.code, 0, "{}", demo.err);
    let result: Value = serde_json::from_str(&demo.out).unwrap();
    assert_eq!(result["proof"]["proved"], true);
    assert_eq!(result["proof"]["expected"], 400);
    assert_eq!(result["export"]["here"]["crashes"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trace_logs_contain_no_name_text_token_or_secret() {
    let mut world = World::new().await;
    world.set("RUST_LOG", "trace");

    let export = world
        .export(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":20}}"#))
        .await;

    assert_eq!(export.code, 0, "{}", export.err);
    assert!(export.err.contains("DEBUG"), "the log is on");
    let planted = world.simulator.truth().planted;
    let shown: Vec<_> = planted
        .iter()
        .filter(|text| export.err.contains(*text) || export.out.contains(*text))
        .collect();
    assert_eq!(shown, [""; 0]);
}
