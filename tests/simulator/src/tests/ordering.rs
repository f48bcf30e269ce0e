//! `order` and `orderBy` of jobs and queries.

use super::*;
use crate::TruthConversation;

async fn ordered(world: &World, order: &str, by: &str) -> Vec<String> {
    let id = world
        .finish_job(&json!({ "interval": INTERVAL, "order": order, "orderBy": by }))
        .await;
    world.read_all(&id, 1000).await
}

fn ids_by<K: Ord>(world: &World, key: impl Fn(&TruthConversation) -> K) -> Vec<String> {
    let mut truth = world.simulator.truth().conversations;
    truth.sort_by_key(key);
    truth.into_iter().map(|it| it.id).collect()
}

#[tokio::test]
async fn ordered_by_end_open_conversations_come_last() {
    let world = World::new(small_settings()).await;

    let ids = ordered(&world, "asc", "conversationEnd").await;

    let expected = ids_by(&world, |it| it.end.unwrap_or(Timestamp::MAX));
    assert_eq!(ids, expected);
    assert_ne!(ids, ids_by(&world, |it| it.start));
}

#[tokio::test]
async fn segment_order_uses_the_first_start_and_the_last_end() {
    let world = World::new(small_settings()).await;

    let by_start = ordered(&world, "asc", "segmentStart").await;
    let by_end = ordered(&world, "asc", "segmentEnd").await;

    assert_eq!(by_start, ids_by(&world, |it| it.active[0].0));
    let last_end = |it: &TruthConversation| it.active.last().unwrap().1.unwrap_or(Timestamp::MAX);
    assert_eq!(by_end, ids_by(&world, last_end));
}

#[tokio::test]
async fn an_unknown_order_is_refused() {
    let world = World::new(small_settings()).await;

    for body in [
        json!({ "interval": INTERVAL, "order": "sideways" }),
        json!({ "interval": INTERVAL, "orderBy": "shoeSize" }),
    ] {
        assert_eq!(world.post(JOBS, &body).await.status, 400, "{body}");
    }
}
