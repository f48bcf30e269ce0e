//! Cancelling, whether or not a process works on the export.

use crate::world::{World, wait_with_output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_can_be_cancelled_and_its_jobs_are_deleted() {
    let world = World::new().await;
    let mut export = world.start_march();
    world.wait_for_page_records(1).await;
    export.kill().unwrap();
    export.wait().unwrap();

    let cancelled = world.run_on_march("cancel", &[]).await;
    let resumed = world.run_on_march("resume", &[]).await;

    assert_eq!(cancelled.code, 0, "{}", cancelled.err);
    assert!(
        cancelled.out.starts_with("export march is cancelled"),
        "{}",
        cancelled.out
    );
    assert_eq!(world.simulator.stats().live_jobs, [""; 0]);
    assert_eq!(resumed.code, 1);
    assert!(
        resumed
            .error()
            .starts_with("export march was cancelled permanently"),
        "{}",
        resumed.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_export_is_cancelled_from_another_process() {
    let world = World::new().await;
    let export = world.start_march();
    world.wait_for_page_records(1).await;

    let cancelled = world.run_on_march("cancel", &[]).await;
    let export = wait_with_output(export).await;

    assert_eq!(cancelled.code, 0, "{}", cancelled.err);
    assert_eq!(export.code, 1);
    assert!(
        export.error().starts_with("export march was cancelled"),
        "{}",
        export.err
    );
}
