//! Conversation details by id.

use super::*;

const DETAILS: &str = "api/v2/analytics/conversations/details";

#[tokio::test]
async fn one_conversation_is_served_without_attributes() {
    let world = World::new(small_settings()).await;
    let truth = world.simulator.truth().conversations;
    let plain = |json: &str| !json.contains("\"attributes\":");
    let without = truth.iter().find(|it| plain(&it.json)).unwrap();
    let with = truth.iter().find(|it| !plain(&it.json)).unwrap();
    let path = |id: &str| format!("api/v2/analytics/conversations/{id}/details");

    let verbatim = world.get(&path(&without.id)).await;
    let cut = world.get(&path(&with.id)).await;

    assert_eq!(verbatim.text(), without.json);
    assert_eq!(cut.json()["conversationId"], with.id.as_str());
    assert!(plain(cut.text()));
}

#[tokio::test]
async fn requested_conversations_are_served_and_unknown_ones_left_out() {
    let world = World::new(small_settings()).await;
    let truth = world.simulator.truth().conversations;
    let (a, b) = (&truth[7].id, &truth[3].id);

    let found = world
        .get(&format!("{DETAILS}?id={a},nobody,{b}"))
        .await
        .json();

    let ids: Vec<_> = found["conversations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["conversationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [a, b]);
    let none = world.get(&format!("{DETAILS}?id=nobody")).await;
    assert_eq!((none.status, none.text()), (200, "{}"));
}

#[tokio::test]
async fn an_unknown_conversation_is_a_404_with_its_own_code() {
    let world = World::new(small_settings()).await;

    let response = world
        .get("api/v2/analytics/conversations/nobody/details")
        .await;

    assert_eq!(response.status, 404);
    assert_eq!(response.json()["code"], "conversation.not.found");
    assert_eq!(world.get(DETAILS).await.status, 400);
}

#[tokio::test]
async fn a_conversation_that_has_not_started_is_not_found() {
    let world = World::new(Settings {
        interval: (time("2026-03-05T12:00:00Z"), time("2026-03-06T11:00:00Z")),
        spill: 0.0,
        ..small_settings()
    })
    .await;
    let last = world.simulator.truth().conversations.pop().unwrap();
    let path = format!("api/v2/analytics/conversations/{}/details", last.id);

    let before = world.get(&path).await.status;
    world.advance_clock(Duration::from_hours(23));

    assert_eq!((before, world.get(&path).await.status), (404, 200));
}

#[tokio::test]
async fn an_amended_conversation_is_served_changed_by_every_read() {
    let world = World::new(small_settings()).await;
    let before = world.simulator.truth().conversations;
    let id = before[3].id.clone();

    let amended = world.simulator.amend(&[id.clone(), "nobody".to_owned()]);

    let after = world.simulator.truth().conversations;
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.json != after.json)
        .map(|(before, _)| before.id.as_str())
        .collect();
    assert_eq!((amended, changed), (1, vec![id.as_str()]));
    let details = world
        .get(&format!("api/v2/analytics/conversations/{id}/details"))
        .await;
    assert_eq!(details.json()["selfServed"], true);
}
