//! The signing key: created by the first export, and what `verify` says with and without it.

use std::fs;

use serde_json::Value;

use crate::world::{DAYS, World};

/// A world with a complete export `march`.
async fn exported() -> World {
    let world = World::new().await;
    let request = format!(r#"{{"exportId":"march",{DAYS}}}"#);
    let exported = world.export(&request).await;
    assert_eq!(exported.code, 0, "{}", exported.err);
    world
}

fn path(world: &World, name: &str) -> String {
    world.folder.path().join(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_signed_and_verified_with_the_public_key() {
    let mut world = exported().await;
    let key = world.run(&["public-key"]).await;
    let file = path(&world, "exporter.pem");
    fs::write(&file, &key.out).unwrap();
    // Another machine, which has no key.
    world.set("SIGNING_KEY_FILE", &path(&world, "none.pem"));

    let checked = world.run_on_march("verify", &["--public-key", &file]).await;
    let unchecked = world.run_on_march("verify", &[]).await;

    assert_eq!(checked.code, 0, "{}", checked.err);
    assert!(
        checked
            .out
            .contains("signatures: 3 documents validly signed by"),
        "{}",
        checked.out
    );
    assert_eq!(unchecked.code, 0, "{}", unchecked.err);
    assert!(
        unchecked
            .out
            .contains("3 documents signed with a key that is not known here"),
        "{}",
        unchecked.out
    );
    assert!(unchecked.out.contains("not proven"), "{}", unchecked.out);
}

/// As `aws kms get-public-key --output text --query PublicKey` prints it.
#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_may_be_the_base64_that_kms_prints() {
    let mut world = exported().await;
    let key = world.run(&["public-key", "--json"]).await;
    let key: Value = serde_json::from_str(&key.out).unwrap();
    let base64 = key["base64"].as_str().unwrap();
    let file = path(&world, "exporter.txt");
    world.set("SIGNING_KEY_FILE", &path(&world, "none.pem"));

    for text in [format!("{base64}\n"), base64.to_owned()] {
        fs::write(&file, text).unwrap();
        let checked = world.run_on_march("verify", &["--public-key", &file]).await;
        assert_eq!(checked.code, 0, "{}", checked.err);
    }

    fs::write(&file, "no key").unwrap();
    let refused = world.run_on_march("verify", &["--public-key", &file]).await;
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains(
            "it is not a public key in PEM form (BEGIN PUBLIC KEY), nor base64 of its DER form"
        ),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_key_and_the_announced_digest_are_checked() {
    let world = exported().await;
    let manifest = fs::read(world.out().join("exports/march/manifest.json")).unwrap();
    let digest = conversation_archive::base::hash::Sha256::of(&manifest).to_string();
    let other = "0".repeat(64);

    let verified = world
        .run_on_march("verify", &["--manifest-sha256", &digest, "--json"])
        .await;
    let refused = world
        .run_on_march("verify", &["--manifest-sha256", &other])
        .await;
    let malformed = world
        .run_on_march("verify", &["--manifest-sha256", "abc"])
        .await;

    let report: Value = serde_json::from_str(&verified.out).unwrap();
    assert_eq!(report["report"]["signatures"]["valid"], 3);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains("exports/march/manifest.json: its SHA-256 is"),
        "{}",
        refused.err
    );
    assert_eq!(malformed.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_another_key_is_not_continued() {
    let mut world = exported().await;
    world.set("SIGNING_KEY_FILE", &path(&world, "other.pem"));

    let refused = world.run_on_march("resume", &[]).await;

    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains("exports/march/request.json is signed with the key"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("TRUSTED_PUBLIC_KEYS"),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_there_is_no_public_key() {
    let world = World::new().await;

    let refused = world.run(&["public-key"]).await;

    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("there is no signing key yet"),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_export_is_named_by_the_ledger() {
    let world = exported().await;
    let out = world.out().display().to_string();
    let intact = world.run(&["ledger", &out]).await;
    fs::remove_file(world.out().join("exports/march/manifest.json")).unwrap();

    let damaged = world.run(&["ledger", &out]).await;

    assert_eq!(intact.code, 0, "{}", intact.err);
    assert!(
        intact.out.contains("the ledger is intact: 1 entry"),
        "{}",
        intact.out
    );
    assert_eq!(damaged.code, 1);
    assert!(
        damaged.err.contains(
            "exports/march/manifest.json: missing, though entry 1 of the ledger names it"
        ),
        "{}",
        damaged.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_lost_its_newest_entries_is_named() {
    let world = exported().await;
    let out = world.out().display().to_string();
    let complete = world.run(&["ledger", &out, "--at-least", "1"]).await;
    fs::remove_dir_all(world.out().join("ledger")).unwrap();

    let shorter = world.run(&["ledger", &out, "--at-least", "1"]).await;

    assert_eq!(complete.code, 0, "{}", complete.err);
    assert_eq!(shorter.code, 1);
    assert!(
        shorter
            .err
            .contains("the ledger has 0 entries, fewer than 1"),
        "{}",
        shorter.err
    );
}
