//! Attempts: a failed export that is resumed until it completes, repeated requests, and two concurrent handlers.

use std::collections::BTreeSet;

use conversation_archive::archive::slice_status;
use conversation_archive::base::failure::FailureKind;
use conversation_archive::pipeline::PipelineError;
use conversation_archive::pipeline::conclusion;
use conversation_archive::pipeline::conclusion::ConclusionInput;
use conversation_archive::storage::queue::{MessageQueue as _, Queue};
use genesys_simulator::{Faults, Route, Settings};
use start_export::{Command, Resume, State};

use end_to_end::process::invocation;
use end_to_end::seams::Steps;
use end_to_end::world::{World, organisation, start_gateway, start_job};

#[tokio::test]
async fn an_export_that_fails_twice_is_resumed_twice_and_completes() {
    let settings = Settings {
        faults: Faults::refusing(Route::JobResults, 2),
        ..organisation(31, 90)
    };
    let (mut world, id) =
        start_job(settings, r#","slices":1,"pageSize":10,"exportId":"thrice""#).await;
    world.run().await;
    let first = world
        .failed_outcome(&id, 1)
        .await
        .expect("the first failure");

    world
        .simulator
        .set_faults(Faults::refusing(Route::JobResults, 4));
    world.resume(&id).await;
    world.run().await;
    let second = world
        .failed_outcome(&id, 2)
        .await
        .expect("the second failure");

    world.simulator.set_faults(Faults::default());
    let again = world.resume(&id).await;
    world.run().await;
    let manifest = world.manifest(&id).await;

    assert_eq!(again.attempt, 3);
    for failed in [&first, &second] {
        let failure = &failed.failures[0].failure;
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(
            failure.message.contains("a permission is missing"),
            "{failure}"
        );
        assert!(failure.context_id.is_some());
    }
    assert_eq!(first.failures[0].after_page, Some(2));
    assert_eq!(second.failures[0].after_page, Some(4));
    let runs: BTreeSet<_> = manifest.content.slices[0]
        .pages
        .iter()
        .map(|page| page.run)
        .collect();
    assert_eq!(
        runs,
        BTreeSet::from([1, 2, 3]),
        "each attempt continued after the last page"
    );
    assert_eq!(
        world.simulator.stats().jobs_submitted,
        1,
        "with the same job"
    );
    let types: Vec<_> = world.receiver.event_types_by_id().into_values().collect();
    assert_eq!(
        types.iter().filter(|kind| *kind == "export.failed").count(),
        2
    );
    assert_eq!(
        types
            .iter()
            .filter(|kind| *kind == "export.completed")
            .count(),
        1
    );
    for kept in [
        "failed-01.json",
        "failed-02.json",
        "manifest.json",
        "attempt-03.json",
    ] {
        assert!(
            world
                .store
                .snapshot()
                .contains_key(&format!("exports/thrice/{kept}")),
            "{kept}"
        );
    }
    let archived = world.archived_ids(&manifest, "conversationId").await;
    assert!(archived.values().all(|count| *count == 1));
    assert_eq!(archived.len(), 90);
}

#[tokio::test]
async fn an_export_over_its_quota_is_resumed_with_a_larger_one() {
    let mut world = World::new(organisation(32, 3_000)).await;
    let request = world.request("analytics-job", r#","slices":2,"pageSize":60,"quotaMb":1"#);
    let id = world.start(&request).await;
    world.run().await;
    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert!(
        failed
            .failures
            .iter()
            .any(|failed| failed.failure.kind == FailureKind::QuotaExceeded)
    );

    // Each of the two slices detects a breach after at most 20 pages.
    let stored: u64 = failed.totals.quota_bytes;
    let page = failed.totals.quota_bytes / failed.totals.pages;
    assert!(
        stored > 1_000_000 && stored <= 1_000_000 + 2 * 21 * page * 2,
        "{stored} bytes, {page} a page"
    );

    world
        .resume_with(Resume {
            export_id: id.clone(),
            quota_mb: Some(100),
            on_bad_record: None,
        })
        .await;
    world.run().await;

    let manifest = world.manifest(&id).await;
    assert_eq!(manifest.content.counts.archived, 3_000);
    assert!(manifest.content.stored_bytes > 1_000_000);
}

#[tokio::test]
async fn a_repeated_request_returns_the_export_and_a_changed_one_is_refused() {
    let mut world = World::new(organisation(41, 30)).await;
    let request = world.request("analytics-job", r#","exportId":"mine""#);
    world.export(&request).await;
    let before = world.store.snapshot();

    let again = world
        .invoke(Command::parse(&request).expect("a request"))
        .await
        .expect("alive")
        .expect("an answer");
    let other = world.request("analytics-job", r#","exportId":"mine","pageSize":3"#);
    let refusal = world
        .refusal(Command::parse(&other).expect("a request"))
        .await;

    assert_eq!(again.state, State::Completed);
    assert!(world.queues.is_empty(), "nothing is owed");
    assert_eq!(world.store.snapshot(), before);
    assert_eq!(
        refusal,
        "`exportId` is mine: an export with this id exists for another request; choose another id"
    );
}

#[tokio::test]
async fn a_poison_message_fails_its_run_and_a_resume_completes_it() {
    let (mut world, id) = start_job(organisation(44, 60), r#","slices":1,"pageSize":20"#).await;
    world.run_until_requests(Route::JobResults, 1).await;
    // No handler can process a message that names a nonexistent attempt.
    let delivery = loop {
        match world
            .queues
            .receive(conversation_archive::storage::queue::Queue::Pages)
        {
            Some(delivery) => break delivery,
            None => assert!(world.advance_to_next_message(), "a page message comes"),
        }
    };
    let mut poison: conversation_archive::export::message::PageMessage =
        serde_json::from_str(&delivery.body).expect("a page message");
    poison.attempt = 99;
    poison.times_parked = 7;
    world.queues.delete(delivery.queue, &delivery.receipt);
    world
        .queues
        .send(poison.outgoing().expect("a message"))
        .await
        .expect("sent");

    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::DeadLetter);
    let kept = world
        .store
        .snapshot()
        .into_keys()
        .filter(|key| key.contains("/failures/dead-letter-"))
        .count();
    assert_eq!(kept, 1);

    world.resume(&id).await;
    world.run().await;
    assert_eq!(world.archived_count(&id).await, 60);
}

#[tokio::test]
async fn messages_of_a_resume_after_a_purge_are_not_deduplicated() {
    let (mut world, id) = start_job(organisation(58, 40), r#","slices":1,"pageSize":10"#).await;
    let lost = world.queues.receive(Queue::Pages).expect("a message");
    // SQS deduplicates the message for five minutes.
    assert!(world.queues.delete(Queue::Pages, &lost.receipt));

    let manifest = world.resume_to_end(&id).await;

    assert_eq!(manifest.content.counts.archived, 40);
}

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
async fn a_slice_over_its_page_limit_is_resumed_from_its_beginning() {
    let mut world = World::new(organisation(53, 60)).await;
    world.process.page.settings.max_pages_per_slice = 3;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":10"#);
    let id = world.start(&request).await;
    world.run().await;
    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::TooManyPages);

    world.process.page.settings.max_pages_per_slice = 10;
    let manifest = world.resume_to_end(&id).await;

    assert!(
        manifest.content.slices[0]
            .pages
            .iter()
            .all(|it| it.run == 2)
    );
    assert_eq!(world.simulator.stats().jobs_submitted, 2);
    let archived = world.archived_ids(&manifest, "conversationId").await;
    assert_eq!(archived.len(), 60);
}

#[tokio::test]
async fn started_slices_continue_after_a_resume_with_fewer_open_slices() {
    let mut world = World::with_slices(organisation(46, 100), 4).await;
    let request = world.request("analytics-job", r#","slices":4,"pageSize":5"#);
    let id = world.start(&request).await;
    world.run_until_requests(Route::JobResults, 6).await;
    world.max_open_slices = 2;
    world.lose_messages();

    let manifest = world.resume_to_end(&id).await;

    assert_eq!(manifest.content.counts.archived, 100);
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
    let pipeline = world.process.start.pipeline.clone();
    let archive = &pipeline.archive;
    let plan = archive.existing_plan(&id).await.expect("a plan");
    let stale = archive.attempt(&id, 1).await.expect("an attempt");
    world.simulator.lose_queries();
    let both = |it: &World| has_ended(it, "0001/r02") && has_ended(it, "0002/r02");
    assert!(world.run_until(both).await);

    // complete-export, delayed since it read the first attempt.
    let views = slice_status::all(&archive, &plan, &stale)
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

#[tokio::test]
async fn a_repeated_request_returns_the_export_even_past_the_retention() {
    let mut world = World::new(organisation(56, 20)).await;
    let request = world.request("analytics-job", "");
    world.export(&request).await;
    world.process.start.limits.retention_days = Some(1);

    let command = Command::parse(&request).expect("a request");
    let again = world
        .invoke(command)
        .await
        .expect("alive")
        .expect("an answer");

    assert_eq!(again.state, State::Completed);
}
