//! Exports whose handlers died, whose messages were lost, or whose markers were left behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::{claims, live_gaps, open_marker};
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::{ExportId, StreamName};
use conversation_archive::export::ended::{EndedBatch, EndedConversation};
use conversation_archive::export::live_coverage::{GapReason, LiveGap, LiveGapSpan};
use conversation_archive::export::message::EndedMessage;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::storage::queue::{MessageQueue as _, Queue};
use conversation_archive::storage::store::ArchiveStore as _;
use end_to_end::rights::AccessLog;
use end_to_end::seams::Kill;
use end_to_end::world::{Turn, World, organisation};
use genesys_simulator::{Route, Settings};
use jiff::Timestamp;
use start_export::Command;

/// Longer than the time after which a sweep acts.
const HOUR: Duration = Duration::from_secs(3601);

/// Runs each story in a world of its own, and records the accesses of its handlers to objects.
pub(super) async fn run_all(accesses: &Arc<AccessLog>) {
    Box::pin(parked_export_is_resumed(accesses)).await;
    Box::pin(announcement_is_completed_by_a_resume(accesses)).await;
    Box::pin(interval_is_revisited(accesses)).await;
    Box::pin(transcripts_page_is_redelivered(accesses)).await;
    Box::pin(failed_starts_are_stored(accesses)).await;
    Box::pin(dead_letters_are_recorded_twice(accesses)).await;
    Box::pin(export_is_given_up(accesses)).await;
    Box::pin(cancelled_export_is_given_up(accesses)).await;
    Box::pin(late_failure_is_resumed(accesses)).await;
    Box::pin(owed_webhooks_are_swept(accesses)).await;
    Box::pin(attempt_was_never_created(accesses)).await;
    Box::pin(killed_fetch_ended_is_continued(accesses)).await;
    Box::pin(live_events_are_archived_and_swept(accesses)).await;
}

async fn world(settings: Settings, accesses: &Arc<AccessLog>) -> World {
    World::new(settings).await.with_access_log(accesses)
}

/// A world with an export of one slice and four pages, which no handler has touched yet.
async fn started(seed: u64, accesses: &Arc<AccessLog>) -> (World, ExportId) {
    let mut world = world(organisation(seed, 40), accesses).await;
    let request = world.request("analytics-job", r#","slices":1,"pageSize":10"#);
    let id = world.start(&request).await;
    (world, id)
}

async fn parked_export_is_resumed(accesses: &Arc<AccessLog>) {
    let settings = Settings {
        job_ready_after: Duration::from_mins(30),
        ..organisation(401, 20)
    };
    let mut world = world(settings, accesses).await;
    let request = world.request("analytics-job", r#","slices":1"#);
    let id = world.start(&request).await;
    let is_parked = |world: &World| world.queues.contents(Queue::Waiting).messages > 0;
    assert!(world.run_until(is_parked).await);

    world.lose_messages();
    world.resume(&id).await;
    world.run().await;
}

/// The process of complete-export died right after it stored the failure.
async fn announcement_is_completed_by_a_resume(accesses: &Arc<AccessLog>) {
    let (mut world, id) = started(402, accesses).await;
    world.receiver.respond_first_with(&[500; 12]);
    let delivery = world.queues.receive(Queue::Pages).expect("a page message");
    let buried = world
        .queues
        .record_dead_letter(Queue::Pages, &delivery.receipt);
    buried.expect("a dead letter");
    world.run().await;
    let entry = ObjectKey::Ledger(1).key();
    world.store.delete(&entry).await.expect("deleted");
    // The second time, after the export has completed, the outcome has a ledger entry.
    for _ in 0..2 {
        let now = world.now();
        let marked = open_marker::write(&world.archive(), &id, now).await;
        marked.expect("written");
        world.resume(&id).await;
        world.run().await;
    }
}

async fn interval_is_revisited(accesses: &Arc<AccessLog>) {
    let mut world = world(organisation(403, 40), accesses).await;
    for day in [3, 4] {
        let request = format!(
            r#"{{"interval":{{"last":"P1D"}},"scheduledTime":"2026-03-{day:02}T04:00:00Z","revisit":["P1D"]}}"#
        );
        world.start(&request).await;
        world.run().await;
    }
}

/// The handler died after it stored the page's objects and before it committed the page.
async fn transcripts_page_is_redelivered(accesses: &Arc<AccessLog>) {
    let mut world = world(organisation(404, 40), accesses).await;
    let ids = world.message_conversations();
    let request = world.transcripts_request(&ids, r#","pageSize":20,"includeMedia":true"#);
    world.start(&request).await;
    let delivery = world.queues.receive(Queue::Pages).expect("a page message");
    for _ in 0..2 {
        let invocation = world.invocation();
        let handled = world.process.handle(&delivery, &invocation).await;
        handled.expect("handled");
        let objects = world.store.snapshot().into_keys();
        let records = objects.filter(|key| key.ends_with(".record.json"));
        for record in records {
            world.store.delete(&record).await.expect("deleted");
        }
    }
}

/// Start-export could never be invoked; the sweep starts the request, and archive-page plans it.
async fn failed_starts_are_stored(accesses: &Arc<AccessLog>) {
    let mut world = world(organisation(405, 40), accesses).await;
    let scheduled = r#"{"source":"export-gateway","interval":{"last":"P1D"},"scheduledTime":"2026-03-03T00:00:00Z","slices":1}"#;
    for payload in [scheduled, "{"] {
        let recorded = world.record_failed_start(payload).await;
        recorded.expect("not killed").expect("recorded");
    }
    world.advance_clock(HOUR);
    world.sweep().await;
    world.run().await;
}

async fn dead_letters_are_recorded_twice(accesses: &Arc<AccessLog>) {
    let (mut world, _) = started(406, accesses).await;
    let delivery = world.queues.receive(Queue::Pages).expect("a page message");
    for body in [&*delivery.body, "{"] {
        for _ in 0..2 {
            let recorded = world.record_dead_letter(Queue::Pages, body).await;
            recorded.expect("not killed");
        }
    }
    world.run().await;
}

/// Loses each message that is sent until the sweep gives the export up.
async fn lose_all_messages(world: &mut World) {
    for _ in 0..4 {
        world.lose_messages();
        world.advance_clock(HOUR);
        world.sweep().await;
    }
    world.run().await;
}

async fn export_is_given_up(accesses: &Arc<AccessLog>) {
    let (mut world, _) = started(407, accesses).await;
    world.run().await;
    let requests = world.simulator.stats().requests_on(Route::JobResults);
    let second = world.request(
        "analytics-job",
        r#","slices":1,"pageSize":10,"exportId":"second""#,
    );
    world.start(&second).await;
    world
        .run_until_requests(Route::JobResults, requests + 2)
        .await;
    lose_all_messages(&mut world).await;
}

async fn cancelled_export_is_given_up(accesses: &Arc<AccessLog>) {
    let (mut world, id) = started(408, accesses).await;
    let cancelled = world.invoke(Command::Cancel(id)).await;
    cancelled.expect("not killed").expect("cancelled");
    lose_all_messages(&mut world).await;
}

/// An export that fails after its second page: automatically resumed, and resumed at the same time by the operator.
async fn late_failure_is_resumed(accesses: &Arc<AccessLog>) {
    let (mut world, id) = started(409, accesses).await;
    world.run_until_requests(Route::JobResults, 2).await;
    let delivery = world.queues.receive(Queue::Pages).expect("a page message");
    let buried = world
        .queues
        .record_dead_letter(Queue::Pages, &delivery.receipt);
    buried.expect("a dead letter");
    world.run().await;
    let marker = ObjectKey::Resume(&id, 1).key();
    let stored = world.store.get(&marker).await.expect("read");
    let stored = stored.expect("a scheduled resume");

    world.advance_clock(HOUR);
    world.sweep().await;
    world.run().await;
    let marker = ObjectKey::Resume(&id, 1).object(stored);
    world.store.replace(marker).await.expect("written");
    world.sweep().await;
}

/// One webhook whose message is lost, and one whose marker was left behind.
async fn owed_webhooks_are_swept(accesses: &Arc<AccessLog>) {
    let (mut world, id) = started(410, accesses).await;
    world.receiver.respond_first_with(&[500]);
    let is_owed = |world: &World| world.queues.contents(Queue::Webhooks).messages > 0;
    assert!(world.run_until(is_owed).await);
    let owed = ObjectKey::Owed(&id, 1);
    let stored = world.store.get(&owed.key()).await.expect("read");
    let stored = stored.expect("an owed webhook");

    world.lose_messages();
    world.advance_clock(HOUR);
    world.sweep().await;
    world.run().await;
    let marker = owed.object(stored);
    world.store.replace(marker).await.expect("written");
    world.sweep().await;
}

/// Start-export died after it stored the plan.
async fn attempt_was_never_created(accesses: &Arc<AccessLog>) {
    let (mut world, id) = started(411, accesses).await;
    let attempt = ObjectKey::Attempt(&id, 1).key();
    world.store.delete(&attempt).await.expect("deleted");
    world.lose_messages();
    for _ in 0..2 {
        world.advance_clock(HOUR);
        world.sweep().await;
    }
    world.run().await;
}

/// Fetch-ended died after it claimed the conversation; the redelivered message completes the export.
async fn killed_fetch_ended_is_continued(accesses: &Arc<AccessLog>) {
    let mut world = world(organisation(412, 20), accesses).await;
    let conversations = world.simulator.truth().conversations.into_iter();
    let id = conversations.map(|it| it.id.parse().expect("an id")).next();
    for message in EndedMessage::heard(id, world.now(), Duration::ZERO) {
        let outgoing = message.outgoing(world.now()).expect("a message");
        world.queues.send(outgoing).await.expect("sent");
    }
    // It reads the claim, creates the batch and the claim, and reads the plan.
    world.steps.kill_at(Kill::Before(3));
    assert_eq!(world.fetch_ended().await, Turn::Killed);
    world.queues.expire_in_flight();
    world.run().await;
}

/// Events arrive twice, one of them unreadable; a conversation ends; a gap is closed; the day is sealed.
async fn live_events_are_archived_and_swept(accesses: &Arc<AccessLog>) {
    let mut world = world(organisation(412, 20), accesses).await;
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let event = format!(
        r#"{{"detail":{{"topicName":"v2.detail.events.conversation.{id}.customer.start","version":"2","eventBody":{{"conversationId":"{id}"}}}}}}"#
    );
    let events = [event, "not an event".to_owned()];
    for _ in 0..2 {
        let handled = world.archive_events(&events).await;
        assert!(handled.failed.is_empty());
    }
    let batch = EndedBatch::split(&BTreeSet::from([ended(id)]), world.now()).remove(0);
    let created = claims::create_batch(&world.archive(), batch).await;
    created.expect("created");
    let gaps = [
        ("2026-03-01T10:00:00Z", "2026-03-01T20:00:00Z"),
        // In the day that is sealed.
        ("2026-03-10T00:00:00Z", "2026-03-10T01:00:00Z"),
    ];
    for (from, until) in gaps {
        let gap = gap(from, until);
        let recorded = live_gaps::record(&world.archive(), gap).await;
        recorded.expect("recorded");
    }
    for _ in 0..4 {
        world.sweep().await;
        world.run().await;
        world.advance_clock(26 * HOUR);
    }
}

fn ended(id: &str) -> EndedConversation {
    let end: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a moment");
    EndedConversation {
        conversation_id: id.parse().expect("an id"),
        conversation_end: end.try_into().expect("an end"),
    }
}

fn gap(from: &str, until: &str) -> LiveGap {
    let moment = |text: &str| text.parse::<Timestamp>().expect("a moment");
    LiveGap {
        format_version: FormatVersion,
        stream: StreamName::events(),
        writer: "w-1".parse().expect("an id"),
        span: LiveGapSpan {
            from: moment(from),
            until: moment(until),
        },
        reason: GapReason::Silence,
        code: None,
        recorded_at: moment(until),
    }
}
