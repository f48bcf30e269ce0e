//! Stores that implement only a part of the S3 protocol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hyper::Method;

use crate::loopback::{Loopback, RecordedRequest, StatusAndBody};
use crate::world::{CommandOutput, DAYS, World};

/// How a store deviates from S3.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StoreDefect {
    IgnoresConditions,
    RefusesChecksums,
}

type Objects = BTreeMap<String, Bytes>;

struct Store {
    server: Loopback,
    objects: Arc<Mutex<Objects>>,
}

impl Store {
    async fn with(defect: StoreDefect) -> Self {
        let objects = Arc::new(Mutex::new(Objects::new()));
        let shared = Arc::clone(&objects);
        let server = Loopback::start(move |request| {
            let is_checked = request
                .headers
                .iter()
                .any(|(name, _)| name.contains("checksum"));
            if defect == StoreDefect::RefusesChecksums && is_checked {
                return error(501, "NotImplemented");
            }
            respond(&mut shared.lock().unwrap(), request, defect)
        })
        .await;
        Self { server, objects }
    }

    /// The keys of all writes, in order.
    fn written(&self) -> Vec<String> {
        let requests = self.server.requests().into_iter();
        let puts = requests.filter(|request| request.method == Method::PUT);
        puts.map(|request| request.path).collect()
    }

    async fn export(&self, world: &mut World, more: &[(&'static str, &str)]) -> CommandOutput {
        let settings = [
            ("AWS_ENDPOINT_URL", self.server.url.as_str()),
            ("AWS_S3_FORCE_PATH_STYLE", "true"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        for (name, value) in settings.iter().chain(more) {
            world.set(name, value);
        }
        let request = world.request(&format!(r#"{{"exportId":"march",{DAYS}}}"#));
        world
            .run(&["export", "--request", &request, "--out", "s3://archive"])
            .await
    }
}

fn error(status: u16, code: &str) -> StatusAndBody {
    let body = format!("<Error><Code>{code}</Code><Message>as scripted</Message></Error>");
    (status, body.into())
}

fn respond(objects: &mut Objects, request: &RecordedRequest, defect: StoreDefect) -> StatusAndBody {
    let key = request
        .path
        .trim_start_matches("/archive")
        .trim_matches('/');
    let is_conditional =
        request.has_header("if-none-match") && defect != StoreDefect::IgnoresConditions;
    match request.method {
        Method::PUT if is_conditional && objects.contains_key(key) => {
            error(412, "PreconditionFailed")
        }
        Method::PUT => {
            objects.insert(key.to_owned(), request.body.clone());
            (200, Bytes::new())
        }
        Method::DELETE => {
            objects.remove(key);
            (204, Bytes::new())
        }
        Method::GET if key.is_empty() => (200, listing(objects, &request.query).into()),
        Method::GET => objects
            .get(key)
            .map_or_else(|| error(404, "NoSuchKey"), |body| (200, body.clone())),
        _ => (200, Bytes::new()),
    }
}

fn listing(objects: &Objects, query: &str) -> String {
    let parameter = |name: &str| {
        let mut all = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = all.find(|(known, _)| *known == name);
        found.map_or(String::new(), |(_, value)| value.replace("%2F", "/"))
    };
    let (prefix, after) = (parameter("prefix"), parameter("start-after"));
    let keys = objects
        .keys()
        .filter(|key| key.starts_with(&prefix) && **key > after);
    let entries = keys.map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"));
    let entries: String = entries.collect();
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_overwrites_is_refused_before_anything_is_archived() {
    let mut world = World::new().await;
    let store = Store::with(StoreDefect::IgnoresConditions).await;

    let export = store.export(&mut world, &[]).await;
    let resume = world
        .run(&["resume", "--out", "s3://archive", "march"])
        .await;

    for output in [&export, &resume] {
        assert_eq!(output.code, 2, "{}", output.err);
        assert_eq!(
            output.error(),
            "the store of s3://archive/ ignores conditional writes: a PutObject with If-None-Match overwrites an existing object"
        );
        assert!(output.err.contains("hint: "), "{}", output.err);
    }
    let written = store.written();
    assert_eq!(written.len(), 4, "{written:?}");
    assert!(
        written
            .iter()
            .all(|key| key.starts_with("/archive/checks/"))
    );
    assert!(store.objects.lock().unwrap().is_empty());
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_checksums_works_once_the_settings_disable_them() {
    let mut world = World::new().await;
    let store = Store::with(StoreDefect::RefusesChecksums).await;
    let request = ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required");
    let response = ("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required");

    let refused = store.export(&mut world, &[]).await;
    let half = store.export(&mut world, &[request]).await;
    let unknown = store
        .export(&mut world, &[("AWS_RESPONSE_CHECKSUM_VALIDATION", "never")])
        .await;
    let done = store.export(&mut world, &[request, response]).await;

    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(
        refused
            .error()
            .ends_with("set AWS_REQUEST_CHECKSUM_CALCULATION=when_required"),
        "{}",
        refused.err
    );
    assert!(
        half.error()
            .ends_with("set AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"),
        "{}",
        half.err
    );
    assert_eq!(
        unknown.error(),
        "AWS_RESPONSE_CHECKSUM_VALIDATION is `never`: when_supported or when_required"
    );
    assert_eq!((unknown.code, done.code), (2, 0), "{}", done.err);
    let written = store.written();
    assert!(
        written
            .iter()
            .any(|key| key.ends_with("/march/manifest.json"))
    );
}
