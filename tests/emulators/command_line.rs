//! The command line over a bucket: killed, resumed, verified, cancelled, and refused.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use conversation_archive::store::{ArchiveStore as _, S3Settings, S3Store};
use genesys_simulator::{Faults, Settings, Simulator};
use tempfile::TempDir;

use crate::emulator::{ACCESS_KEY, Emulator, REGION, SECRET_KEY};

const BUCKET: &str = "archive";
const PLACE: &str = "s3://archive/team";
const REQUEST: &str =
    r#"{"exportId":"march","interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z","pageSize":4}"#;
const CONVERSATIONS: usize = 200;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// An organisation, a bucket, and the settings of a person who works with both.
struct World {
    simulator: Simulator,
    emulator: Emulator,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        // Each answer takes some milliseconds, so that there is time to step in.
        let faults = Faults {
            slow: 1.0,
            ..Faults::default()
        };
        let settings = Settings {
            conversations: CONVERSATIONS,
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
        let organisation = Settings::default();
        let url = self.simulator.url().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_genesys-archive-tested"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs([
                ("GENESYS_API_URL", url.as_str()),
                ("GENESYS_LOGIN_URL", &url),
                ("GENESYS_CLIENT_ID", &organisation.client_id),
                ("GENESYS_CLIENT_SECRET", &organisation.client_secret),
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
                ("AWS_REGION", REGION),
                ("AWS_ENDPOINT_URL", self.emulator.url()),
                ("AWS_S3_FORCE_PATH_STYLE", "true"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.spawn().expect("the program starts")
    }

    fn export(&self) -> Child {
        self.start(&["export", "--request", "request.json", "--out", PLACE])
    }

    async fn run(&self, arguments: &[&str]) -> Told {
        ended(self.start(arguments)).await
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

    /// Looks at the bucket until it holds so many page records.
    async fn until_page_records(&self, number: usize) {
        let looking = async { while self.page_records().await < number {} };
        let looked = tokio::time::timeout(PATIENCE, looking).await;
        looked.expect("so many page records in time");
    }
}

struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

async fn ended(child: Child) -> Told {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = output.expect("waited").expect("ended");
    Told {
        code: status.code(),
        out: String::from_utf8(stdout).expect("text"),
        err: String::from_utf8(stderr).expect("text"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_to_a_bucket_killed_in_the_middle_goes_on_and_verifies() {
    let world = World::new().await;
    let mut export = world.export();
    world.until_page_records(3).await;

    export.kill().expect("killed");
    export.wait().expect("ended");
    let before = world.page_records().await;
    let resumed = world.run(&["resume", "--out", PLACE, "march"]).await;
    let verified = world.run(&["verify", PLACE, "march"]).await;

    assert_eq!(resumed.code, Some(0), "{}", resumed.err);
    assert_eq!(verified.code, Some(0), "{}", verified.err);
    let intact = verified.out.contains("march is intact: 200 records");
    assert!(intact, "{}", verified.out);
    let pages = world.page_records().await;
    assert!(before < pages, "it was killed in the middle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_export_come_to_one_archive() {
    let world = World::new().await;

    let (one, other) = (world.export(), world.export());
    let (one, other) = tokio::join!(ended(one), ended(other));
    let verified = world.run(&["verify", PLACE, "march"]).await;

    assert_eq!(one.code, Some(0), "{}", one.err);
    assert_eq!(other.code, Some(0), "{}", other.err);
    let intact = verified.out.contains("march is intact: 200 records");
    assert!(intact, "{}{}", verified.out, verified.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_to_a_bucket_is_cancelled_by_another_process() {
    let world = World::new().await;
    let export = world.export();
    world.until_page_records(2).await;

    let cancelled = world.run(&["cancel", "--out", PLACE, "march"]).await;
    let export = ended(export).await;
    let resumed = world.run(&["resume", "--out", PLACE, "march"]).await;

    assert_eq!(cancelled.code, Some(0), "{}", cancelled.err);
    for ended in [export, resumed] {
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        let told = ended
            .err
            .contains("export march was cancelled, and that is final");
        assert!(told, "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_checked_with_its_key_and_left_as_it_was() {
    let world = World::new().await;

    let mut check = world.command(&["check", "--json", "--out", PLACE]);
    check.env("ARCHIVE_KMS_KEY_ID", "alias/archive");
    let checked = ended(check.spawn().expect("the program starts")).await;
    let missing = ["check", "--json", "--out", "s3://nowhere-to-be-found"];
    let missing = world.run(&missing).await;

    assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.err);
    let report: serde_json::Value = serde_json::from_str(&checked.out).expect("JSON");
    let of = |name: &str| {
        let mut all = report["checks"].as_array().into_iter().flatten();
        let found = all.find(|it| it["check"] == name).expect("a check");
        (found["mark"].clone(), found["what"].to_string())
    };
    assert_eq!(of("archive").0, "ok");
    assert_eq!(of("encryption").0, "ok");
    assert!(
        of("encryption").1.contains("aws:kms with alias/archive"),
        "{}",
        checked.out
    );
    assert_eq!(world.objects("").await, [""; 0]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing
            .out
            .contains("there is no bucket nowhere-to-be-found"),
        "{}",
        missing.out
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_not_there_is_refused_with_a_way_on() {
    let world = World::new().await;

    let nowhere = "s3://nowhere-to-be-found";
    let export = ["export", "--request", "request.json", "--out", nowhere];
    let export = world.run(&export).await;
    let verify = world.run(&["verify", nowhere, "march"]).await;

    for refused in [export, verify] {
        assert_eq!(refused.code, Some(2), "{}", refused.err);
        let told = "error: there is no bucket nowhere-to-be-found\nhow to go on: create it";
        assert!(refused.err.starts_with(told), "{}", refused.err);
    }
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_of_another_region_than_the_buckets_are_refused_before_anything_is_sent() {
    let world = World::new().await;
    let mut command = world.command(&["export", "--request", "request.json", "--out", PLACE]);
    // Only the hosts of a region have one; none of them is asked.
    command
        .env_remove("GENESYS_API_URL")
        .env_remove("GENESYS_LOGIN_URL")
        .env("GENESYS_REGION", "mypurecloud.ie")
        .env("ARCHIVE_RETENTION_DAYS", "3650");

    let refused = ended(command.spawn().expect("the program starts")).await;

    assert_eq!(refused.code, Some(2), "{}", refused.err);
    let told = "error: `GENESYS_REGION` is eu-west-1: the bucket lies in eu-central-1; set ALLOWED_REGIONS to permit both regions";
    assert!(refused.err.starts_with(told), "{}", refused.err);
    assert_eq!(world.page_records().await, 0);
}
