use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::archive::verify::{Anchors, LedgerReport, RequiredSignatures, verify_ledger};
use crate::archive::{Archive, Signatures};
use crate::base::signature::LocalKey;
use crate::storage::store::{ArchiveStore, FolderStore};

/// An archive that signs, in a folder.
struct World {
    folder: tempfile::TempDir,
    archive: Archive,
    key: LocalKey,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn ArchiveStore> =
            Arc::new(FolderStore::open_without_sync(folder.path()).unwrap());
        let key = LocalKey::generate();
        let signatures = Signatures::with_key(Arc::new(key.clone()));
        Self {
            archive: Archive::new(store).with_signatures(signatures),
            folder,
            key,
        }
    }

    /// With the outcomes of three exports in the ledger.
    async fn with_three_outcomes() -> Self {
        let world = Self::new();
        for id in ["a", "b", "c"] {
            let outcome = world.outcome(id, "2026-03-02T01:00:00Z").await;
            world.append(&outcome).await;
        }
        world
    }

    fn remove(&self, key: &str) {
        std::fs::remove_file(self.folder.path().join(key)).unwrap();
    }

    async fn verified(&self) -> LedgerReport {
        let anchors = Anchors {
            keys: vec![self.key.public_key().clone()],
            required: RequiredSignatures::All,
            manifest_sha256: None,
        };
        let report = verify_ledger(&self.archive, &anchors, &mut |_, _| {}).await;
        report.unwrap()
    }

    /// The keys and descriptions of all mismatches.
    async fn damage(&self) -> Vec<String> {
        let report = self.verified().await;
        report.damage.iter().map(ToString::to_string).collect()
    }

    /// Stores a cancelled export as an outcome.
    async fn outcome(&self, id: &str, ended_at: &str) -> Outcome {
        let digest = Sha256::of("any");
        let outcome: Outcome = serde_json::from_value(json!({
            "formatVersion": 1, "exportId": id, "status": "cancelled", "attempt": 1, "source": "analytics-job",
            "interval": "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z",
            "totals": {"pages": 0, "received": 0, "archived": 0, "leftOut": 0, "rejected": 0, "storedBytes": 0, "recordBytes": 0, "quotaBytes": 0},
            "residency": {"rule": "exempt"}, "startedAt": ended_at, "endedAt": ended_at, "auditHeads": [],
            "event": {"auditId": "a", "requestId": "r", "exportId": id, "timestamp": ended_at, "action": "cancel_export",
                "eventType": "outcome", "details": {}, "queryHash": digest, "status": "success", "hash": digest},
        }))
        .unwrap();
        let name = outcome.object_key();
        let stored = self.archive.create_or_read(name, outcome.clone()).await;
        stored.unwrap().0
    }

    async fn append(&self, outcome: &Outcome) {
        append(&self.archive, outcome, outcome.ended_at)
            .await
            .unwrap();
    }

    async fn entries(&self) -> Vec<(LedgerEntry, Sha256)> {
        let mut entries = Vec::new();
        for sequence in sequences(&self.archive).await.unwrap() {
            entries.push(entry(&self.archive, sequence).await.unwrap());
        }
        entries
    }
}

#[tokio::test]
async fn each_entry_names_its_outcome_and_the_entry_before() {
    let world = World::new();
    for (id, at) in [("a", "2026-03-02T01:00:00Z"), ("b", "2026-03-03T01:00:00Z")] {
        let outcome = world.outcome(id, at).await;
        world.append(&outcome).await;
    }

    let entries = world.entries().await;

    let [(first, first_digest), (second, _)] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!((first.sequence, first.previous), (1, None));
    assert_eq!((second.sequence, second.previous), (2, Some(*first_digest)));
    let stored = world.archive.outcome_with_digest(&second.outcome_key).await;
    assert_eq!(second.outcome_sha256, stored.unwrap().1);
}

#[tokio::test]
async fn an_outcome_that_is_appended_again_has_one_entry() {
    let world = World::new();
    let first = world.outcome("a", "2026-03-02T01:00:00Z").await;
    world.append(&first).await;
    let second = world.outcome("b", "2026-03-02T01:00:01Z").await;
    world.append(&second).await;

    world.append(&first).await;
    world.append(&second).await;

    assert_eq!(world.entries().await.len(), 2);
}

#[tokio::test]
async fn outcomes_that_are_appended_at_the_same_time_all_have_an_entry() {
    let world = World::new();
    let mut outcomes = Vec::new();
    for number in 0..8 {
        outcomes.push(
            world
                .outcome(&format!("export-{number}"), "2026-03-02T01:00:00Z")
                .await,
        );
    }

    futures::future::join_all(outcomes.iter().map(|outcome| world.append(outcome))).await;

    let entries = world.entries().await;
    assert_eq!(entries.len(), 8);
    for pair in entries.windows(2) {
        assert_eq!(pair[1].0.previous, Some(pair[0].1));
    }
}

#[tokio::test]
async fn a_missing_entry_does_not_keep_later_outcomes_out() {
    let world = World::with_three_outcomes().await;
    world.remove("ledger/00000002.json");

    let outcome = world.outcome("d", "2026-03-02T01:00:00Z").await;
    world.append(&outcome).await;

    let (newest, _) = newest(&world.archive).await.unwrap().unwrap();
    assert_eq!((newest.sequence, newest.export_id.as_str()), (4, "d"));
}

#[tokio::test]
async fn an_intact_ledger_is_reported_with_its_signatures() {
    let report = World::with_three_outcomes().await.verified().await;

    assert_eq!((report.entries, report.damage.len()), (3, 0));
    assert_eq!(report.signatures.valid, 3);
}

#[tokio::test]
async fn a_deleted_export_is_named() {
    let world = World::with_three_outcomes().await;
    world.remove("exports/b/cancelled.json");

    let damage = world.damage().await;

    insta::assert_snapshot!(damage.join("\n"), @"exports/b/cancelled.json: missing, though entry 2 of the ledger names it");
}

#[tokio::test]
async fn a_deleted_export_with_its_entry_is_named() {
    let world = World::with_three_outcomes().await;
    world.remove("exports/b/cancelled.json");
    world.remove("ledger/00000002.json");

    let damage = world.damage().await;

    insta::assert_snapshot!(damage.join("\n"), @"ledger/00000002.json: missing: a later entry exists");
}

#[tokio::test]
async fn a_replaced_outcome_and_a_planted_entry_are_named() {
    let world = World::with_three_outcomes().await;
    let stranger = World::with_three_outcomes().await;
    for key in ["exports/a/cancelled.json", "ledger/00000003.json"] {
        let path = |world: &World| world.folder.path().join(key);
        std::fs::copy(path(&stranger), path(&world)).unwrap();
    }

    let damage = world.damage().await;

    assert_eq!(damage.len(), 2, "{damage:?}");
    assert!(damage[0].starts_with("exports/a/cancelled.json: it is not the document"));
    assert!(damage[1].starts_with("ledger/00000003.json: it is signed with the key"));
}

#[tokio::test]
async fn a_planted_entry_with_a_high_number_is_named_at_once() {
    let world = World::with_three_outcomes().await;
    let path = |number: &str| world.folder.path().join(format!("ledger/{number}.json"));
    std::fs::copy(path("00000003"), path("4294967295")).unwrap();

    let damage = world.damage().await;
    let outcome = world.outcome("d", "2026-03-02T01:00:00Z").await;
    let appended = append(&world.archive, &outcome, outcome.ended_at).await;

    insta::assert_snapshot!(damage.join("\n"), @r"
    ledger/00000004.json: missing, with the 4294967290 entries after it: a later entry exists
    ledger/4294967295.json: its signature is not valid: it was altered, or copied from another object
    ");
    assert!(appended.unwrap_err().is_damage());
}

#[tokio::test]
async fn an_entry_of_an_unknown_key_is_an_error_and_not_damage() {
    let world = World::with_three_outcomes().await;
    let outcome = world.outcome("d", "2026-03-02T01:00:00Z").await;
    let other = Signatures::with_key(Arc::new(LocalKey::generate()));
    let archive = world.archive.clone().with_signatures(other);

    let appended = append(&archive, &outcome, outcome.ended_at).await;

    let error = appended.unwrap_err();
    assert!(error.is_untrusted() && !error.is_damage(), "{error}");
}
