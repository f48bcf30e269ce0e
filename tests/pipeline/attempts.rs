//! Attempts: an export that failed or lost its messages is resumed until it completes.

use std::collections::BTreeSet;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::storage::queue::{MessageQueue as _, Queue};
use genesys_simulator::{Faults, Route, Settings};
use start_export::Resume;

use end_to_end::world::{World, organisation, start_job};

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
