//! Everything that is refused: one line, the right exit code, and no request sent.

use std::path::PathBuf;

use conversation_archive::storage::store::FolderStore;
use genesys_simulator::Settings;

use crate::world::{DAYS, World, files};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_folder_is_refused_before_any_request() {
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
            "the request cannot be parsed: EOF while parsing",
        ),
        (
            r#"{"interval":"2026-03-03T00:00:00Z/2026-03-01T00:00:00Z"}"#,
            "ends at or before its start; the earlier timestamp comes first",
        ),
        (
            r#"{"interval":"2015-03-01T00:00:00Z/2015-03-02T00:00:00Z"}"#,
            "conversations are kept for 365 days",
        ),
        (
            &format!("{{{DAYS},\"pagesize\":5}}"),
            "unknown field `pagesize`",
        ),
        (
            &format!("{{{DAYS},\"pageSize\":5000}}"),
            "`pageSize` is 5000: analytics-job supports 1 to 1000",
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
            &format!("{{{DAYS},\"redaction\":{{\"mode\":\"hash\"}}}}"),
            "`redaction.mode` is hash: no key is set; set REDACTION_KEY",
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
async fn a_gateway_export_over_its_quota_is_refused_before_it_starts() {
    let world = World::with(Settings {
        gateway_records: 2_000,
        ..Settings::default()
    })
    .await;

    let refused = world
        .export(&format!(
            r#"{{"source":"export-gateway",{DAYS},"quotaMb":1}}"#
        ))
        .await;

    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused
            .error()
            .starts_with("`quotaMb` is 1: 2000 records at about 700 bytes each"),
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
            .contains("`atlantis-1` is not a Genesys Cloud region"),
        "{}",
        region.err
    );
    assert!(
        login
            .error()
            .ends_with("check GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and GENESYS_LOGIN_URL"),
        "{}",
        login.err
    );
    assert_eq!(
        missing.error(),
        "GENESYS_REGION, GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET are not set"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_ends_alike_for_each_source() {
    let mut world = World::new().await;
    world.set("GENESYS_CLIENT_SECRET", "wrong");
    // Without a request for the retention, a job makes no request before its plan either.
    world.set("ARCHIVE_RETENTION_DAYS", "3650");
    let ids = r#""filters":{"conversationIds":["0f8fad5b-d9cb-469f-a165-70867728950e"]}"#;
    let sources = [
        ("analytics-job", DAYS.to_owned()),
        ("analytics-query", DAYS.to_owned()),
        ("export-gateway", DAYS.to_owned()),
        ("history-gateway", format!("{DAYS},{ids}")),
        ("transcripts", ids.to_owned()),
    ];

    for (source, more) in sources {
        let refused = world
            .export(&format!(r#"{{"source":"{source}",{more}}}"#))
            .await;

        assert_eq!(refused.code, 2, "{source}: {}", refused.err);
        assert!(
            refused.error().starts_with("login at 127.0.0.1 failed: "),
            "{source}: {}",
            refused.err
        );
        let written = files(&world.out()).into_iter();
        let written: Vec<_> = written
            .filter(|file| !file.starts_with(world.out().join(".locks")))
            .collect();
        assert_eq!(written, Vec::<PathBuf>::new(), "{source}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unusable_place_or_request_file_is_refused() {
    let world = World::new().await;
    let request = world.request(&format!("{{{DAYS}}}"));

    let file = world
        .run(&["export", "--request", &request, "--out", &request])
        .await;
    let bucket = world
        .run(&["export", "--request", &request, "--out", "s3:///prefix"])
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
        bucket.err.contains(
            "s3:///prefix does not name a bucket: write s3://bucket or s3://bucket/prefix"
        ),
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
async fn an_s3_export_without_region_or_credentials_is_refused() {
    let mut world = World::new().await;
    let request = world.request(&format!("{{{DAYS}}}"));
    let export = ["export", "--request", &request, "--out", "s3://bucket/a"];
    // The test must not query the metadata endpoint of EC2 for credentials.
    world.set("AWS_EC2_METADATA_DISABLED", "true");

    let region = world.run(&export).await;
    world.set("AWS_REGION", "eu-central-1");
    let credentials = world.run(&export).await;
    world.set("AWS_S3_FORCE_PATH_STYLE", "yes");
    let style = world.run(&export).await;

    assert_eq!((region.code, credentials.code, style.code), (2, 2, 2));
    assert_eq!(
        region.error(),
        "AWS_REGION is not set, and no profile names a region"
    );
    assert!(
        credentials.error().starts_with("no usable AWS credentials"),
        "{}",
        credentials.err
    );
    assert!(
        credentials.err.contains("hint: set AWS_PROFILE, or"),
        "{}",
        credentials.err
    );
    assert_eq!(
        style.error(),
        "AWS_S3_FORCE_PATH_STYLE is `yes`: true or false"
    );
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_request_is_refused_before_its_bucket_is_opened() {
    let world = World::new().await;
    let request = world.request(&format!(r#"{{{DAYS},"pageSize":0}}"#));

    let output = world
        .run(&["export", "--request", &request, "--out", "s3://bucket/a"])
        .await;

    assert_eq!(output.code, 2);
    assert!(output.error().contains("pageSize"), "{}", output.err);
    assert_eq!(world.simulator.stats().total_requests(), 0);
}
