//! Attempts: a failed export, resumed until it completes; lost jobs and queries; totals that lie; quotas.

use std::collections::BTreeSet;

use conversation_archive::failure::FailureKind;
use conversation_archive::outcome::ExportStatus;
use conversation_archive::queue::{MessageQueue as _, Queue};
use conversation_archive::request::OnBadRecord;
use genesys_simulator::{Faults, Permanent, Route, Settings};
use start_export::{Command, Resume, StartError, State};

use crate::process::invocation;
use crate::seams::Kill;
use crate::world::{World, organisation};

fn refused_after(after: u64) -> Faults {
    let (code, message) = (
        "missing.permissions".to_owned(),
        "a permission is missing".to_owned(),
    );
    let permanent = Permanent {
        route: Route::JobResults,
        after,
        status: 403,
        code,
        message,
    };
    Faults {
        permanent: Some(permanent),
        ..Faults::default()
    }
}

#[tokio::test]
async fn a_failed_export_is_resumed_fails_again_is_resumed_and_completes() {
    let mut world = World::new(Settings {
        faults: refused_after(2),
        ..organisation(31, 90)
    })
    .await;
    let request = world.request(
        "analytics-job",
        r#","slices":1,"pageSize":10,"exportId":"thrice""#,
    );
    let id = world.start(&request).await;
    world.run().await;
    let first = world.failed(&id, 1).await.expect("the first failure");

    world.simulator.set_faults(refused_after(4));
    world.resume(&id).await;
    world.run().await;
    let second = world.failed(&id, 2).await.expect("the second failure");

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
        "each attempt went on behind the last page"
    );
    assert_eq!(
        world.simulator.stats().jobs_submitted,
        1,
        "with the same job"
    );
    let types: Vec<_> = world.receiver.ids().into_values().collect();
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
    world.assert_nothing_leaked();
}

#[tokio::test]
async fn an_export_that_broke_its_quota_goes_on_with_a_larger_one() {
    let mut world = World::new(organisation(32, 3_000)).await;
    let request = world.request("analytics-job", r#","slices":2,"pageSize":60,"quotaMb":1"#);
    let id = world.start(&request).await;
    world.run().await;
    let failed = world.failed(&id, 1).await.expect("a failure");
    assert!(
        failed
            .failures
            .iter()
            .any(|failed| failed.failure.kind == FailureKind::QuotaExceeded)
    );

    // A breach is seen every 20 pages at the latest, in each of two slices.
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
async fn a_job_that_expires_in_mid_run_is_replaced_and_its_pages_are_superseded() {
    let mut world = World::new(organisation(33, 90)).await;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":20"#);
    let id = world.start(&request).await;
    assert!(
        world
            .run_until(|world| world.simulator.stats().requests_on(Route::JobResults) == 3)
            .await
    );

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
    let mut world = World::new(organisation(34, 90)).await;
    let request = world.request("analytics-job", r#","slices":2,"pageSize":20"#);
    let id = world.start(&request).await;
    assert!(
        world
            .run_until(|world| world.simulator.stats().requests_on(Route::JobResults) == 2)
            .await
    );

    world.simulator.forget_jobs();
    world.run().await;

    assert_eq!(
        world
            .archived_ids(&world.manifest(&id).await, "conversationId")
            .await
            .len(),
        90
    );
}

#[tokio::test]
async fn a_source_that_is_lost_again_and_again_fails_the_export() {
    let mut world = World::new(Settings {
        job_lifetime: std::time::Duration::ZERO,
        ..organisation(35, 20)
    })
    .await;
    let request = world.request("analytics-job", r#","slices":1"#);
    let id = world.start(&request).await;

    world.run().await;

    let failed = world.failed(&id, 1).await.expect("a failure");
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
async fn a_job_that_failed_is_submitted_anew_by_resume() {
    let faults = Faults {
        job_fails: true,
        ..Faults::default()
    };
    let mut world = World::new(Settings {
        faults,
        ..organisation(36, 30)
    })
    .await;
    let request = world.request("analytics-job", r#","slices":1"#);
    let id = world.start(&request).await;
    world.run().await;
    let failed = world.failed(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::JobFailed);

    world.simulator.set_faults(Faults::default());
    world.resume(&id).await;
    world.run().await;

    assert_eq!(
        world
            .archived_ids(&world.manifest(&id).await, "conversationId")
            .await
            .len(),
        30
    );
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
    assert!(
        world
            .run_until(|world| world.simulator.stats().requests_on(Route::ExportResults) == 7)
            .await
    );

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
    assert_eq!(world.receiver.ids().len(), 1);
}

#[tokio::test]
async fn totals_that_lie_lose_nothing_and_are_named_in_the_manifest() {
    for lie in [-25, -1, 0] {
        let faults = Faults {
            gateway_total: lie,
            gateway_short_pages: 0.5,
            gateway_empty_early: 1,
            ..Faults::default()
        };
        let mut world = World::new(Settings {
            faults,
            ..organisation(38, 100)
        })
        .await;

        let request = world.request("export-gateway", r#","slices":3,"pageSize":10"#);
        let manifest = world.export(&request).await;

        assert_eq!(manifest.content.counts.archived, 100, "{lie}");
        assert_eq!(
            manifest.warnings.is_empty(),
            lie == 0,
            "{lie}: {:?}",
            manifest.warnings
        );
    }
}

#[tokio::test]
async fn more_announced_than_there_is_becomes_a_failure_and_never_an_end() {
    let faults = Faults {
        gateway_total: 20,
        ..Faults::default()
    };
    let mut world = World::new(Settings {
        faults,
        ..organisation(39, 100)
    })
    .await;
    let request = world.request("export-gateway", r#","slices":1,"pageSize":10"#);
    let id = world.start(&request).await;

    world.run().await;

    let failed = world.failed(&id, 1).await.expect("a failure");
    let failure = &failed.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::RecordsMissing);
    assert!(
        failure
            .message
            .contains("an empty page at offset 100, before the announced 120 records"),
        "{failure}"
    );
}

#[tokio::test]
async fn bad_records_are_kept_aside_or_end_the_run_as_the_request_says() {
    let faults = Faults {
        malformed_every: Some(10),
        ..Faults::default()
    };
    let mut world = World::new(Settings {
        faults,
        spill: 0.0,
        ..organisation(40, 100)
    })
    .await;
    let bad = world
        .simulator
        .truth()
        .gateway
        .iter()
        .filter(|record| record.malformed)
        .count() as u64;

    let request = world.request("export-gateway", r#","pageSize":30,"exportId":"kept""#);
    let manifest = world.export(&request).await;
    let request = world.request(
        "export-gateway",
        r#","pageSize":30,"exportId":"strict","onBadRecord":"fail""#,
    );
    let strict = world.start(&request).await;
    world.run().await;

    assert_eq!(manifest.outcome.status, ExportStatus::CompletedWithRejects);
    assert_eq!(manifest.content.counts.rejected, bad);
    let kept = world
        .store
        .snapshot()
        .into_keys()
        .filter(|key| key.starts_with("exports/kept/failures/"))
        .count();
    assert_eq!(kept as u64, bad);
    let failed = world.failed(&strict, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::BadRecord);
    assert!(
        failed.failures[0].failure.message.starts_with("record "),
        "{:?}",
        failed.failures
    );

    let quarantine = Some(OnBadRecord::Quarantine);
    world
        .resume_with(Resume {
            export_id: strict.clone(),
            quota_mb: None,
            on_bad_record: quarantine,
        })
        .await;
    world.run().await;
    assert_eq!(
        world.manifest(&strict).await.content,
        rename(&manifest.content, "kept", "strict")
    );
    world.assert_nothing_leaked();
}

fn rename(
    content: &conversation_archive::outcome::Content,
    from: &str,
    to: &str,
) -> conversation_archive::outcome::Content {
    let mut content = content.clone();
    for page in content.slices.iter_mut().flat_map(|slice| &mut slice.pages) {
        page.run = 2;
        let Some(objects) = &mut page.objects else {
            continue;
        };
        for object in [&mut objects.page, &mut objects.index] {
            object.key = object.key.replace(from, to).replace("/r01/", "/r02/");
        }
    }
    content
}

#[tokio::test]
async fn the_same_request_again_answers_with_the_finished_export_and_another_one_is_refused() {
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
    let refused = world
        .invoke(Command::parse(&other).expect("a request"))
        .await
        .expect("alive");

    assert_eq!(again.state, State::Completed);
    assert!(world.queues.is_empty(), "nothing is owed");
    assert_eq!(world.store.snapshot(), before);
    let Err(StartError::Refused(refusal)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        refusal.to_string(),
        "`exportId` is mine: an export of this id exists for another request; choose another id"
    );
}

#[tokio::test]
async fn a_webhook_that_is_not_taken_is_tried_again_with_the_same_id() {
    let mut world = World::new(organisation(42, 20)).await;
    world.receiver.answer_first_with(&[500, 302, 404]);

    let request = world.request("analytics-job", "");
    world.export(&request).await;

    assert_eq!(world.receiver.arrived().len(), 1);
    let deliveries = world
        .store
        .snapshot()
        .into_keys()
        .filter(|key| key.contains("-delivery-"))
        .count();
    assert_eq!(deliveries, 4, "each attempt is an audit event");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone() {
    let mut world = World::new(organisation(43, 20)).await;
    world.receiver.answer_first_with(&[410]);

    let request = world.request("analytics-job", "");
    world.export(&request).await;

    assert!(world.receiver.arrived().is_empty());
    assert!(world.queues.is_empty());
}

#[tokio::test]
async fn a_poisonous_message_fails_its_run_keeps_the_evidence_and_resume_completes() {
    let mut world = World::new(organisation(44, 60)).await;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":20"#);
    let id = world.start(&request).await;
    assert!(
        world
            .run_until(|world| world.simulator.stats().requests_on(Route::JobResults) == 1)
            .await
    );
    // A message that names an attempt which does not exist cannot be handled by anybody.
    let delivery = loop {
        match world
            .queues
            .receive(conversation_archive::queue::Queue::Pages)
        {
            Some(delivery) => break delivery,
            None => assert!(world.wait_for_next(), "a page message comes"),
        }
    };
    let mut poison: conversation_archive::message::PageMessage =
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

    let failed = world.failed(&id, 1).await.expect("a failure");
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
    assert_eq!(
        world
            .archived_ids(&world.manifest(&id).await, "conversationId")
            .await
            .len(),
        60
    );
}

#[tokio::test]
async fn a_run_begun_under_a_new_query_is_not_ended_by_who_still_reads_from_the_old_one() {
    let mut world = World::with_slices(organisation(45, 200), 2).await;
    let request = world.request("export-gateway", r#","slices":2,"pageSize":10"#);
    let id = world.start(&request).await;
    let fetched = |world: &World| world.simulator.stats().requests_on(Route::ExportResults);
    assert!(world.run_until(|world| fetched(world) == 5).await);
    world.simulator.lose_queries();
    let ended = |world: &World| {
        world
            .store
            .snapshot()
            .keys()
            .any(|key| key.ends_with("end.json"))
    };
    while !ended(&world) {
        // Whoever replaces the query dies before its own run is ended.
        world.steps.kill_at(Kill::After(world.steps.taken() + 12));
        world.turn().await;
        world.wait_for_next();
    }
    world.resume(&id).await;
    let before = fetched(&world);
    assert!(world.run_until(|world| fetched(world) >= before + 3).await);
    // Now the message of the old run comes again, while the new ones are under way.
    world.queues.expire_in_flight();

    world.run().await;

    assert_eq!(world.manifest(&id).await.content.counts.archived, 200);
    world.verify(&id).await;
}

#[tokio::test]
async fn started_slices_go_on_after_a_resume_with_fewer_side_by_side() {
    let mut world = World::with_slices(organisation(46, 100), 4).await;
    let request = world.request("analytics-job", r#","slices":4,"pageSize":5"#);
    let id = world.start(&request).await;
    assert!(
        world
            .run_until(|world| world.simulator.stats().requests_on(Route::JobResults) == 6)
            .await
    );
    world.max_open_slices = 2;
    world.lose_messages();

    world.resume(&id).await;
    world.run().await;

    assert_eq!(world.manifest(&id).await.content.counts.archived, 100);
}

#[tokio::test]
async fn slices_beyond_the_window_go_on_after_a_lost_query_and_lost_messages() {
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

    world.resume(&id).await;
    world.run().await;

    assert_eq!(world.manifest(&id).await.content.counts.archived, 120);
}

#[tokio::test]
async fn an_announcement_that_comes_late_leaves_the_marker_of_the_next_attempt() {
    let mut world = World::new(Settings {
        faults: refused_after(1),
        ..organisation(48, 60)
    })
    .await;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":10"#);
    let id = world.start(&request).await;
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
async fn two_handlers_of_one_message_commit_one_page_and_give_back_the_job_submitted_in_vain() {
    let mut world = World::new(organisation(49, 60)).await;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":20"#);
    let id = world.start(&request).await;
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
    assert_eq!(
        world
            .archived_ids(&world.manifest(&id).await, "conversationId")
            .await
            .len(),
        60
    );
    assert_eq!(
        world.simulator.stats().jobs_submitted,
        2,
        "both submitted before either knew"
    );
    assert_eq!(world.simulator.stats().live_jobs, Vec::<String>::new());
    world.verify(&id).await;
}

#[tokio::test]
async fn a_finished_export_answers_for_its_request_after_the_retention_too() {
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
