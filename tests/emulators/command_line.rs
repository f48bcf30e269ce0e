//! The command line with a bucket: killed, resumed, verified, cancelled, and refused.

use std::fs;
use std::process::Command;
use std::time::Duration;

use conversation_archive::storage::store::{ArchiveStore as _, S3Settings, S3Store};
use genesys_simulator::{Faults, Route, Settings, Simulator};
use tempfile::TempDir;

use crate::emulator::{ACCESS_KEY, Emulator, REGION, SECRET_KEY};
use end_to_end::child_process::{ChildProcess, MAX_WAIT, POLL_INTERVAL, ProcessOutput};

const BUCKET: &str = "archive";
pub(crate) const OUTPUT: &str = "s3://archive/team";
const REQUEST: &str =
    r#"{"exportId":"march","interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z","pageSize":4}"#;
pub(crate) const CONVERSATIONS: usize = 200;

/// Pause between the eight pieces of a page's body: no export of fifty pages ends while a test intervenes.
const PIECE_PAUSE: Duration = Duration::from_millis(500);

/// An organisation, a bucket, and the settings of an operator who works with both.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    emulator: Emulator,
    pub(crate) folder: TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(Faults::default()).await
    }

    pub(crate) async fn with(faults: Faults) -> Self {
        let settings = Settings {
            conversations: CONVERSATIONS,
            gateway_records: CONVERSATIONS,
            job_ready_after: Duration::ZERO,
            rate_per_minute: 0,
            faults,
            ..Settings::default()
        };
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("request.json"), REQUEST).expect("a request");
        let emulator = Emulator::ministack().await;
        emulator.create_bucket(BUCKET).await;
        Self {
            simulator: Simulator::start(settings).await.expect("a simulator"),
            emulator,
            folder,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_genesys-archive-tested"));
        self.set_environment(command.args(arguments));
        command
    }

    /// Lets a program run in the folder, with the settings of the operator alone.
    pub(crate) fn set_environment(&self, command: &mut Command) {
        let organisation = Settings::default();
        let url = self.simulator.url().to_string();
        command.current_dir(&self.folder).env_clear().envs([
            ("GENESYS_API_URL", url.as_str()),
            ("GENESYS_LOGIN_URL", &url),
            ("GENESYS_CLIENT_ID", &organisation.client_id),
            ("GENESYS_CLIENT_SECRET", &organisation.client_secret),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", self.emulator.url()),
            ("AWS_S3_FORCE_PATH_STYLE", "true"),
        ]);
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> ChildProcess {
        ChildProcess::start(self.command(arguments))
    }

    fn export(&self) -> ChildProcess {
        self.start(&["export", "--request", "request.json", "--out", OUTPUT])
    }

    async fn run(&self, arguments: &[&str]) -> ProcessOutput {
        self.start(arguments).wait().await
    }

    async fn page_records(&self) -> usize {
        let keys = self.objects("exports/march/slices/").await;
        keys.iter()
            .filter(|key| key.ends_with(".record.json"))
            .count()
    }

    async fn objects(&self, prefix: &str) -> Vec<String> {
        let settings = S3Settings {
            bucket: BUCKET.to_owned(),
            prefix: Some("team".to_owned()),
            kms_key_id: None,
        };
        let store = S3Store::new(self.emulator.clients().s3(), settings);
        let listing = store.list(prefix, None).await.expect("a listing");
        listing
            .objects
            .into_iter()
            .map(|object| object.key)
            .collect()
    }

    /// Waits until the bucket contains this number of page records.
    async fn wait_for_page_records(&self, number: usize) {
        wait_until(async || self.page_records().await >= number).await;
    }

    /// Waits until this number of processes has logged in; each logs in for its first page.
    async fn wait_for_logins(&self, number: u64) {
        wait_until(async || self.simulator.stats().requests_on(Route::Login) >= number).await;
    }
}

/// Slows only the pages, so that everything else proceeds immediately.
pub(crate) fn slow_pages() -> Faults {
    Faults {
        slow: 1.0,
        slow_pause: PIECE_PAUSE,
        only_routes: Some(vec![Route::JobResults]),
        ..Faults::default()
    }
}

pub(crate) async fn wait_until(is_observed: impl AsyncFn() -> bool) {
    let polling = async {
        while !is_observed().await {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let polled = tokio::time::timeout(MAX_WAIT, polling).await;
    polled.expect("it is seen in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_to_a_bucket_is_resumed_and_verifies() {
    let world = World::with(slow_pages()).await;
    let export = world.export();
    world.wait_for_page_records(2).await;

    export.kill();
    let before = world.page_records().await;
    world.simulator.set_faults(Faults::default());
    let resumed = world.run(&["resume", "--out", OUTPUT, "march"]).await;
    let verified = world.run(&["verify", OUTPUT, "march"]).await;

    assert_eq!(resumed.code, Some(0), "{}", resumed.err);
    assert_eq!(verified.code, Some(0), "{}", verified.err);
    let intact = verified.out.contains("march is intact: 200 records");
    assert!(intact, "{}", verified.out);
    let pages = world.page_records().await;
    assert!(before < pages, "it was killed in the middle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_export_produce_one_archive() {
    let world = World::with(slow_pages()).await;

    let (one, other) = (world.export(), world.export());
    world.wait_for_logins(2).await;
    let pages_with_two_processes = world.page_records().await;
    world.simulator.set_faults(Faults::default());
    let (one, other) = tokio::join!(one.wait(), other.wait());
    let verified = world.run(&["verify", OUTPUT, "march"]).await;

    assert_eq!(one.code, Some(0), "{}", one.err);
    assert_eq!(other.code, Some(0), "{}", other.err);
    let intact = verified.out.contains("march is intact: 200 records");
    assert!(intact, "{}{}", verified.out, verified.err);
    let (stats, pages) = (world.simulator.stats(), world.page_records().await);
    assert!(pages_with_two_processes < pages, "it was open to both");
    let read = stats.requests_on(Route::JobResults);
    assert!(read > pages as u64, "both read pages: {read} for {pages}");
    assert_eq!(stats.live_jobs, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_to_a_bucket_is_cancelled_by_another_process() {
    let world = World::with(slow_pages()).await;
    let export = world.export();
    world.wait_for_page_records(2).await;

    let cancelled = world.run(&["cancel", "--out", OUTPUT, "march"]).await;
    let export = export.wait().await;
    let resumed = world.run(&["resume", "--out", OUTPUT, "march"]).await;

    assert_eq!(cancelled.code, Some(0), "{}", cancelled.err);
    for ended in [export, resumed] {
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        let is_reported = ended.err.contains("export march was cancelled permanently");
        assert!(is_reported, "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tests_a_bucket_with_its_kms_key_and_leaves_no_object() {
    let world = World::new().await;

    let mut check = world.command(&["check", "--json", "--out", OUTPUT]);
    check.env("ARCHIVE_KMS_KEY_ID", "alias/archive");
    let checked = ChildProcess::start(check).wait().await;
    let missing = ["check", "--json", "--out", "s3://nowhere-to-be-found"];
    let missing = world.run(&missing).await;

    assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.err);
    let report: serde_json::Value = serde_json::from_str(&checked.out).expect("JSON");
    let check_result = |name: &str| {
        let mut all = report["checks"].as_array().into_iter().flatten();
        let found = all.find(|it| it["check"] == name).expect("a check");
        (found["mark"].clone(), found["what"].to_string())
    };
    assert_eq!(check_result("archive").0, "ok");
    assert_eq!(check_result("encryption").0, "ok");
    assert!(
        check_result("encryption")
            .1
            .contains("aws:kms with alias/archive"),
        "{}",
        checked.out
    );
    assert_eq!(world.objects("").await, [""; 0]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing
            .out
            .contains("the bucket nowhere-to-be-found does not exist"),
        "{}",
        missing.out
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_bucket_is_refused_with_a_hint() {
    let world = World::new().await;

    let nowhere = "s3://nowhere-to-be-found";
    let export = ["export", "--request", "request.json", "--out", nowhere];
    let export = world.run(&export).await;
    let verify = world.run(&["verify", nowhere, "march"]).await;

    for refused in [export, verify] {
        assert_eq!(refused.code, Some(2), "{}", refused.err);
        let message = "error: the bucket nowhere-to-be-found does not exist\nhint: create it";
        assert!(refused.err.starts_with(message), "{}", refused.err);
    }
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_from_another_region_than_the_bucket_is_refused() {
    let world = World::new().await;
    let mut command = world.command(&["export", "--request", "request.json", "--out", OUTPUT]);
    // The region is known only for the regional hosts, so no overrides are set. No request is sent.
    command
        .env_remove("GENESYS_API_URL")
        .env_remove("GENESYS_LOGIN_URL")
        .env("GENESYS_REGION", "mypurecloud.ie")
        .env("ARCHIVE_RETENTION_DAYS", "3650");

    let refused = ChildProcess::start(command).wait().await;

    assert_eq!(refused.code, Some(2), "{}", refused.err);
    let message = "error: `GENESYS_REGION` is eu-west-1: the bucket is in eu-central-1; set ALLOWED_REGIONS to permit both regions";
    assert!(refused.err.starts_with(message), "{}", refused.err);
    assert_eq!(world.page_records().await, 0);
}
