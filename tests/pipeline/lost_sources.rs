//! Lost jobs and queries: the run starts again, and the pages read before are superseded.

use conversation_archive::archive::losses::{self, Losses};
use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use genesys_simulator::{Faults, Route, Settings};

use end_to_end::seams::Kill;
use end_to_end::world::{World, organisation, start_job};

#[tokio::test]
async fn an_expired_job_is_replaced_and_its_pages_are_superseded() {
    let (mut world, id) = start_job(organisation(33, 90), r#","slices":1,"pageSize":20"#).await;
    world.run_until_requests(Route::JobResults, 3).await;

    world.simulator.expire_jobs();
    world.run().await;

    let manifest = world.manifest(&id).await;
    assert!(
        manifest.content.slices[0]
            .pages
            .iter()
            .all(|page| page.run == 2)
    );
    assert_eq!(
        world.archived_ids(&manifest, "conversationId").await.len(),
        90
    );
    assert_eq!(world.simulator.stats().jobs_submitted, 2);
}

#[tokio::test]
async fn a_job_that_the_api_forgot_is_replaced() {
    let (mut world, id) = start_job(organisation(34, 90), r#","slices":2,"pageSize":20"#).await;
    world.run_until_requests(Route::JobResults, 2).await;

    world.simulator.forget_jobs();
    world.run().await;

    assert_eq!(world.archived_count(&id).await, 90);
}

#[tokio::test]
async fn lost_jobs_are_reported_with_their_run_and_reason() {
    let mut undisturbed = World::new(organisation(46, 40)).await;
    let request = undisturbed.request("analytics-job", r#","slices":2"#);
    let untouched = undisturbed.start(&request).await;
    undisturbed.run().await;
    let (mut world, id) = start_job(organisation(46, 90), r#","slices":1,"pageSize":20"#).await;
    for pages in [2, 4] {
        world.run_until_requests(Route::JobResults, pages).await;
        world.simulator.expire_jobs();
    }
    world.run().await;

    assert_eq!(
        find_losses(&undisturbed, &untouched).await,
        Losses::default()
    );
    let lost = find_losses(&world, &id).await;
    assert_eq!(lost.number, 2);
    let runs: Vec<_> = lost.runs.iter().map(|it| (it.slice, it.run)).collect();
    assert_eq!(runs, [(1, 1), (1, 2)]);
    assert!(
        lost.runs
            .iter()
            .all(|it| it.reason.contains("have expired")),
        "{lost:?}"
    );
}

#[tokio::test]
async fn a_gateway_query_that_all_slices_lose_is_one_loss() {
    let mut world = World::with_slices(organisation(37, 120), 4).await;
    let request = world.request("export-gateway", r#","slices":4,"pageSize":10"#);
    let id = world.start(&request).await;
    world.run_until_requests(Route::ExportResults, 7).await;

    world.simulator.lose_queries();
    world.run().await;

    let lost = find_losses(&world, &id).await;
    assert_eq!((lost.number, lost.runs.len()), (1, 4), "{lost:?}");
}

async fn find_losses(world: &World, id: &ExportId) -> Losses {
    let archive = world.archive();
    let plan = archive.existing_plan(id).await.expect("a plan");
    losses::of_export(&archive, &plan)
        .await
        .expect("readable ends")
}

#[tokio::test]
async fn a_source_lost_ten_times_in_a_row_fails_the_export() {
    let settings = Settings {
        job_lifetime: std::time::Duration::ZERO,
        ..organisation(35, 20)
    };
    let (mut world, id) = start_job(settings, r#","slices":1"#).await;

    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::SourceLost);
    assert!(
        failed.failures[0]
            .failure
            .message
            .contains("10 times in a row"),
        "{:?}",
        failed.failures
    );
}

#[tokio::test]
async fn a_resume_submits_a_new_job_for_a_failed_one() {
    let faults = Faults {
        job_fails: true,
        ..Faults::default()
    };
    let settings = Settings {
        faults,
        ..organisation(36, 30)
    };
    let (mut world, id) = start_job(settings, r#","slices":1"#).await;
    world.run().await;
    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::JobFailed);

    world.simulator.set_faults(Faults::default());
    world.resume(&id).await;
    world.run().await;

    assert_eq!(world.archived_count(&id).await, 30);
    assert_eq!(world.simulator.stats().jobs_submitted, 2);
}

#[tokio::test]
async fn a_lost_gateway_query_replaces_the_runs_of_all_slices() {
    let mut world = World::with_slices(organisation(37, 100), 4).await;
    let request = world.request(
        "export-gateway",
        r#","slices":4,"pageSize":10,"records":"full""#,
    );
    let id = world.start(&request).await;
    world.run_until_requests(Route::ExportResults, 7).await;

    world.simulator.lose_queries();
    world.run().await;

    let manifest = world.manifest(&id).await;
    assert_eq!(manifest.outcome.attempt, 2);
    assert!(
        manifest
            .content
            .slices
            .iter()
            .flat_map(|slice| &slice.pages)
            .all(|page| page.run == 2)
    );
    assert_eq!(manifest.content.counts.archived, 100);
    assert_eq!(world.simulator.stats().queries_submitted, 2);
    assert_eq!(world.receiver.event_types_by_id().len(), 1);
}

#[tokio::test]
async fn a_handler_of_a_lost_query_does_not_end_a_run_of_the_new_one() {
    let mut world = World::with_slices(organisation(45, 200), 2).await;
    let request = world.request("export-gateway", r#","slices":2,"pageSize":10"#);
    let id = world.start(&request).await;
    world.run_until_requests(Route::ExportResults, 5).await;
    world.simulator.lose_queries();
    let ended = |world: &World| {
        world
            .store
            .snapshot()
            .keys()
            .any(|key| key.ends_with("end.json"))
    };
    while !ended(&world) {
        // The handler that replaces the query dies before its own run has ended.
        world
            .steps
            .kill_at(Kill::After(world.steps.step_count() + 12));
        world.turn().await;
        world.advance_to_next_message();
    }
    world.resume(&id).await;
    let before = world.simulator.stats().requests_on(Route::ExportResults);
    world
        .run_until_requests(Route::ExportResults, before + 3)
        .await;
    // The message of the old run is redelivered while the new runs are in progress.
    world.queues.expire_in_flight();

    world.run().await;

    assert_eq!(world.manifest(&id).await.content.counts.archived, 200);
    world.verify(&id).await;
}

#[tokio::test]
async fn unopened_slices_complete_after_a_lost_query_and_lost_messages() {
    let mut world = World::with_slices(organisation(47, 120), 2).await;
    let request = world.request("export-gateway", r#","slices":4,"pageSize":5"#);
    let id = world.start(&request).await;
    let stored = |world: &World, key: &str| {
        world
            .store
            .snapshot()
            .contains_key(&format!("exports/{id}/slices/{key}"))
    };
    assert!(
        world
            .run_until(|world| stored(world, "0003/r01/page-000002.record.json"))
            .await
    );
    world.simulator.lose_queries();
    assert!(
        world
            .run_until(|world| stored(world, "0001/r02/page-000003.record.json"))
            .await
    );
    world.lose_messages();

    let manifest = world.resume_to_end(&id).await;

    assert_eq!(manifest.content.counts.archived, 120);
}
