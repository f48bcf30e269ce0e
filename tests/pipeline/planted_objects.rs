//! Objects that a stranger wrote into the bucket start nothing, and do not lead requests to other paths of the API.

use std::sync::Arc;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::{ExportId, RunId};
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::run::{Origin, RunRecord};
use conversation_archive::storage::store::FolderStore;
use end_to_end::planted;
use end_to_end::world::{World, organisation, start_job};
use start_export::Command;

const PLANTED_JOB: &str = "../../../../users/x";

/// Writes `run.json` of the only slice before archive-page does, with a valid seal.
async fn plant_run(world: &World, id: &ExportId) {
    let run = RunId {
        export_id: id.clone(),
        slice: 1,
        run: 1,
    };
    let planted = RunRecord {
        format_version: FormatVersion,
        id: run.clone(),
        origin: Origin::First,
        job: Some(PLANTED_JOB.to_owned()),
        query_id: None,
        watermark: None,
        created_at: world.now(),
    };
    let archive = world.archive();
    let replaced = archive.replace(ObjectKey::Run(&run), &planted).await;
    replaced.expect("replaced");
}

async fn world_with_planted_job() -> (World, ExportId) {
    let (world, id) = start_job(organisation(171, 40), r#","slices":1"#).await;
    plant_run(&world, &id).await;
    (world, id)
}

#[tokio::test]
async fn a_planted_job_id_fails_the_export_without_a_request() {
    let (mut world, id) = world_with_planted_job().await;
    let before = world.simulator.stats().requests;

    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    let failure = &failed.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::SourceBroken);
    assert!(
        failure.message.contains("cannot be part of a path"),
        "{failure}"
    );
    assert_eq!(world.simulator.stats().requests, before);
}

#[tokio::test]
async fn cancelling_an_export_with_a_planted_job_id_deletes_nothing() {
    let (mut world, id) = world_with_planted_job().await;
    let before = world.simulator.stats().requests;

    world
        .invoke(Command::Cancel(id.clone()))
        .await
        .expect("not killed")
        .expect("accepted");
    world.run().await;

    assert_eq!(world.simulator.stats().requests, before);
    assert_eq!(world.simulator.stats().jobs_deleted, 0);
    assert!(world.queues.is_empty());
}

fn folder_store() -> (tempfile::TempDir, Arc<FolderStore>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FolderStore::open_without_sync(folder.path()).expect("a store");
    (folder, Arc::new(store))
}

#[tokio::test]
async fn a_planted_plan_is_refused_by_name() {
    let (_folder, store) = folder_store();
    planted::a_planted_plan_is_not_adopted(store).await;
}

#[tokio::test]
async fn a_planted_marker_is_refused_by_name() {
    let (_folder, store) = folder_store();
    planted::a_planted_marker_starts_no_planted_plan(store).await;
}

#[tokio::test]
async fn a_planted_request_is_refused_by_name() {
    let (_folder, store) = folder_store();
    planted::a_planted_request_is_not_started(store).await;
}

#[tokio::test]
async fn a_planted_attempt_is_refused_by_name() {
    let (_folder, store) = folder_store();
    planted::a_planted_attempt_is_not_followed(store).await;
}

#[tokio::test]
async fn a_planted_cancellation_is_refused_by_name() {
    let (_folder, store) = folder_store();
    planted::a_planted_cancellation_is_not_followed(store).await;
}

#[tokio::test]
async fn a_planted_marker_keeps_no_request_out() {
    let (_folder, store) = folder_store();
    planted::a_planted_marker_keeps_no_request_out(store).await;
}
