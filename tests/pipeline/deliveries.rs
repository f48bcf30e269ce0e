//! Webhooks: one id an outcome, tried until it is taken.

use end_to_end::world::{World, organisation};

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
