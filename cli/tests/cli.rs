//! The binary as a person uses it, against a simulated organisation: kill -9, Ctrl-C, cancel, and everything that is
//! refused.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use conversation_archive::store::FolderStore;
use genesys_simulator::{Faults, Route, Settings, Simulator};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_genesys-archive");
const DAYS: &str = r#""interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z""#;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// An organisation, a folder, and the settings of a person who works with both.
struct World {
    simulator: Simulator,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

struct Told {
    code: i32,
    out: String,
    err: String,
}

impl World {
    async fn new() -> Self {
        // Each answer takes some milliseconds, so that there is time to step in.
        let faults = Faults {
            slow: 1.0,
            ..Faults::default()
        };
        Self::with(Settings {
            conversations: 200,
            gateway_records: 200,
            faults,
            ..fast()
        })
        .await
    }

    async fn with(settings: Settings) -> Self {
        let credentials = (settings.client_id.clone(), settings.client_secret.clone());
        let simulator = Simulator::start(settings).await.unwrap();
        let url = simulator.url().to_string();
        let settings = vec![
            ("GENESYS_API_URL", url.clone()),
            ("GENESYS_LOGIN_URL", url),
            ("GENESYS_CLIENT_ID", credentials.0),
            ("GENESYS_CLIENT_SECRET", credentials.1),
        ];
        Self {
            simulator,
            folder: tempfile::tempdir().unwrap(),
            settings,
        }
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .env_clear()
            .envs(self.settings.iter().cloned());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A request in a file, for `--request`.
    fn request(&self, json: &str) -> String {
        let path = self.folder.path().join("request.json");
        fs::write(&path, json).unwrap();
        path.display().to_string()
    }

    async fn run(&self, arguments: &[&str]) -> Told {
        told(self.command(arguments)).await
    }

    async fn export(&self, json: &str) -> Told {
        let (request, out) = (self.request(json), self.out().display().to_string());
        self.run(&["export", "--request", &request, "--out", &out])
            .await
    }

    /// `command` with the world's folder and the export `march`.
    async fn march(&self, command: &str, more: &[&str]) -> Told {
        let out = self.out().display().to_string();
        let place = if command == "verify" {
            vec![out.as_str()]
        } else {
            vec!["--out", out.as_str()]
        };
        let arguments: Vec<&str> = [command]
            .into_iter()
            .chain(place)
            .chain(["march"])
            .chain(more.iter().copied())
            .collect();
        self.run(&arguments).await
    }

    /// A running export of many small pages.
    fn start_march(&self) -> Child {
        let request = self.request(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":4}}"#));
        self.command(&[
            "export",
            "--request",
            &request,
            "--out",
            &self.out().display().to_string(),
        ])
        .spawn()
        .unwrap()
    }

    fn page_records(&self) -> usize {
        files(&self.out())
            .iter()
            .filter(|path| path.to_string_lossy().ends_with(".record.json"))
            .count()
    }

    /// Looks at the folder until it holds so many page records.
    async fn until_page_records(&self, number: usize) {
        let since = Instant::now();
        while self.page_records() < number {
            assert!(
                since.elapsed() < PATIENCE,
                "no {number} page records in time"
            );
            tokio::task::yield_now().await;
        }
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.out().join("exports/march/manifest.json")).unwrap())
            .unwrap()
    }
}

fn fast() -> Settings {
    Settings {
        job_ready_after: Duration::ZERO,
        rate_per_minute: 0,
        ..Settings::default()
    }
}

/// Runs beside the simulator, which lives in this process.
async fn told(mut command: Command) -> Told {
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    of(&output)
}

async fn ended(child: Child) -> Told {
    of(
        &tokio::task::spawn_blocking(move || child.wait_with_output())
            .await
            .unwrap()
            .unwrap(),
    )
}

fn of(output: &Output) -> Told {
    Told {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        err: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    entries.flat_map(|entry| below(entry.path())).collect()
}

impl Told {
    fn error(&self) -> &str {
        let line = self
            .err
            .lines()
            .find_map(|line| line.strip_prefix("error: "));
        line.unwrap_or_else(|| panic!("no error line in: {}", self.err))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_killed_in_the_middle_goes_on_from_its_folder_and_verifies() {
    let world = World::new().await;
    let mut export = world.start_march();
    world.until_page_records(3).await;

    export.kill().unwrap();
    export.wait().unwrap();
    let before = world.page_records();
    let resumed = world.march("resume", &[]).await;
    let verified = world.march("verify", &[]).await;

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
    let in_flight = 2;
    assert!(
        fetched <= pages as u64 + in_flight,
        "{fetched} requests for {pages} pages"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_after_the_page_in_hand_and_says_how_to_go_on() {
    let world = World::new().await;
    let export = world.start_march();
    world.until_page_records(2).await;

    Command::new("kill")
        .args(["-INT", &export.id().to_string()])
        .status()
        .unwrap();
    let stopped = ended(export).await;
    let resumed = world.march("resume", &[]).await;

    assert_eq!(stopped.code, 1);
    assert_eq!(
        stopped.error(),
        "export march is stopped; what was archived so far is safe"
    );
    let how = format!(
        "how to go on: genesys-archive resume --out {} march",
        world.out().display()
    );
    assert!(stopped.err.contains(&how), "{}", stopped.err);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let pages = world.manifest()["totals"]["pages"].as_u64().unwrap();
    assert_eq!(
        world.simulator.stats().requests_on(Route::JobResults),
        pages,
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
        again.err.contains("export march is complete already"),
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
        "`exportId` is march: an export of this id exists for another request; choose another id"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_gives_its_result_as_json_on_standard_output_alone() {
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
    let export = ended(child).await;

    assert_eq!(export.code, 0, "{}", export.err);
    assert!(export.out.contains("march is complete"), "{}", export.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_can_be_cancelled_and_its_jobs_are_deleted() {
    let world = World::new().await;
    let mut export = world.start_march();
    world.until_page_records(1).await;
    export.kill().unwrap();
    export.wait().unwrap();

    let cancelled = world.march("cancel", &[]).await;
    let resumed = world.march("resume", &[]).await;

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
            .starts_with("export march was cancelled, and that is final"),
        "{}",
        resumed.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_export_is_cancelled_from_another_process() {
    let world = World::new().await;
    let export = world.start_march();
    world.until_page_records(1).await;

    let cancelled = world.march("cancel", &[]).await;
    let export = ended(export).await;

    assert_eq!(cancelled.code, 0, "{}", cancelled.err);
    assert_eq!(export.code, 1);
    assert!(
        export.error().starts_with("export march was cancelled"),
        "{}",
        export.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_over_its_quota_fails_and_goes_on_with_a_larger_one() {
    let mut world = World::with(Settings {
        conversations: 3_000,
        ..fast()
    })
    .await;
    world.set("ARCHIVE_QUOTA_MB", "1");
    let failed = world
        .export(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":100}}"#))
        .await;

    let unverified = world.march("verify", &[]).await;
    let resumed = world.march("resume", &["--quota-mb", "100"]).await;
    let verified = world.march("verify", &[]).await;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_use_is_left_to_whoever_uses_it() {
    let world = World::new().await;
    let _lock = FolderStore::open(&world.out())
        .unwrap()
        .lock("march")
        .unwrap();

    let refused = world
        .export(&format!(r#"{{"exportId":"march",{DAYS}}}"#))
        .await;

    assert_eq!(refused.code, 1);
    assert_eq!(
        refused.error(),
        "another process is working on export march: wait until it ends, or stop it, and try again"
    );
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_request_is_refused_in_one_line_before_anything_is_sent() {
    let mut world = World::new().await;
    world.set("ARCHIVE_RETENTION_DAYS", "365");
    let cases = [
        (
            "{\"interval\": ",
            "the request is not readable: EOF while parsing",
        ),
        (
            r#"{"interval":"2026-03-03T00:00:00Z/2026-03-01T00:00:00Z"}"#,
            "ends where or before it starts; the earlier moment comes first",
        ),
        (
            r#"{"interval":"2015-03-01T00:00:00Z/2015-03-02T00:00:00Z"}"#,
            "conversations are kept 365 days",
        ),
        (
            &format!("{{{DAYS},\"pagesize\":5}}"),
            "unknown field `pagesize`",
        ),
        (
            &format!("{{{DAYS},\"pageSize\":5000}}"),
            "`pageSize` is 5000: analytics-job takes 1 to 1000",
        ),
        (
            &format!("{{{DAYS},\"exportId\":\"../x\"}}"),
            "`exportId` is ../x: 1 to 64 letters, digits, `-` or `_`",
        ),
        (
            &format!("{{{DAYS},\"quotaMb\":0}}"),
            "`quotaMb` is 0: at least 1",
        ),
        (
            &format!("{{{DAYS},\"redaction\":{{\"enabled\":true}}}}"),
            "this version cannot redact yet",
        ),
        (
            &format!("{{{DAYS},\"webhookUrl\":\"https://lake.example/x\"}}"),
            "WEBHOOK_SIGNING_SECRET is not set",
        ),
    ];

    for (request, expected) in cases {
        let refused = world.export(request).await;

        assert_eq!(refused.code, 2, "{request}: {}", refused.err);
        assert!(
            refused.error().contains(expected),
            "{request}: {}",
            refused.err
        );
        assert_eq!(refused.out, "");
    }
    assert_eq!(world.simulator.stats().total_requests(), 0);
    assert!(!world.out().join("exports").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_that_cannot_fit_its_quota_is_refused_before_it_starts() {
    let mut world = World::new().await;
    world.set("ARCHIVE_BYTES_PER_RECORD", "10000");

    let refused = world
        .export(&format!(
            r#"{{"source":"export-gateway",{DAYS},"quotaMb":1}}"#
        ))
        .await;

    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused
            .error()
            .starts_with("`quotaMb` is 1: 200 records at about 10000 bytes each"),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_settings_are_refused_in_one_line() {
    let mut world = World::new().await;
    let request = world.request(&format!("{{{DAYS}}}"));
    let out = world.out().display().to_string();
    let export = ["export", "--request", &request, "--out", &out];

    world.set("GENESYS_REGION", "atlantis-1");
    let region = world.run(&export).await;
    world.set("GENESYS_REGION", "");
    world.set("GENESYS_CLIENT_SECRET", "wrong");
    let login = world.run(&export).await;
    world.settings.clear();
    let missing = world.run(&export).await;

    assert_eq!(
        (region.code, login.code, missing.code),
        (2, 2, 2),
        "{}{}{}",
        region.err,
        login.err,
        missing.err
    );
    assert!(
        region
            .error()
            .contains("`atlantis-1` is no Genesys Cloud region"),
        "{}",
        region.err
    );
    assert!(
        login.err.contains("how to go on: check GENESYS_CLIENT_ID"),
        "{}",
        login.err
    );
    assert_eq!(
        missing.error(),
        "GENESYS_REGION, GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET are not set"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_cannot_hold_an_archive_is_refused() {
    let world = World::new().await;
    let request = world.request(&format!("{{{DAYS}}}"));

    let file = world
        .run(&["export", "--request", &request, "--out", &request])
        .await;
    let bucket = world
        .run(&[
            "export",
            "--request",
            &request,
            "--out",
            "s3://bucket/prefix",
        ])
        .await;
    let nothing = world
        .run(&["export", "--request", "/no/such/file", "--out", "/tmp"])
        .await;

    assert_eq!(
        (file.code, bucket.code, nothing.code),
        (2, 2, 2),
        "{}{}{}",
        file.err,
        bucket.err,
        nothing.err
    );
    assert!(
        file.error()
            .starts_with(&format!("cannot write to the folder {request}")),
        "{}",
        file.err
    );
    assert!(
        bucket
            .error()
            .contains("archives in S3 are written by the deployed functions"),
        "{}",
        bucket.err
    );
    assert!(
        nothing
            .error()
            .starts_with("cannot read the request /no/such/file"),
        "{}",
        nothing.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_names_what_is_missing_and_what_was_touched() {
    let world = World::new().await;
    let nowhere = world.march("verify", &[]).await;
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
    let damaged = world.march("verify", &[]).await;

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
async fn the_demo_ends_well_and_takes_nothing_from_the_environment() {
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
