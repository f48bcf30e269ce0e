//! An export continues from its folder after kill -9, Ctrl-C, failures and repeated commands.

use std::process::Command;

use genesys_simulator::{Route, Settings};

use crate::world::{DAYS, World, fast_settings, wait_with_output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_is_resumed_from_its_folder_and_verifies() {
    let world = World::new().await;
    let mut export = world.start_march();
    world.wait_for_page_records(3).await;

    export.kill().unwrap();
    export.wait().unwrap();
    let before = world.page_records();
    let resumed = world.run_on_march("resume", &[]).await;
    let verified = world.run_on_march("verify", &[]).await;

    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(verified.code, 0, "{}", verified.err);
    assert!(
        verified.out.contains("march is intact: 200 records"),
        "{}",
        verified.out
    );
    let pages = world.page_records();
    assert!(before < pages, "it was killed in the middle");
    let fetched = world.simulator.stats().requests_on(Route::JobResults);
    // The last page of results has no list of conversations, and is therefore read twice.
    let (in_flight, read_twice) = (2, 1);
    assert!(
        fetched <= pages as u64 + in_flight + read_twice,
        "{fetched} requests for {pages} pages"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_after_the_current_page_and_prints_how_to_resume() {
    let world = World::new().await;
    let export = world.start_march();
    world.wait_for_page_records(2).await;

    Command::new("kill")
        .args(["-INT", &export.id().to_string()])
        .status()
        .unwrap();
    let stopped = wait_with_output(export).await;
    let resumed = world.run_on_march("resume", &[]).await;

    assert_eq!(stopped.code, 1);
    assert_eq!(
        stopped.error(),
        "export march was stopped; all committed pages are kept"
    );
    let how = format!(
        "hint: genesys-archive resume --out {} march",
        world.out().display()
    );
    assert!(stopped.err.contains(&how), "{}", stopped.err);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let pages = world.manifest()["totals"]["pages"].as_u64().unwrap();
    assert_eq!(
        world.simulator.stats().requests_on(Route::JobResults),
        // The last page has no list of conversations, and is therefore read twice.
        pages + 1,
        "no page was fetched twice"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_export_is_reported_again_and_fetches_nothing() {
    let world = World::new().await;
    let request = format!(r#"{{"exportId":"march",{DAYS}}}"#);
    world.export(&request).await;
    let fetched = world.simulator.stats().requests_on(Route::JobResults);

    let again = world.export(&request).await;
    let other = world
        .export(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":7}}"#))
        .await;

    assert_eq!(again.code, 0, "{}", again.err);
    assert!(
        again.err.contains("export march is already complete"),
        "{}",
        again.err
    );
    assert_eq!(
        world.simulator.stats().requests_on(Route::JobResults),
        fetched
    );
    assert_eq!(other.code, 2);
    assert_eq!(
        other.error(),
        "`exportId` is march: an export with this id exists for another request; choose another id"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_over_its_quota_fails_and_resumes_with_a_larger_one() {
    let mut world = World::with(Settings {
        conversations: 3_000,
        ..fast_settings()
    })
    .await;
    world.set("ARCHIVE_QUOTA_MB", "1");
    let failed = world
        .export(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":100}}"#))
        .await;

    let unverified = world.run_on_march("verify", &[]).await;
    let resumed = world.run_on_march("resume", &["--quota-mb", "100"]).await;
    let verified = world.run_on_march("verify", &[]).await;

    assert_eq!(failed.code, 1);
    assert!(
        failed.error().contains("exceed the quota of 1 MB"),
        "{}",
        failed.err
    );
    assert!(
        failed.err.contains(" march --quota-mb N\n"),
        "{}",
        failed.err
    );
    assert_eq!(unverified.code, 1, "{}", unverified.out);
    assert_eq!(
        (resumed.code, verified.code),
        (0, 0),
        "{}{}",
        resumed.err,
        verified.err
    );
}
