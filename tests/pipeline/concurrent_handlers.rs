//! Two handlers of one export at the same time, or one that is late.

use conversation_archive::archive::slice_status;
use conversation_archive::pipeline::PipelineError;
use conversation_archive::pipeline::conclusion::{self, ConclusionInput};
use conversation_archive::storage::queue::Queue;
use genesys_simulator::{Faults, Route, Settings};
use start_export::{Command, Resume};

use end_to_end::process::invocation;
use end_to_end::seams::Steps;
use end_to_end::world::{World, organisation, start_gateway, start_job};

#[tokio::test]
async fn a_resume_that_loses_a_race_reports_that_its_quota_is_not_used() {
    let mut refusals = Vec::new();
    for step in 0..20 {
        let mut world = World::new(Settings {
            faults: Faults::refusing(Route::JobResults, 1),
            ..organisation(55, 20)
        })
        .await;
        let request = world.request("analytics-job", r#","slices":1,"pageSize":10"#);
        let id = world.start(&request).await;
        world.run().await;
        let resume = |quota_mb| {
            Command::Resume(Resume {
                export_id: id.clone(),
                quota_mb: Some(quota_mb),
                on_bad_record: None,
            })
        };
        let gated = world.gated_process(Steps::suspend_before(step)).await;
        let invocation = invocation(904, &world.clock);
        let delayed = gated.process.start.handle(resume(50), &invocation);
        let other = async {
            gated.steps.wait_until_suspended().await;
            let result = world.process.start.handle(resume(60), &invocation).await;
            gated.steps.release();
            result
        };

        let results = tokio::join!(delayed, other);

        let results = <[_; 2]>::from(results);
        let refused = results.into_iter().filter_map(Result::err);
        let refused: Vec<_> = refused.map(|error| error.to_string()).collect();
        assert_eq!(refused.len(), 1, "step {step}: {refused:?}");
        refusals.extend(refused);
    }
    let by_race = |text: &&String| text.contains("another resume started attempt 2");
    assert!(refusals.iter().filter(by_race).count() > 3, "{refusals:?}");
}

#[tokio::test]
async fn a_late_dead_letter_of_a_committed_page_does_not_end_its_run() {
    let (mut world, id) = start_job(organisation(54, 60), r#","slices":1,"pageSize":10"#).await;
    let first = world.queues.receive(Queue::Pages).expect("the first page");
    world.queues.expire_in_flight();
    let second = format!("exports/{id}/slices/0001/r01/page-000002.record.json");
    let is_committed = |world: &World| world.store.snapshot().contains_key(&second);
    assert!(world.run_until(is_committed).await);

    let handled = world.record_dead_letter(Queue::Pages, &first.body).await;

    assert_eq!(handled, Some(record_failure::RecordedFailure::StoredOnly));
    world.run().await;
    assert_eq!(world.manifest(&id).await.content.counts.archived, 60);
}

#[tokio::test]
async fn a_late_announcement_keeps_the_marker_of_the_next_attempt() {
    let settings = Settings {
        faults: Faults::refusing(Route::JobResults, 1),
        ..organisation(48, 60)
    };
    let (mut world, id) = start_job(settings, r#","slices":1,"pageSize":10"#).await;
    assert!(
        world
            .run_until(|world| world
                .store
                .snapshot()
                .keys()
                .any(|key| key.ends_with("failed-01.json")))
            .await
    );
    world.simulator.set_faults(Faults::default());
    world.resume(&id).await;

    // complete-export handles the outcome of the first attempt again.
    world.queues.expire_in_flight();
    world.turn().await;

    assert!(world.archive().is_open(&id).await.expect("readable"));
    world.run().await;
    assert_eq!(world.manifest(&id).await.content.counts.archived, 60);
}

#[tokio::test]
async fn a_replaced_attempt_is_not_concluded() {
    let (mut world, id) = start_gateway(organisation(51, 60), r#","slices":2,"pageSize":10"#).await;
    let has_ended = |world: &World, run: &str| {
        let key = format!("exports/{id}/slices/{run}/end.json");
        world.store.snapshot().contains_key(&key)
    };
    assert!(world.run_until(|it| has_ended(it, "0001/r01")).await);
    assert!(!has_ended(&world, "0002/r01"), "a slice to lose the query");
    let pipeline = world.process.complete.pipeline.clone();
    let archive = &pipeline.archive;
    let plan = archive.existing_plan(&id).await.expect("a plan");
    let stale = archive.attempt(&id, 1).await.expect("an attempt");
    world.simulator.lose_queries();
    let both = |it: &World| has_ended(it, "0001/r02") && has_ended(it, "0002/r02");
    assert!(world.run_until(both).await);

    // complete-export, delayed since it read the first attempt.
    let views = slice_status::all(archive, &plan, &stale)
        .await
        .expect("slices");
    assert!(views.iter().all(|view| view.end.is_some()));
    let input = ConclusionInput {
        plan: &plan,
        attempt: &stale,
        slice_statuses: &views,
        invocation: &invocation(903, &world.clock),
    };
    let concluded = conclusion::conclude(&pipeline, input).await;

    assert!(
        matches!(
            concluded,
            Err(PipelineError::Superseded {
                attempt: 1,
                newest: 2
            })
        ),
        "{concluded:?}"
    );
    world.run().await;
    let manifest = world.manifest(&id).await;
    assert_eq!(manifest.outcome.attempt, 2);
    let pages = manifest.content.slices.iter().flat_map(|it| &it.pages);
    assert!(pages.into_iter().all(|page| page.run == 2));
    assert_eq!(world.archived_ids(&manifest, "id").await.len(), 60);
    world.verify(&id).await;
}

#[tokio::test]
async fn two_handlers_of_one_message_commit_one_page_and_leave_no_job() {
    let (mut world, id) = start_job(organisation(49, 60), r#","slices":1,"pageSize":20"#).await;
    let delivery = world.queues.receive(Queue::Pages).expect("the first page");
    let other = world.another_process();
    let (one, two) = (invocation(901, &world.clock), invocation(902, &world.clock));

    let (first, second) = tokio::join!(
        world.process.handle(&delivery, &one),
        other.handle(&delivery, &two)
    );

    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    world.queues.delete(delivery.queue, &delivery.receipt);
    world.run().await;
    assert_eq!(world.archived_count(&id).await, 60);
    assert_eq!(
        world.simulator.stats().jobs_submitted,
        2,
        "both submitted before either knew"
    );
    assert_eq!(world.simulator.stats().live_jobs, Vec::<String>::new());
    world.verify(&id).await;
}
