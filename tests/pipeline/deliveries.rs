//! Webhooks: one id per outcome, different ids for different exports, retried until the receiver accepts.

use std::path::Path;
use std::sync::Arc;

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::storage::store::FolderStore;
use end_to_end::world::{World, organisation};

/// More failures than the number of delivery attempts.
const ALWAYS_REFUSED: [u16; 12] = [500; 12];

async fn world_in(folder: &Path) -> World<FolderStore> {
    let store = FolderStore::open_without_sync(folder).expect("a folder");
    World::with_store(Arc::new(store), organisation(44, 20), 2).await
}

fn nightly_id() -> ExportId {
    "nightly".parse().expect("an id")
}

fn request(world: &World<FolderStore>) -> String {
    world.request("analytics-job", r#","exportId":"nightly""#)
}

#[tokio::test]
async fn a_refused_webhook_is_retried_with_the_same_id() {
    let mut world = World::new(organisation(42, 20)).await;
    world.receiver.respond_first_with(&[500, 302, 404]);

    let request = world.request("analytics-job", "");
    world.export(&request).await;

    let accepted = world.receiver.deliveries();
    assert_eq!(accepted.len(), 1);
    assert_eq!(world.receiver.refused_ids(), [&*accepted[0].id; 3]);
    let deliveries = world
        .store
        .snapshot()
        .into_keys()
        .filter(|key| key.contains("-delivery-"))
        .count();
    assert_eq!(deliveries, 4, "each attempt is an audit event");
}

#[tokio::test]
async fn a_webhook_answered_with_410_is_not_retried() {
    let mut world = World::new(organisation(43, 20)).await;
    world.receiver.respond_first_with(&[410]);

    let request = world.request("analytics-job", "");
    world.export(&request).await;

    assert!(world.receiver.deliveries().is_empty());
    assert!(world.queues.is_empty());
}

#[tokio::test]
async fn the_same_export_id_in_two_folders_makes_two_webhook_ids() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ids = Vec::new();
    for name in ["one", "two"] {
        let mut world = world_in(&folder.path().join(name)).await;
        world.export(&request(&world)).await;
        ids.extend(world.receiver.event_types_by_id().into_keys());
    }

    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn an_owed_webhook_keeps_its_id_when_its_folder_is_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    let mut world = world_in(&before).await;
    world.export(&request(&world)).await;
    let delivered_before = world.receiver.event_types_by_id();

    std::fs::rename(&before, &after).expect("renamed");
    remove_delivery_records(&after);
    let elsewhere = world_in(&after).await;
    let mut elsewhere = elsewhere.with_signing_key(world.signing.key.clone());
    elsewhere.resume(&nightly_id()).await;
    elsewhere.run().await;

    assert_eq!(world.receiver.deliveries().len(), 2, "it was sent again");
    assert_eq!(world.receiver.event_types_by_id(), delivered_before);
}

#[tokio::test]
async fn an_export_planned_by_an_earlier_version_keeps_its_webhook_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = world_in(folder.path()).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED);
    world.export(&request(&world)).await;
    let archive = world.archive();
    let plan = archive.existing_plan(&nightly_id()).await.expect("a plan");
    let earlier = ExportPlan {
        archive_id: None,
        ..plan.as_ref().clone()
    };
    let name = ObjectKey::Request(&earlier.export_id);
    archive.replace(name, &earlier).await.expect("replaced");
    world.restart();

    world.resume(&nightly_id()).await;
    world.run().await;

    // The first bytes of the SHA-256 of `nightly`, `export.completed` and `1`, one per line.
    let ids: Vec<_> = world.receiver.event_types_by_id().into_keys().collect();
    assert_eq!(ids, ["msg_2db3d2b0d1a2989e42d25395a17fd3aa"]);
}

/// Removes the delivery records, as if the process had died after each response and before writing it down.
fn remove_delivery_records(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            remove_delivery_records(&path);
        } else if path.to_string_lossy().contains("-delivery-") {
            std::fs::remove_file(path).expect("removed");
        }
    }
}
