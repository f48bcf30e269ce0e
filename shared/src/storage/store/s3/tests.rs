use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::storage::aws::fake::{FakeAws, Reply, Request, sdk_config};
use crate::storage::aws::{AwsClients, AwsSettings};
use crate::storage::store::conformance::STORE_PROMISES;

mod checksums;
mod retries;

pub(in crate::storage::store) fn store(fake: &FakeAws, prefix: Option<&str>) -> S3Store {
    let clients = AwsClients::new(
        sdk_config(fake),
        AwsSettings {
            force_path_style: true,
        },
    );
    let settings = S3Settings {
        bucket: "archive".into(),
        prefix: prefix.map(str::to_owned),
        kms_key_id: Some("alias/archive".into()),
    };
    let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
    S3Store::new(clients.s3(), settings).with_clock(clock)
}

fn object() -> Object {
    Object {
        key: "exports/e/page.ndjson.gz".into(),
        body: Bytes::from_static(b"hello"),
        content_type: "application/x-ndjson",
        content_encoding: Some("gzip"),
    }
}

fn conflict() -> Reply {
    Reply::s3_error(409, "ConditionalRequestConflict")
}

fn precondition_failed() -> Reply {
    Reply::s3_error(412, "PreconditionFailed")
}

fn access_denied() -> Reply {
    Reply::s3_error(403, "AccessDenied")
}

/// A fake bucket with the features that the store uses.
#[derive(Default)]
struct FakeBucket(Mutex<BTreeMap<String, Vec<u8>>>);

impl FakeBucket {
    fn answer(&self, request: &Request) -> Reply {
        let mut objects = self.0.lock().unwrap();
        let key = request
            .path
            .trim_start_matches("/archive")
            .trim_start_matches('/')
            .to_owned();
        match request.method.as_str() {
            "PUT" if request.header("if-none-match") == Some("*") && objects.contains_key(&key) => {
                precondition_failed()
            }
            "PUT" => {
                objects.insert(key, request.body.clone());
                Reply::ok("")
            }
            "DELETE" => {
                objects.remove(&key);
                Reply::status(204)
            }
            "GET" if key.is_empty() => Reply::ok(list(&objects, request)),
            "GET" => objects.get(&key).map_or_else(
                || Reply::s3_error(404, "NoSuchKey"),
                |body| Reply::ok(body.clone()),
            ),
            _ => Reply::status(405),
        }
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, request: &Request) -> String {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let after = request.parameter("start-after").unwrap_or_default();
    let mut found = objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
    let page: String = found.by_ref().take(1_000).map(entry).collect();
    let truncated = found.next().is_some();
    format!("<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{page}</ListBucketResult>")
}

fn entry((key, body): (&String, &Vec<u8>)) -> String {
    let key = key
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<Contents><Key>{key}</Key><Size>{}</Size></Contents>",
        body.len()
    )
}

async fn bucket_with(keys: &[&str]) -> FakeAws {
    let bucket = FakeBucket::default();
    let objects = keys.iter().map(|key| ((*key).to_owned(), Vec::new()));
    bucket.0.lock().unwrap().extend(objects);
    FakeAws::start(move |request| bucket.answer(request)).await
}

#[tokio::test]
async fn s3_keeps_every_promise_of_a_store() {
    for promise in STORE_PROMISES {
        let fake = bucket_with(&[]).await;

        let result = promise.run(&store(&fake, None)).await;

        assert!(result.is_ok(), "{result:?}");
    }
}

#[tokio::test]
async fn s3_with_a_prefix_keeps_every_promise_of_a_store() {
    let neighbours = [
        "backup",
        "backup-2/odd/a",
        "backup/team.txt",
        "backup/team/",
        "odd/a",
        "zoo",
    ];
    for promise in STORE_PROMISES {
        let fake = bucket_with(&neighbours).await;
        let store = store(&fake, Some("/backup/team/"));

        let result = promise.run(&store).await;

        assert!(result.is_ok(), "{result:?}");
        let everything = store.list("", None).await.unwrap().objects;
        let foreign = |key: &str| key.is_empty() || key.contains("team");
        assert!(everything.iter().all(|object| !foreign(&object.key)));
    }
}

/// A store that returns one key per page and ignores `start-after`.
fn page_of_three(request: &Request) -> Reply {
    let at: usize = request
        .parameter("continuation-token")
        .map_or(0, |token| token.parse().unwrap());
    let key = ["p/a", "p/b", "q"][at];
    let next = at + 1;
    let body = format!(
        "<ListBucketResult><IsTruncated>{}</IsTruncated><NextContinuationToken>{next}</NextContinuationToken><Contents><Key>{key}</Key></Contents></ListBucketResult>",
        next < 3
    );
    Reply::ok(body)
}

#[tokio::test]
async fn a_store_that_ignores_start_after_lists_nothing_twice() {
    let fake = FakeAws::start(page_of_three).await;
    let store = store(&fake, None);
    let keys = |listing: Listing| {
        let keys = listing.objects.into_iter().map(|object| object.key);
        (keys.collect::<Vec<_>>(), listing.truncated)
    };

    let first = keys(store.list("p/", None).await.unwrap());
    let second = keys(store.list("p/", Some("p/a")).await.unwrap());
    let third = keys(store.list("p/", Some("p/b")).await.unwrap());

    assert_eq!(first, (vec!["p/a".to_owned()], true));
    assert_eq!(second, (vec!["p/b".to_owned()], true));
    assert_eq!(third, (Vec::new(), false));
}

#[tokio::test]
async fn a_truncated_listing_without_new_keys_is_an_error() {
    let body = "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>";
    let fake = FakeAws::start(move |_| Reply::ok(body)).await;

    let error = store(&fake, None).list("", Some("a")).await.unwrap_err();

    assert!(!error.is_transient());
    assert_eq!(fake.hits(), 1);
}

#[tokio::test]
async fn a_uri_holds_bucket_and_prefix() {
    let fake = bucket_with(&[]).await;

    let uri = store(&fake, Some("/backup/team/")).uri("open/e");

    assert_eq!(uri, "s3://archive/backup/team/open/e");
}

#[tokio::test]
async fn a_create_carries_its_condition_checksum_encryption_and_types() {
    let fake = FakeAws::start(|_| Reply::ok("")).await;

    store(&fake, Some("p")).create(object()).await.unwrap();

    let request = &fake.requests()[0];
    let names = [
        "if-none-match",
        "x-amz-checksum-sha256",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "content-type",
        "content-encoding",
    ];
    let sent: Vec<String> = names
        .iter()
        .map(|n| format!("{n}: {}", request.header(n).unwrap_or("-")))
        .collect();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("PUT", "/archive/p/exports/e/page.ndjson.gz")
    );
    assert_eq!(request.body, b"hello");
    insta::assert_snapshot!(sent.join("\n"), @"
    if-none-match: *
    x-amz-checksum-sha256: LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=
    x-amz-server-side-encryption: aws:kms
    x-amz-server-side-encryption-aws-kms-key-id: alias/archive
    x-amz-server-side-encryption-bucket-key-enabled: true
    content-type: application/x-ndjson
    content-encoding: gzip
    ");
}

#[tokio::test]
async fn a_replace_is_unconditional_and_encrypted_only_with_a_key() {
    let fake = FakeAws::start(|_| Reply::ok("")).await;
    let store = S3Store {
        kms_key_id: None,
        ..store(&fake, None)
    };

    store.replace(object()).await.unwrap();

    let request = &fake.requests()[0];
    assert_eq!(request.header("if-none-match"), None);
    assert!(
        request
            .headers
            .iter()
            .all(|(name, _)| !name.starts_with("x-amz-server-side-encryption"))
    );
    assert!(request.header("x-amz-checksum-sha256").is_some());
}

#[tokio::test]
async fn a_failed_precondition_means_already_there() {
    let fake = FakeAws::with_replies([precondition_failed as fn() -> Reply]).await;

    let stored = store(&fake, None).create(object()).await.unwrap();

    assert_eq!((stored, fake.hits()), (Stored::AlreadyExists, 1));
}

#[tokio::test]
async fn a_write_whose_response_is_lost_is_found_already_there() {
    let bucket = FakeBucket::default();
    let first = Mutex::new(true);
    let fake = FakeAws::start(move |request| {
        let reply = bucket.answer(request);
        if std::mem::take(&mut *first.lock().unwrap()) {
            Reply::HangUp
        } else {
            reply
        }
    })
    .await;
    let store = store(&fake, None);

    let stored = store.create(object()).await.unwrap();

    assert_eq!((stored, fake.hits()), (Stored::AlreadyExists, 2));
    assert_eq!(store.get(&object().key).await.unwrap(), Some(object().body));
}

#[tokio::test]
async fn a_conflicting_create_is_retried() {
    let fake = FakeAws::with_replies([conflict as fn() -> Reply, conflict, || Reply::ok("")]).await;

    let stored = store(&fake, None).create(object()).await.unwrap();

    assert_eq!((stored, fake.hits()), (Stored::Created, 3));
}

#[tokio::test]
async fn a_retried_create_finds_the_object_of_the_winner() {
    let fake = FakeAws::with_replies([conflict as fn() -> Reply, precondition_failed]).await;

    let stored = store(&fake, None).create(object()).await.unwrap();

    assert_eq!(stored, Stored::AlreadyExists);
}

#[tokio::test]
async fn a_create_with_endless_conflicts_is_transient_within_seconds() {
    let fake = FakeAws::with_replies([conflict as fn() -> Reply]).await;
    let store = store(&fake, None);
    let start = store.clock.now();

    let error = store.create(object()).await.unwrap_err();

    assert!(error.is_transient());
    assert_eq!(fake.hits(), 5);
    let waited = store.clock.now().duration_since(start);
    assert!(
        waited.is_positive() && waited.as_secs() < 4,
        "waited {waited}"
    );
}

#[tokio::test]
async fn slow_down_is_transient_once_the_sdk_has_given_up() {
    let fake =
        FakeAws::with_replies([(|| Reply::s3_error(503, "SlowDown")) as fn() -> Reply]).await;

    let error = store(&fake, None).create(object()).await.unwrap_err();

    assert!(error.is_transient());
    assert_eq!(fake.hits(), 3);
}

#[tokio::test]
async fn requests_without_a_response_are_transient_errors() {
    let fake = FakeAws::with_replies([(|| Reply::HangUp) as fn() -> Reply]).await;
    let store = store(&fake, None);

    for error in [
        store.create(object()).await.unwrap_err(),
        store.get("k").await.unwrap_err(),
    ] {
        assert!(error.is_transient(), "{error:?}");
    }
}

#[tokio::test]
async fn denied_access_is_permanent_and_keeps_the_message_of_s3() {
    let fake = FakeAws::with_replies([access_denied as fn() -> Reply]).await;
    let store = store(&fake, None);

    let errors = [
        store.create(object()).await.unwrap_err(),
        store.replace(object()).await.unwrap_err(),
        store.get("k").await.unwrap_err(),
        store.delete("k").await.unwrap_err(),
        store.list("p", None).await.unwrap_err(),
    ];

    assert!(errors.iter().all(|error| !error.is_transient()));
    assert_eq!(fake.hits(), 5, "nothing is tried twice");
    let messages: Vec<String> = errors
        .into_iter()
        .map(|error| format!("{:#}", anyhow::Error::from(error)))
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    cannot create exports/e/page.ndjson.gz: S3 returned AccessDenied: as scripted; the role needs s3:PutObject on the object
    cannot replace exports/e/page.ndjson.gz: S3 returned AccessDenied: as scripted; the role needs s3:PutObject on the object
    cannot read k: S3 returned AccessDenied: as scripted; the role needs s3:GetObject on the object, and s3:ListBucket on the bucket
    cannot delete k: S3 returned AccessDenied: as scripted; the role needs s3:DeleteObject on the object
    cannot list p: S3 returned AccessDenied: as scripted; the role needs s3:ListBucket on the bucket
    ");
}

#[tokio::test]
async fn a_missing_bucket_is_not_a_missing_object() {
    let fake =
        FakeAws::with_replies([(|| Reply::s3_error(404, "NoSuchBucket")) as fn() -> Reply]).await;
    let store = store(&fake, None);

    let outcomes = [store.get("k").await.map(drop), store.delete("k").await];

    assert!(
        outcomes
            .iter()
            .all(|o| matches!(o, Err(StoreError::Permanent { .. }))),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_404_without_an_error_code_is_an_absent_object() {
    let fake = FakeAws::with_replies([(|| Reply::status(404)) as fn() -> Reply]).await;

    let body = store(&fake, None).get("k").await.unwrap();

    assert_eq!(body, None);
}

#[tokio::test]
async fn an_object_over_the_size_limit_is_not_written() {
    let fake = FakeAws::start(|_| Reply::ok("")).await;
    let store = store(&fake, None).with_max_object_bytes(4);

    let errors = [
        store.create(object()).await.unwrap_err(),
        store.replace(object()).await.unwrap_err(),
    ];

    assert_eq!(fake.hits(), 0);
    let messages = errors.map(|error| format!("{:#}", anyhow::Error::from(error)));
    insta::assert_snapshot!(messages.join("\n"), @"
    cannot create exports/e/page.ndjson.gz: the object has 5 bytes, more than 4
    cannot replace exports/e/page.ndjson.gz: the object has 5 bytes, more than 4
    ");
}

#[tokio::test]
async fn an_object_over_the_size_limit_is_not_returned() {
    let fake = FakeAws::start(|_| Reply::ok(vec![0; 11])).await;

    let refused = store(&fake, None)
        .with_max_object_bytes(10)
        .get("k")
        .await
        .unwrap_err();
    let taken = store(&fake, None)
        .with_max_object_bytes(11)
        .get("k")
        .await
        .unwrap();

    assert!(!refused.is_transient());
    assert_eq!(
        format!("{:#}", anyhow::Error::from(refused)),
        "cannot read k: the object has 11 bytes, more than 10"
    );
    assert_eq!(taken.map(|body| body.len()), Some(11));
}

#[tokio::test]
async fn bytes_with_a_wrong_checksum_are_not_returned() {
    let fake = FakeAws::start(|_| Reply::Response {
        status: 200,
        headers: vec![(
            "x-amz-checksum-sha256",
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=".into(),
        )],
        body: b"jello".to_vec(),
    })
    .await;

    let error = store(&fake, None).get("k").await.unwrap_err();

    assert!(error.is_transient(), "{error:?}");
}
