//! A webhook stays owed until it is accepted, permanently refused or given up, whatever happens to its messages.

use std::time::Duration;

use conversation_archive::archive::{deliveries, outcomes};
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::delivery::DeliveryState;
use conversation_archive::export::message::WebhookMessage;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::storage::queue::Queue;
use conversation_archive::storage::store::{ArchiveStore as _, Object};
use end_to_end::process::invocation;
use end_to_end::world::{Turn, World, organisation, start_job};
use send_webhook::ReceivedMessage;
use sweep_exports::SweepOutcome;

const HOUR: Duration = Duration::from_hours(1);

/// Responses of a receiver that never accepts a delivery.
const ALWAYS_REFUSED: [u16; 12] = [500; 12];

/// A world with an export whose outcome is decided and whose webhook message has not been received.
async fn start_until_webhook_queued(seed: u64) -> (World, ExportId) {
    let (mut world, id) = start_job(organisation(seed, 20), "").await;
    let queued = |world: &World| world.queues.contents(Queue::Webhooks).messages > 0;
    let still_open = |world: &World| !keys(world, "open/").is_empty();
    assert!(
        world
            .run_until(|world| queued(world) && !still_open(world))
            .await
    );
    (world, id)
}

fn keys(world: &World, prefix: &str) -> Vec<String> {
    let keys = world.store.snapshot().into_keys();
    keys.filter(|key| key.starts_with(prefix)).collect()
}

fn delivery_count(world: &World) -> usize {
    let keys = keys(world, "audit/");
    keys.iter().filter(|key| key.contains("-delivery-")).count()
}

async fn delivery_state(world: &World, id: &ExportId) -> DeliveryState {
    let archive = world.archive();
    let outcome = outcomes::newest(&archive, id)
        .await
        .expect("read")
        .expect("decided");
    deliveries::delivery_state(&archive, &outcome)
        .await
        .expect("read")
}

#[tokio::test]
async fn a_webhook_whose_message_was_lost_is_sent_by_the_sweep() {
    let (mut world, _) = start_until_webhook_queued(201).await;
    world.lose_messages();

    world.advance_clock(HOUR);
    assert_eq!(world.sweep().await, [], "it may still be under way");
    world.advance_clock(Duration::from_secs(1));
    assert_eq!(world.sweep().await, [SweepOutcome::WebhookSent]);
    world.run().await;

    assert_eq!(world.receiver.deliveries().len(), 1);
    assert_eq!(keys(&world, "owed/"), [""; 0]);
    world.advance_clock(2 * HOUR);
    assert_eq!(world.sweep().await, []);
}

#[tokio::test]
async fn a_webhook_whose_message_is_a_dead_letter_is_sent_by_the_sweep() {
    let (mut world, _) = start_until_webhook_queued(213).await;
    let delivery = world.queues.receive(Queue::Webhooks).expect("a message");
    let result = world
        .queues
        .record_dead_letter(Queue::Webhooks, &delivery.receipt);
    result.expect("a dead letter");
    world.run().await;
    assert!(world.receiver.deliveries().is_empty());
    world.advance_clock(HOUR + Duration::from_secs(1));

    assert_eq!(world.sweep().await, [SweepOutcome::WebhookSent]);
    world.run().await;

    assert_eq!(world.receiver.deliveries().len(), 1);
}

#[tokio::test]
async fn a_webhook_is_delivered_after_a_hundred_unhandled_receives() {
    let (mut world, _) = start_until_webhook_queued(202).await;

    // Received but never handled: the function is throttled, or its store does not respond.
    for _ in 0..100 {
        world.queues.receive(Queue::Webhooks).expect("a message");
        world.advance_clock(Queue::Webhooks.settings().visibility_timeout);
    }
    world.run().await;

    assert_eq!(world.receiver.deliveries().len(), 1);
}

#[tokio::test]
async fn unhandled_receives_do_not_shorten_the_delivery_schedule() {
    let (mut world, _) = start_until_webhook_queued(203).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED[..11]);
    for _ in 0..10 {
        world.queues.receive(Queue::Webhooks).expect("a message");
        world.advance_clock(Queue::Webhooks.settings().visibility_timeout);
    }
    let since = world.now();

    world.run().await;

    assert_eq!(delivery_count(&world), 12);
    assert_eq!(world.receiver.deliveries().len(), 1);
    let hours = world.now().duration_since(since).as_hours();
    assert!((22..=26).contains(&hours), "{hours} hours");
}

#[tokio::test]
async fn resent_messages_do_not_shorten_the_delivery_schedule() {
    let (mut world, id) = start_until_webhook_queued(204).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED);
    // For five hours the message is not handled, and each sweep sends another one.
    for _ in 0..5 {
        world.advance_clock(HOUR + Duration::from_secs(1));
        assert_eq!(world.sweep().await, [SweepOutcome::WebhookSent]);
    }
    let since = world.now();

    world.run().await;

    assert_eq!(delivery_count(&world), 12);
    assert!(matches!(
        delivery_state(&world, &id).await,
        DeliveryState::GivenUp(_)
    ));
    let hours = world.now().duration_since(since).as_hours();
    assert!((22..=26).contains(&hours), "{hours} hours");
}

#[tokio::test]
async fn a_duplicated_message_causes_no_extra_delivery() {
    let (mut world, _) = start_until_webhook_queued(205).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED[..4]);
    assert!(world.queues.duplicate(Queue::Webhooks, 0));

    world.run().await;

    assert_eq!(delivery_count(&world), 5);
    assert_eq!(world.receiver.deliveries().len(), 1);
}

#[tokio::test]
async fn a_webhook_waiting_for_its_next_delivery_is_not_resent() {
    let (mut world, _) = start_until_webhook_queued(206).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED);

    let mut swept_at = world.now();
    while world.turn().await != Turn::Idle || world.advance_to_next_message() {
        if world.now().duration_since(swept_at).unsigned_abs() >= HOUR {
            swept_at = world.now();
            assert_eq!(world.sweep().await, [], "at {swept_at}");
        }
    }

    assert_eq!(delivery_count(&world), 12);
}

#[tokio::test]
async fn a_webhook_that_is_given_up_is_recorded_as_given_up() {
    let (mut world, id) = start_until_webhook_queued(207).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED);

    world.run().await;

    assert!(matches!(
        delivery_state(&world, &id).await,
        DeliveryState::GivenUp(_)
    ));
    assert_eq!(keys(&world, "owed/"), [""; 0]);
    world.advance_clock(2 * HOUR);
    assert_eq!(world.sweep().await, [], "it is not sent any more");
    world.verify(&id).await;
}

#[tokio::test]
async fn a_resume_starts_a_new_delivery_schedule() {
    let (mut world, id) = start_until_webhook_queued(208).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED);
    world.run().await;

    world.receiver.respond_first_with(&ALWAYS_REFUSED[..3]);
    world.resume(&id).await;
    assert_eq!(keys(&world, "owed/").len(), 1);
    world.run().await;

    assert_eq!(delivery_count(&world), 16);
    assert_eq!(world.receiver.deliveries().len(), 1);
    assert_eq!(delivery_state(&world, &id).await, DeliveryState::Delivered);
    assert_eq!(keys(&world, "owed/"), [""; 0]);
}

#[tokio::test]
async fn a_resumed_webhook_whose_message_was_lost_is_sent_by_the_sweep() {
    let (mut world, id) = start_until_webhook_queued(209).await;
    world.receiver.respond_first_with(&ALWAYS_REFUSED);
    world.run().await;
    world.resume(&id).await;
    world.lose_messages();
    world.advance_clock(HOUR + Duration::from_secs(1));

    assert_eq!(world.sweep().await, [SweepOutcome::WebhookSent]);
    world.run().await;

    assert_eq!(world.receiver.deliveries().len(), 1);
}

#[tokio::test]
async fn no_webhook_is_owed_after_a_410() {
    let (mut world, _) = start_until_webhook_queued(210).await;
    world.receiver.respond_first_with(&[410]);
    assert!(world.queues.duplicate(Queue::Webhooks, 0));

    world.run().await;

    assert_eq!(keys(&world, "owed/"), [""; 0]);
    assert_eq!(delivery_count(&world), 1, "the copy delivers nothing");
}

#[tokio::test]
async fn a_marker_of_a_delivered_webhook_is_removed_by_the_sweep() {
    let (mut world, id) = start_until_webhook_queued(211).await;
    let owed = keys(&world, "owed/");
    let marker = world.store.snapshot()[&owed[0]].clone();
    world.run().await;
    let marker_object = Object {
        key: owed[0].clone(),
        body: marker,
        content_type: "application/json",
        content_encoding: None,
    };
    world.store.replace(marker_object).await.expect("written");
    world.advance_clock(2 * HOUR);

    assert_eq!(world.sweep().await, []);

    assert_eq!(keys(&world, "owed/"), [""; 0]);
    world.verify(&id).await;
}

#[tokio::test]
async fn an_export_without_a_webhook_marker_is_not_swept() {
    let (mut world, id) = start_until_webhook_queued(212).await;
    let owed = keys(&world, "owed/");
    world.store.delete(&owed[0]).await.expect("deleted");
    world.lose_messages();
    world.advance_clock(2 * HOUR);

    assert_eq!(world.sweep().await, []);
    world.resume(&id).await;
    world.run().await;

    assert_eq!(world.receiver.deliveries().len(), 1);
}

#[tokio::test]
async fn an_outcome_of_another_export_is_not_sent_to_the_receiver() {
    let (mut world, id) = start_job(organisation(212, 20), r#","exportId":"ours""#).await;
    let request = world.request("analytics-job", r#","exportId":"theirs""#);
    let other = world.start(&request).await;
    world.run().await;
    let message = WebhookMessage {
        format_version: FormatVersion,
        export_id: id,
        attempt: 1,
        outcome_key: ObjectKey::Manifest(&other).key(),
        sent_at: None,
    };

    let received = ReceivedMessage {
        message: &message,
        receipt: "receipt",
        receive_count: 1,
    };
    let invocation = invocation(60, &world.clock);
    let handled = world.process.webhook.handle(received, &invocation).await;

    assert_eq!(
        handled.unwrap_err().to_string(),
        "the marker owed/ours-01 names exports/theirs/manifest.json, an outcome of another export or attempt"
    );
    assert_eq!(world.receiver.deliveries().len(), 2);
}
