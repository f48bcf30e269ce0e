//! The consumers of docs/downstream.md load a complete export: the template with the rule is deployed next to the stack,
//! and the events of S3 reach the consumers in Python and in Rust.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use genesys_simulator::{Faults, Route, Settings, Simulator};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::deployment::{Deployment, wait_until};
use consumer::Consumer;

mod consumer;

const CONVERSATIONS: usize = 2_000;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/examples");

/// The documented event.
const EVENT: &str = include_str!("../../infra/examples/events/manifest-created.json");

/// Pause between the eight pieces of a page's body: the export does not end before its job is lost.
const PIECE_PAUSE: Duration = Duration::from_millis(100);

/// A change to the manifest of a complete export.
struct Alteration {
    export: &'static str,
    change: fn(&mut Value),
    /// What the consumers log if they must not load it.
    refusal: Option<&'static str>,
}

const ALTERATIONS: [Alteration; 6] = [
    Alteration {
        export: "gaps",
        change: |manifest| {
            manifest["status"] = json!("completed_with_gaps");
            manifest["laterField"] = json!({"any": true});
        },
        refusal: None,
    },
    Alteration {
        export: "unfinished",
        change: |manifest| manifest["status"] = json!("failed"),
        refusal: Some("is not complete: failed"),
    },
    Alteration {
        export: "newer",
        change: |manifest| manifest["formatVersion"] = json!(2),
        refusal: Some("format version"),
    },
    Alteration {
        export: "copied",
        change: |manifest| manifest["exportId"] = json!("complete"),
        refusal: Some("is that of another export"),
    },
    Alteration {
        export: "grown",
        change: |manifest| first_page(manifest)["sizeBytes"] = json!(1),
        refusal: Some(" bytes"),
    },
    Alteration {
        export: "changed",
        change: |manifest| first_page(manifest)["sha256"] = json!("00"),
        refusal: Some("another SHA-256"),
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_consumers_load_every_row_of_an_export_once() {
    let simulator = Simulator::start(organisation()).await.expect("a simulator");
    let mut deployment = Deployment::up(&[]).await;
    let parameters = ["GenesysApiUrl", "GenesysLoginUrl"]
        .map(|name| format!("{name}={}", simulator.url().as_str().trim_end_matches('/')));
    deployment.redeploy(&[&parameters[0], &parameters[1]]).await;
    let script = format!("{EXAMPLES}/consumer/consumer.py");
    let python = vec![deployment.python().join("bin/python"), script.into()];
    let rust = vec![env!("CARGO_BIN_EXE_example-consumer").into()];
    let consumers = [
        Consumer::deploy(&deployment, "python", python).await,
        Consumer::deploy(&deployment, "rust", rust).await,
    ];

    check_pattern(&deployment).await;
    export_with_superseded_pages(&deployment, &simulator).await;
    for consumer in &consumers {
        check_all_rows(consumer).await;
        check_repeated_event(&deployment, consumer).await;
    }
    check_refusals(&deployment, &consumers).await;
}

fn organisation() -> Settings {
    Settings {
        conversations: CONVERSATIONS,
        job_ready_after: Duration::ZERO,
        rate_per_minute: 0,
        faults: Faults {
            slow: 1.0,
            slow_pause: PIECE_PAUSE,
            only_routes: Some(vec![Route::JobResults]),
            ..Faults::default()
        },
        ..Settings::default()
    }
}

/// The rule matches the documented event, and no other object of an archive.
async fn check_pattern(deployment: &Deployment) {
    let event = event(deployment, "").to_string();
    let keys = [
        "exports/nightly/manifest.json",
        "exports/nightly/failed-01.json",
        "exports/nightly/slices/0001/r01/page-000001.record.json",
        "exports/nightly/slices/0001/r01/page-000001-b76d96c0.ndjson.gz",
        "other/exports/nightly/manifest.json",
    ];

    let fires = [&["fires", "python", &event], &keys[..]].concat();
    let fires = deployment.aws(&fires).await;

    assert_eq!(fires, json!([true, false, false, false, false]));
}

/// Exports all conversations. The first job of each slice is lost, so that the pages read from it do not count.
async fn export_with_superseded_pages(deployment: &Deployment, simulator: &Simulator) {
    let request = deployment.request(&json!({
        "exportId": "complete", "interval": "2026-03-01T00:00:00Z/2026-03-03T00:00:00Z",
        "slices": 2, "pageSize": 100,
    }));
    let started = deployment.start(&["start", "--json", "--request", &request]);
    wait_until("the first pages", async || {
        page_objects(deployment).await >= 3
    })
    .await;

    simulator.expire_jobs();
    simulator.set_faults(Faults::default());
    let ended = started.wait().await;

    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let ended: Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(ended["status"], "completed");
    assert_eq!(ended["counts"]["archived"], CONVERSATIONS);
    let manifest = read(deployment, "exports/complete/manifest.json").await;
    let named = String::from_utf8_lossy(&manifest)
        .matches(".ndjson.gz")
        .count();
    let stored = page_objects(deployment).await;
    assert!(named < stored, "{named} of {stored} page objects count");
}

async fn check_all_rows(consumer: &Consumer<'_>) {
    consumer.wait_for_messages(1).await;

    let ended = consumer.run().await;

    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let rows = consumer.rows("complete");
    let rows: Vec<Value> = rows
        .lines()
        .map(|row| serde_json::from_str(row).expect("JSON"))
        .collect();
    let ids: BTreeSet<_> = rows
        .iter()
        .map(|row| row["conversationId"].as_str())
        .collect();
    assert_eq!(rows.len(), CONVERSATIONS);
    assert_eq!(ids.len(), CONVERSATIONS, "each conversation once");
    println!("{} of {CONVERSATIONS} rows", rows.len());
}

/// An event that comes again, and one of another object, change nothing.
async fn check_repeated_event(deployment: &Deployment, consumer: &Consumer<'_>) {
    let (loaded, modified) = (consumer.loaded(), consumer.modified("complete"));
    for key in [
        "exports/complete/manifest.json",
        "exports/complete/request.json",
    ] {
        consumer.send(&event(deployment, key)).await;
    }

    let ended = consumer.run().await;

    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert_eq!(consumer.loaded(), loaded);
    assert_eq!(consumer.modified("complete"), modified);
}

/// Each manifest that must not be loaded fails alone. One with a status and a field of a later version is loaded.
async fn check_refusals(deployment: &Deployment, consumers: &[Consumer<'_>]) {
    let complete = read(deployment, "exports/complete/manifest.json").await;
    let complete: Value = serde_json::from_slice(&complete).expect("JSON");
    for alteration in &ALTERATIONS {
        let mut manifest = complete.clone();
        manifest["exportId"] = json!(alteration.export);
        (alteration.change)(&mut manifest);
        write(deployment, alteration.export, sealed(manifest)).await;
    }
    let unsealed = complete.to_string().replace("complete", "cut");
    write(deployment, "cut", unsealed.into_bytes()).await;

    for consumer in consumers {
        consumer.wait_for_messages(ALTERATIONS.len() + 1).await;
        let ended = consumer.run().await;

        assert_eq!(ended.code, Some(1));
        let loaded = ["complete.ndjson", "gaps.ndjson"].map(str::to_owned);
        assert_eq!(consumer.loaded(), loaded.into());
        assert_eq!(consumer.rows("gaps"), consumer.rows("complete"));
        let refusals = ALTERATIONS.iter().filter_map(|it| it.refusal);
        for refusal in refusals.chain(["cut is damaged"]) {
            assert!(ended.err.contains(refusal), "{refusal}: {}", ended.err);
        }
    }
}

/// The documented event for a key of this deployment.
fn event(deployment: &Deployment, key: &str) -> Value {
    let mut event: Value = serde_json::from_str(EVENT).expect("JSON");
    event["detail"]["bucket"]["name"] = json!(deployment.bucket());
    event["detail"]["object"]["key"] = json!(key);
    event
}

fn first_page(manifest: &mut Value) -> &mut Value {
    &mut manifest["content"]["slices"][0]["pages"][0]["objects"]["page"]
}

/// The document with a new seal, as docs/format.md describes it.
fn sealed(mut document: Value) -> Vec<u8> {
    let fields = document.as_object_mut().expect("an object");
    fields.shift_remove("seal");
    let text = document.to_string();
    let digest = Sha256::digest(&text);
    let digest = digest
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let open = text.strip_suffix('}').expect("an object");
    format!("{open},\"seal\":\"{digest}\"}}\n").into_bytes()
}

/// Number of page objects of the export, of all runs.
async fn page_objects(deployment: &Deployment) -> usize {
    let s3 = deployment.clients().await.s3();
    let list = s3.list_objects_v2().bucket(deployment.bucket());
    let listed = list.prefix("exports/complete/slices/").send().await;
    let objects = listed.expect("a listing").contents.unwrap_or_default();
    let keys = objects.iter().filter_map(|object| object.key());
    keys.filter(|key| key.ends_with(".ndjson.gz")).count()
}

async fn read(deployment: &Deployment, key: &str) -> Vec<u8> {
    let s3 = deployment.clients().await.s3();
    let get = s3.get_object().bucket(deployment.bucket()).key(key);
    let object = get.send().await.expect("an object");
    object.body.collect().await.expect("a body").to_vec()
}

/// Writes the manifest of an export, of which S3 sends an event.
async fn write(deployment: &Deployment, export: &str, manifest: Vec<u8>) {
    let s3 = deployment.clients().await.s3();
    let put = s3.put_object().bucket(deployment.bucket());
    let key = format!("exports/{export}/manifest.json");
    let put = put.key(key).body(ByteStream::from(manifest));
    put.send().await.expect("written");
}
