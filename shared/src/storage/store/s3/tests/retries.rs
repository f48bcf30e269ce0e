//! Bodies that break off, and throttling that lasts longer than the SDK's retries.

use super::*;

fn cut_off() -> Reply {
    Reply::CutOff {
        announced: 100,
        body: vec![0; 40],
    }
}

fn slow_down() -> Reply {
    Reply::s3_error(503, "SlowDown")
}

/// A store that throttles the first `replies` requests. Each call makes three requests, since the tests' SDK hardly
/// waits.
async fn throttled_at_first(replies: usize, then: fn() -> Reply) -> FakeAws {
    let left = Mutex::new(replies);
    FakeAws::start(move |_| {
        let mut left = left.lock().unwrap();
        if *left == 0 {
            return then();
        }
        *left -= 1;
        slow_down()
    })
    .await
}

fn retrying_store(fake: &FakeAws) -> S3Store {
    store(fake, None).with_retries_for(Duration::from_mins(2))
}

#[tokio::test]
async fn a_truncated_object_is_read_again() {
    let fake =
        FakeAws::with_replies([cut_off as fn() -> Reply, cut_off, || Reply::ok("whole")]).await;
    let store = store(&fake, None);
    let start = store.clock.now();

    let body = store.get("k").await.unwrap();

    assert_eq!(body, Some(Bytes::from_static(b"whole")));
    assert_eq!(fake.hits(), 3);
    assert!(store.clock.now() > start, "it waits in between");
}

#[tokio::test]
async fn an_always_truncated_object_is_transient_after_five_reads() {
    let fake = FakeAws::with_replies([cut_off as fn() -> Reply]).await;

    let error = store(&fake, None).get("k").await.unwrap_err();

    assert!(error.is_transient(), "{error:?}");
    assert_eq!(fake.hits(), 5);
}

#[tokio::test]
async fn an_object_deleted_while_it_is_read_is_absent() {
    let fake = FakeAws::with_replies([cut_off as fn() -> Reply, || {
        Reply::s3_error(404, "NoSuchKey")
    }])
    .await;

    assert_eq!(store(&fake, None).get("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_patient_store_outlasts_throttling_on_every_call() {
    const LISTING: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

    let body = retrying_store(&throttled_at_first(9, || Reply::ok("b")).await)
        .get("k")
        .await;
    let created = retrying_store(&throttled_at_first(9, || Reply::ok("")).await)
        .create(object())
        .await;
    let replaced = retrying_store(&throttled_at_first(9, || Reply::ok("")).await)
        .replace(object())
        .await;
    let deleted = retrying_store(&throttled_at_first(9, || Reply::status(204)).await)
        .delete("k")
        .await;
    let listed = retrying_store(&throttled_at_first(9, || Reply::ok(LISTING)).await)
        .list("", None)
        .await;
    let found = retrying_store(&throttled_at_first(9, || Reply::ok("")).await)
        .find_bucket()
        .await;
    let messages = retrying_store(&throttled_at_first(9, || Reply::ok("")).await)
        .encryption("k")
        .await;

    assert_eq!(body.unwrap(), Some(Bytes::from_static(b"b")));
    assert_eq!(created.unwrap(), Stored::Created);
    replaced.unwrap();
    deleted.unwrap();
    assert!(listed.unwrap().objects.is_empty());
    assert_eq!(found.unwrap(), None);
    messages.unwrap();
}

#[tokio::test]
async fn a_patient_store_gives_up_after_two_minutes_of_throttling() {
    let fake = FakeAws::with_replies([slow_down as fn() -> Reply]).await;
    let store = retrying_store(&fake);
    let start = store.clock.now();

    let read = store.get("k").await.unwrap_err();
    let waited = store.clock.now().duration_since(start);
    let found = store.find_bucket().await.unwrap_err();

    assert!(read.is_transient());
    assert!((120..135).contains(&waited.as_secs()), "waited {waited}");
    assert_eq!(
        format!("{:#}", anyhow::Error::from(found)),
        "the bucket archive is temporarily unavailable: S3 returned 503"
    );
}

#[tokio::test]
async fn throttling_of_one_store_takes_no_retries_from_another() {
    let throttled = FakeAws::with_replies([slow_down as fn() -> Reply]).await;
    let retrying = retrying_store(&throttled);
    for _ in 0..3 {
        retrying.get("k").await.unwrap_err();
    }

    let fake = throttled_at_first(2, || Reply::ok("b")).await;
    let body = store(&fake, None).get("k").await;

    assert!(body.is_ok(), "{body:?}");
}

#[tokio::test]
async fn an_unresponsive_bucket_is_reported_without_waiting() {
    let fake = FakeAws::with_replies([(|| Reply::HangUp) as fn() -> Reply]).await;
    let store = retrying_store(&fake);
    let start = store.clock.now();

    let error = store.find_bucket().await.unwrap_err();

    assert!(
        matches!(error, BucketError::Unavailable { .. }),
        "{error:?}"
    );
    assert_eq!(store.clock.now(), start);
}

#[tokio::test]
async fn throttling_by_status_alone_is_retried_and_transient() {
    for status in [408, 429] {
        let refusals = Mutex::new(2);
        let fake = FakeAws::start(move |_| {
            let mut refusals = refusals.lock().unwrap();
            if *refusals == 0 {
                return Reply::ok("");
            }
            *refusals -= 1;
            Reply::status(status)
        })
        .await;

        let created = store(&fake, None).create(object()).await;

        assert_eq!(created.unwrap(), Stored::Created, "{status}");
        let fake = FakeAws::start(move |_| Reply::status(status)).await;
        let error = store(&fake, None).get("k").await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
    }
}

#[tokio::test]
async fn not_implemented_is_permanent_and_not_retried() {
    let fake =
        FakeAws::with_replies([(|| Reply::s3_error(501, "NotImplemented")) as fn() -> Reply]).await;

    let error = retrying_store(&fake).create(object()).await.unwrap_err();

    assert!(!error.is_transient());
    assert_eq!(fake.hits(), 1);
}
