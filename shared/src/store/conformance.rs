//! What every archive store promises, as checks that name the promise they saw broken.
//!
//! The store must be empty. Left out: `key` beside `key/child`, which S3 can hold and a folder cannot; the archive has
//! no such keys.

use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream;

use super::{ArchiveStore, Listed, Object, Stored};

/// In byte order. A folder by folder order would have `odd/a/…` before `odd/a-b/…`.
const ODD_KEYS: [&str; 12] = [
    "odd/A/z",
    "odd/a b+c=d/e",
    "odd/a!",
    "odd/a-b/x",
    "odd/a.b",
    "odd/a/b/c",
    "odd/a/x",
    "odd/a/y%2Fz",
    "odd/a0",
    "odd/aa",
    "odd/b&<c>'d'",
    "odd/é/ü~",
];

/// Objects on one page of a listing.
const PAGE: usize = 1_000;

/// Runs every check; panics at the first broken promise.
pub async fn store_conformance(store: &dyn ArchiveStore) {
    an_absent_object_is_none(store).await;
    an_object_reads_back_byte_for_byte(store).await;
    a_second_create_changes_nothing(store).await;
    of_sixteen_concurrent_creates_one_wins(store).await;
    replace_overwrites_and_creates(store).await;
    a_reader_never_sees_half_an_object(store).await;
    a_deleted_object_is_gone_and_deleting_it_again_is_no_error(store).await;
    a_listing_is_in_byte_order_whatever_the_keys(store).await;
    a_listing_starts_with_the_prefix_and_after_the_key(store).await;
    a_listing_pages_past_a_thousand_objects(store).await;
    a_uri_names_its_key(store);
}

async fn an_absent_object_is_none(store: &dyn ArchiveStore) {
    for key in ["absent", "absent/too", "absent/far/below"] {
        let body = read(store, key).await;
        assert_eq!(body, None, "an absent object is none: {key}");
    }
}

async fn an_object_reads_back_byte_for_byte(store: &dyn ArchiveStore) {
    let every_byte: Vec<u8> = (0..=255).cycle().take(1 << 19).collect();
    for (key, body) in [
        ("reads/empty", Vec::new()),
        ("reads/every-byte", every_byte),
    ] {
        create(store, key, &body).await;

        let stored = read(store, key).await;

        assert!(
            stored.as_deref() == Some(&body[..]),
            "an object reads back byte for byte: {key}"
        );
    }
    let folder = read(store, "reads").await;
    assert_eq!(folder, None, "what other keys begin with is no object");
}

async fn a_second_create_changes_nothing(store: &dyn ArchiveStore) {
    let first = create(store, "create/twice", b"first").await;
    let second = create(store, "create/twice", b"second").await;

    assert_eq!(first, Stored::Created, "the first create creates");
    assert_eq!(
        second,
        Stored::AlreadyThere,
        "the second create is told that something is there"
    );
    let stored = read(store, "create/twice").await;
    assert_eq!(
        stored.as_deref(),
        Some(&b"first"[..]),
        "a second create changes nothing"
    );
}

async fn of_sixteen_concurrent_creates_one_wins(store: &dyn ArchiveStore) {
    for round in 0..4 {
        let key = format!("race/new-folder-{round}/object");
        let bodies: Vec<String> = (0..16).map(|writer| format!("writer {writer}")).collect();

        let outcomes = join_all(
            bodies
                .iter()
                .map(|body| create(store, &key, body.as_bytes())),
        )
        .await;

        let winners: Vec<&String> = bodies
            .iter()
            .zip(outcomes)
            .filter(|(_, o)| *o == Stored::Created)
            .map(|(body, _)| body)
            .collect();
        assert_eq!(winners.len(), 1, "of sixteen concurrent creates one wins");
        let stored = read(store, &key).await;
        assert_eq!(
            stored.as_deref(),
            Some(winners[0].as_bytes()),
            "what the winner wrote is stored"
        );
    }
}

async fn replace_overwrites_and_creates(store: &dyn ArchiveStore) {
    create(store, "replace/present", b"a longer one").await;

    for key in ["replace/present", "replace/absent"] {
        replace(store, key, b"new").await;

        let stored = read(store, key).await;
        assert_eq!(
            stored.as_deref(),
            Some(&b"new"[..]),
            "replace overwrites and creates: {key}"
        );
        let after = create(store, key, b"later").await;
        assert_eq!(
            after,
            Stored::AlreadyThere,
            "what replace wrote is there for a create"
        );
    }
}

async fn a_reader_never_sees_half_an_object(store: &dyn ArchiveStore) {
    let bodies = [b'a', b'b'].map(|letter| vec![letter; 100_000]);
    replace(store, "whole/object", &bodies[0]).await;

    let write = async {
        for round in 0..20 {
            replace(store, "whole/object", &bodies[round % 2]).await;
        }
    };
    let read = async {
        for _ in 0..40 {
            let stored = read(store, "whole/object").await.unwrap_or_default();
            assert!(
                bodies.iter().any(|body| stored == body),
                "a reader never sees half an object"
            );
        }
    };

    futures::join!(write, read);
}

async fn a_deleted_object_is_gone_and_deleting_it_again_is_no_error(store: &dyn ArchiveStore) {
    create(store, "delete/object", b"here").await;

    for time in ["once", "twice"] {
        let outcome = store.delete("delete/object").await;
        assert!(outcome.is_ok(), "deleting {time} is no error: {outcome:?}");
        let stored = read(store, "delete/object").await;
        assert_eq!(stored, None, "a deleted object is gone");
    }
    let outcome = store.delete("delete/never/was").await;
    assert!(
        outcome.is_ok(),
        "deleting what never was is no error: {outcome:?}"
    );
    let again = create(store, "delete/object", b"again").await;
    assert_eq!(
        again,
        Stored::Created,
        "a deleted object can be created again"
    );
}

async fn a_listing_is_in_byte_order_whatever_the_keys(store: &dyn ArchiveStore) {
    for key in ODD_KEYS.iter().rev() {
        create(store, key, key.as_bytes()).await;
    }

    let listed = list(store, "odd/", None).await;

    let expected: Vec<Listed> = ODD_KEYS
        .iter()
        .map(|key| Listed {
            key: (*key).into(),
            size_bytes: key.len() as u64,
        })
        .collect();
    assert_eq!(
        listed, expected,
        "a listing is in byte order, with sizes, whatever the keys"
    );
    for key in ODD_KEYS {
        let stored = read(store, key).await;
        assert_eq!(
            stored.as_deref(),
            Some(key.as_bytes()),
            "an odd key reads back"
        );
    }
}

/// On the objects of the check before.
async fn a_listing_starts_with_the_prefix_and_after_the_key(store: &dyn ArchiveStore) {
    for prefix in [
        "odd", "odd/a", "odd/a/", "odd/a/b", "odd/a/x", "odd/a-", "odd/x", "od", "nowhere/",
        "odd//",
    ] {
        for after in ODD_KEYS.iter().chain(&[
            "odd/", "odd/a/", "odd/a/b", "odd/a/zz", "odd/a-b/", "a", "z",
        ]) {
            let expected: Vec<&str> = ODD_KEYS
                .into_iter()
                .filter(|key| key.starts_with(prefix) && key > after)
                .collect();

            let listed = list(store, prefix, Some(after)).await;

            let keys: Vec<&str> = listed.iter().map(|object| object.key.as_str()).collect();
            assert_eq!(
                keys, expected,
                "a listing holds what starts with {prefix} and comes after {after}"
            );
        }
    }
}

async fn a_listing_pages_past_a_thousand_objects(store: &dyn ArchiveStore) {
    let keys: Vec<String> = (0..PAGE + 5)
        .map(|i| format!("many/{:02}/page-{i:06}", i / 500))
        .collect();
    let full = store_keys(store, &keys[..PAGE]).await;
    assert!(
        !full.truncated,
        "a thousand objects are one page and no more"
    );

    let first = store_keys(store, &keys[PAGE..]).await;

    assert_eq!(first.objects.len(), PAGE, "a page holds a thousand objects");
    assert!(first.truncated, "a page that is not the last says so");
    let rest = store
        .list("many/", Some(&keys[PAGE - 1]))
        .await
        .unwrap_or_else(broken("a second page is listed"));
    assert!(!rest.truncated, "the last page says so");
    let listed: Vec<String> = first
        .objects
        .into_iter()
        .chain(rest.objects)
        .map(|object| object.key)
        .collect();
    assert!(listed == keys, "the pages together hold every object once");
}

fn a_uri_names_its_key(store: &dyn ArchiveStore) {
    let uri = store.uri("exports/one/manifest.json");

    assert!(
        uri.ends_with("exports/one/manifest.json"),
        "a uri names its key: {uri}"
    );
}

async fn store_keys(store: &dyn ArchiveStore, keys: &[String]) -> super::Listing {
    stream::iter(keys)
        .for_each_concurrent(16, |key| async move {
            create(store, key, b"x").await;
        })
        .await;
    store
        .list("many/", None)
        .await
        .unwrap_or_else(broken("a page is listed"))
}

async fn create(store: &dyn ArchiveStore, key: &str, body: &[u8]) -> Stored {
    store
        .create(object(key, body))
        .await
        .unwrap_or_else(broken("a create is answered"))
}

async fn replace(store: &dyn ArchiveStore, key: &str, body: &[u8]) {
    store
        .replace(object(key, body))
        .await
        .unwrap_or_else(broken("a replace succeeds"));
}

async fn read(store: &dyn ArchiveStore, key: &str) -> Option<Bytes> {
    store
        .get(key)
        .await
        .unwrap_or_else(broken("a read is answered"))
}

async fn list(store: &dyn ArchiveStore, prefix: &str, after: Option<&str>) -> Vec<Listed> {
    store
        .list(prefix, after)
        .await
        .unwrap_or_else(broken("a listing is answered"))
        .objects
}

fn object(key: &str, body: &[u8]) -> Object {
    Object {
        key: key.to_owned(),
        body: Bytes::copy_from_slice(body),
        content_type: "application/octet-stream",
        content_encoding: None,
    }
}

fn broken<T>(promise: &str) -> impl FnOnce(super::StoreError) -> T {
    move |error| panic!("{promise}: {error:?}")
}
