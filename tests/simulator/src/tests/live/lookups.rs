//! Lookups by id that lag behind the end of a conversation.

use super::*;

const DETAILS: &str = "api/v2/analytics/conversations/details";

/// Whether the conversation is found, and whether it has ended.
async fn look_up(world: &World, id: &str) -> Option<bool> {
    let found = world.get(&format!("{DETAILS}?id={id}")).await.json();
    let record = found["conversations"].get(0)?;
    assert_eq!(record["conversationId"], id);
    Some(record.get("conversationEnd").is_some())
}

async fn with_lag(absent: u32, open: u32) -> (World, String) {
    let mut settings = quiet();
    settings.live.faults.absent_lookups = absent;
    settings.live.faults.open_lookups = open;
    let world = World::new(settings).await;
    let traffic = Traffic {
        conversations: 1,
        concurrent: 1,
        voice_every: 0,
        ..Traffic::default()
    };
    world.live().begin(traffic);
    world.live().step(1);
    world.advance_clock(Duration::from_mins(1));
    let id = world.live().conversations()[0].id.clone();
    (world, id)
}

#[tokio::test]
async fn the_first_lookups_after_an_end_do_not_see_it() {
    let (world, id) = with_lag(1, 2).await;

    let before = look_up(&world, &id).await;
    world.live().finish(100).await;
    world.advance_clock(Duration::from_mins(1));
    let mut after = Vec::new();
    for _ in 0..5 {
        after.push(look_up(&world, &id).await);
    }

    assert_eq!(before, Some(false));
    assert_eq!(
        after,
        [None, Some(false), Some(false), Some(true), Some(true)]
    );
}

#[tokio::test]
async fn every_end_is_followed_by_its_own_lag() {
    let (world, id) = with_lag(0, 1).await;
    world.live().finish(100).await;
    world.advance_clock(Duration::from_mins(1));
    look_up(&world, &id).await;

    let first = look_up(&world, &id).await;
    assert!(world.live().reopen(&id));
    world.live().finish(100).await;
    world.advance_clock(Duration::from_mins(1));

    assert_eq!(first, Some(true));
    assert_eq!(look_up(&world, &id).await, Some(false));
    assert_eq!(look_up(&world, &id).await, Some(true));
}

#[tokio::test]
async fn a_single_conversation_lags_as_well() {
    let (world, id) = with_lag(1, 0).await;
    world.live().finish(100).await;
    world.advance_clock(Duration::from_mins(1));
    let path = format!("api/v2/analytics/conversations/{id}/details");

    assert_eq!(world.get(&path).await.status, 404);
    assert_eq!(world.get(&path).await.status, 200);
}
