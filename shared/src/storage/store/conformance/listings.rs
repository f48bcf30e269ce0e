//! Conformance tests of listings.

use anyhow::ensure;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{ODD_KEYS, create};
use crate::storage::store::{ArchiveStore, Listed};

/// Objects per page of a listing.
const PAGE: usize = 1_000;

pub(super) async fn a_listing_is_in_byte_order_for_any_keys(
    store: &dyn ArchiveStore,
) -> anyhow::Result<()> {
    create_odd(store).await?;

    let listed = store.list("odd/", None).await?.objects;

    let expected = ODD_KEYS.map(|key| Listed {
        key: key.into(),
        size_bytes: key.len() as u64,
    });
    ensure!(listed == expected, "listed {listed:?}");
    Ok(())
}

pub(super) async fn a_listing_holds_the_keys_with_the_prefix_after_the_given_key(
    store: &dyn ArchiveStore,
) -> anyhow::Result<()> {
    create_odd(store).await?;
    for prefix in [
        "odd", "odd/a", "odd/a/", "odd/a/b", "odd/a/x", "odd/a-", "odd/x", "od", "nowhere/",
        "odd//",
    ] {
        for after in ODD_KEYS.iter().chain(&[
            "odd/", "odd/a/", "odd/a/b", "odd/a/zz", "odd/a-b/", "a", "z",
        ]) {
            let listed = store.list(prefix, Some(after)).await?.objects;

            let keys = listed.iter().map(|object| object.key.as_str());
            let wanted = |key: &&str| key.starts_with(prefix) && key > after;
            let as_expected = keys.eq(ODD_KEYS.into_iter().filter(wanted));
            ensure!(as_expected, "{prefix} after {after} lists {listed:?}");
        }
    }
    Ok(())
}

pub(super) async fn a_listing_pages_past_a_thousand_objects(
    store: &dyn ArchiveStore,
) -> anyhow::Result<()> {
    let keys: Vec<String> = (0..PAGE + 5)
        .map(|i| format!("many/{:02}/page-{i:06}", i / 500))
        .collect();
    create_all(store, &keys[..PAGE]).await?;
    let full = store.list("many/", None).await?;
    create_all(store, &keys[PAGE..]).await?;

    let first = store.list("many/", None).await?;
    let rest = store.list("many/", Some(&keys[PAGE - 1])).await?;

    ensure!(
        (full.objects.len(), full.truncated) == (PAGE, false),
        "a thousand objects are more than a page"
    );
    ensure!(
        (first.objects.len(), first.truncated) == (PAGE, true),
        "a page holds {}",
        first.objects.len()
    );
    ensure!(!rest.truncated, "the last page is not the last");
    let listed = first.objects.iter().chain(&rest.objects);
    ensure!(
        listed.map(|object| &object.key).eq(&keys),
        "the pages together do not hold every object once"
    );
    Ok(())
}

async fn create_odd(store: &dyn ArchiveStore) -> anyhow::Result<()> {
    for key in ODD_KEYS.iter().rev() {
        create(store, key, key.as_bytes()).await?;
    }
    Ok(())
}

async fn create_all(store: &dyn ArchiveStore, keys: &[String]) -> anyhow::Result<()> {
    stream::iter(keys)
        .map(Ok)
        .try_for_each_concurrent(16, |key| async move {
            create(store, key, b"x").await?;
            Ok(())
        })
        .await
}
