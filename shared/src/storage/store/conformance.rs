//! Conformance tests of archive stores. Each check needs an empty store.
//!
//! Not covered: `key` next to `key/child`, which S3 supports and a folder does not; the archive has no such keys.

use anyhow::ensure;
use bytes::Bytes;
use futures::future::join_all;

use super::{ArchiveStore, Object, StoreError, Stored};
use crate::promises;
use crate::storage::conformance::Promise;

mod listings;

use listings::{
    a_listing_holds_the_keys_with_the_prefix_after_the_given_key,
    a_listing_is_in_byte_order_for_any_keys, a_listing_pages_past_a_thousand_objects,
};

/// All checks of a store.
pub const STORE_PROMISES: &[Promise<dyn ArchiveStore>] = promises![
    an_absent_object_is_none,
    an_object_reads_back_byte_for_byte,
    a_prefix_of_other_keys_is_not_an_object,
    a_second_create_changes_nothing,
    of_sixteen_concurrent_creates_one_wins,
    replace_overwrites_and_creates,
    a_reader_never_sees_half_an_object,
    a_deleted_object_is_gone_and_can_be_created_again,
    deleting_an_absent_object_is_not_an_error,
    an_object_with_an_unusual_key_reads_back,
    a_listing_is_in_byte_order_for_any_keys,
    a_listing_holds_the_keys_with_the_prefix_after_the_given_key,
    a_listing_pages_past_a_thousand_objects,
    a_uri_names_its_key,
];

/// In byte order. A traversal folder by folder would list `odd/a/…` before `odd/a-b/…`.
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

async fn an_absent_object_is_none(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    for key in ["absent", "absent/too", "absent/far/below"] {
        let body = store.get(key).await?;
        ensure!(body.is_none(), "{key} has a body");
    }
    Ok(())
}

async fn an_object_reads_back_byte_for_byte(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    let every_byte: Vec<u8> = (0..=255).cycle().take(1 << 19).collect();
    for (key, body) in [
        ("reads/empty", Vec::new()),
        ("reads/every-byte", every_byte),
    ] {
        create(store, key, &body).await?;

        let stored = store.get(key).await?;

        ensure!(stored.as_deref() == Some(&body[..]), "{key} differs");
    }
    Ok(())
}

async fn a_prefix_of_other_keys_is_not_an_object(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    create(store, "reads/below", b"here").await?;

    let folder = store.get("reads").await?;

    ensure!(folder.is_none(), "a folder has a body");
    Ok(())
}

async fn a_second_create_changes_nothing(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    let first = create(store, "create/twice", b"first").await?;
    let second = create(store, "create/twice", b"second").await?;

    let stored = store.get("create/twice").await?;
    ensure!(
        (first, second) == (Stored::Created, Stored::AlreadyExists),
        "the creates returned {first:?} and {second:?}"
    );
    ensure!(
        stored.as_deref() == Some(b"first"),
        "the second create changed the object"
    );
    Ok(())
}

async fn of_sixteen_concurrent_creates_one_wins(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    for round in 0..4 {
        let key = format!("race/new-folder-{round}/object");
        let bodies: Vec<String> = (0..16).map(|writer| format!("writer {writer}")).collect();

        let writers = bodies
            .iter()
            .map(|body| create(store, &key, body.as_bytes()));
        let outcomes = join_all(writers).await;

        let mut winners = Vec::new();
        for (body, outcome) in bodies.iter().zip(outcomes) {
            if outcome? == Stored::Created {
                winners.push(body.as_bytes());
            }
        }
        ensure!(winners.len() == 1, "{} creates won", winners.len());
        let stored = store.get(&key).await?;
        ensure!(
            stored.as_deref() == Some(winners[0]),
            "not what the winner wrote is stored"
        );
    }
    Ok(())
}

async fn replace_overwrites_and_creates(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    create(store, "replace/present", b"a longer one").await?;

    for key in ["replace/present", "replace/absent"] {
        store.replace(object(key, b"new")).await?;

        let stored = store.get(key).await?;
        ensure!(stored.as_deref() == Some(b"new"), "{key} was not replaced");
        let after = create(store, key, b"later").await?;
        ensure!(after == Stored::AlreadyExists, "{key} was created again");
    }
    Ok(())
}

async fn a_reader_never_sees_half_an_object(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    let bodies = [b'a', b'b'].map(|letter| vec![letter; 100_000]);
    store.replace(object("whole/object", &bodies[0])).await?;

    let write = async {
        for round in 0..20 {
            store
                .replace(object("whole/object", &bodies[round % 2]))
                .await?;
        }
        anyhow::Ok(())
    };
    let read = async {
        for _ in 0..40 {
            let stored = store.get("whole/object").await?.unwrap_or_default();
            let whole = bodies.iter().any(|body| stored == body);
            ensure!(whole, "{} bytes of no object", stored.len());
        }
        Ok(())
    };

    futures::try_join!(write, read)?;
    Ok(())
}

async fn a_deleted_object_is_gone_and_can_be_created_again(
    store: &dyn ArchiveStore,
) -> anyhow::Result<()> {
    create(store, "delete/object", b"here").await?;

    store.delete("delete/object").await?;

    let gone = store.get("delete/object").await?.is_none();
    ensure!(gone, "the deleted object has a body");
    let again = create(store, "delete/object", b"again").await?;
    ensure!(again == Stored::Created, "it cannot be created again");
    Ok(())
}

async fn deleting_an_absent_object_is_not_an_error(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    create(store, "delete/object", b"here").await?;
    for key in ["delete/object", "delete/object", "delete/never/was"] {
        store.delete(key).await?;
    }
    Ok(())
}

async fn an_object_with_an_unusual_key_reads_back(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    for key in ODD_KEYS {
        create(store, key, key.as_bytes()).await?;
    }
    for key in ODD_KEYS {
        let stored = store.get(key).await?;
        ensure!(stored.as_deref() == Some(key.as_bytes()), "{key} differs");
    }
    Ok(())
}

async fn a_uri_names_its_key(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    let uri = store.uri("exports/one/manifest.json");

    ensure!(uri.ends_with("exports/one/manifest.json"), "{uri}");
    Ok(())
}

async fn create(store: &dyn ArchiveStore, key: &str, body: &[u8]) -> Result<Stored, StoreError> {
    store.create(object(key, body)).await
}

fn object(key: &str, body: &[u8]) -> Object {
    Object {
        key: key.to_owned(),
        body: Bytes::copy_from_slice(body),
        content_type: "application/octet-stream",
        content_encoding: None,
    }
}
