//! Conversations that live capture heard of: each of their ends is in exactly one complete export.

mod api;
mod damage;
mod killed;
mod live;
mod side_by_side;
mod waiting;

use std::time::Duration;

use conversation_archive::export::plan::RequiredRedaction;
use conversation_archive::records::redaction::Profile;
use conversation_archive::storage::queue::Queue;
use end_to_end::world::{Turn, messages_of};
use genesys_simulator::{Route, Settings};

use live::LiveWorld;

#[tokio::test]
async fn four_hints_of_one_conversation_give_one_export() {
    let mut live = LiveWorld::new(501).await;
    let ids = live.ended_ids(2);
    for _ in 0..3 {
        live.hear(&ids[..1]).await;
    }
    live.hear(&ids).await;
    assert_eq!(live.fetch_after_settling().await, Turn::Done);
    live.world.run().await;

    // The fourth hint arrives after the export, and a fifth at once.
    live.hear(&ids[..1]).await;
    live.hear(&ids[..1]).await;
    live.fetch_after_settling().await;
    live.world.run().await;

    live.assert_exported(&[(&ids[0], 1), (&ids[1], 1)]).await;
    assert_eq!(live.exports().await.len(), 1);
}

#[tokio::test]
async fn hints_in_batches_of_any_order_give_one_export_for_each_end() {
    let mut live = LiveWorld::new(502).await;
    let ids = live.ended_ids(6);
    for hints in [&ids[..3], &ids[2..5], &ids[1..2], &ids[4..]] {
        live.hear(hints).await;
    }
    live.world.clock.advance(live::SETTLE);
    let deliveries = live.world.receive_ended();
    let invocation = live.world.invocation();
    let process = live.world.another_process();
    // The whole batch, its halves, and each message alone, without deleting any.
    let halves = [&deliveries[2..], &deliveries[..2]];
    let alone = deliveries.chunks(1).rev();
    for batch in halves.into_iter().chain([&deliveries[..]]).chain(alone) {
        let messages = messages_of(batch);
        let results = process.ended.handle(&messages, &invocation).await.results;
        assert!(results.iter().all(Result::is_ok));
    }
    live.world.queues.expire_in_flight();
    live.world.run().await;

    let once: Vec<_> = ids.iter().map(|id| (id, 1)).collect();
    live.assert_exported(&once).await;
}

#[tokio::test]
async fn a_conversation_that_continues_is_exported_at_its_later_end() {
    let mut live = LiveWorld::new(503).await;
    let ids = live.ended_ids(1);
    for end in ["2026-03-09T20:00:00Z", "2026-03-09T21:00:00Z"] {
        live.api.show_end(&ids[0], end);
        for _ in 0..2 {
            live.hear(&ids).await;
            live.fetch_after_settling().await;
            live.world.run().await;
        }
    }

    live.assert_exported(&[(&ids[0], 2)]).await;
}

#[tokio::test]
async fn a_live_export_has_the_webhook_and_the_redaction_of_the_settings() {
    let mut live = LiveWorld::new(504).await;
    let ids = live.ended_ids(1);
    let required = RequiredRedaction::Strict;
    live.world.process.start.limits.required_redaction = required;
    live.world.process.ended.exports.redaction = required.requested();

    live.hear(&ids).await;
    live.fetch_after_settling().await;
    live.world.run().await;

    live.assert_exported(&[(&ids[0], 1)]).await;
    let (id, _) = live.exports().await.pop_first().expect("an export");
    let transcripts = format!("{id}-transcripts").parse().expect("an id");
    for id in [id, transcripts] {
        let plan = live.world.archive().existing_plan(&id).await;
        let redaction = plan.expect("a plan").redaction.clone();
        assert_eq!(redaction.map(|it| it.profile), Some(Profile::Strict));
    }
}

#[tokio::test]
async fn hostile_ids_reach_neither_a_key_nor_the_api() {
    let mut live = LiveWorld::new(505).await;
    let ids = live.ended_ids(1);
    let hostile = [
        "../open/x",
        "",
        "a/b",
        "%2e%2e",
        "\u{202e}",
        &"x".repeat(2_000),
    ];
    let texts = hostile
        .map(str::to_owned)
        .into_iter()
        .chain([ids[0].clone()]);

    live.send(texts.collect()).await;
    live.fetch_after_settling().await;
    live.world.run().await;

    live.assert_exported(&[(&ids[0], 1)]).await;
    let claims = live.keys("ended/");
    assert_eq!(claims.len(), 2, "{claims:?}");
    assert!(live.api.requested().iter().all(|id| id == &ids[0]));
    assert!(live.world.queues.is_empty());
    let logs = String::from_utf8(live.world.log_bytes()).expect("text");
    assert!(logs.contains(r#""left":6"#), "they are counted");
}

#[tokio::test]
async fn the_lookups_use_their_share_of_the_rate_limit() {
    let mut live = LiveWorld::new(506).await;
    let unknown: Vec<_> = (0..350)
        .map(|number| format!("00000000-0000-4000-8000-{number:012}"))
        .collect();
    let limit = |settings: &mut Settings| settings.rate_per_minute = 300;
    live.world.simulator.update(limit);
    live.hear(&unknown).await;
    live.world.clock.advance(live::SETTLE);
    let since = live.world.now();

    live.world.fetch_ended().await;

    // Four requests and their repetitions, because no list was returned: at a quarter of 300 a minute.
    let stats = live.world.simulator.stats();
    assert_eq!(stats.requests_on(Route::DetailsByIds), 8);
    let took = live.world.now().duration_since(since);
    let took = Duration::try_from(took).expect("a duration");
    assert!(took >= Duration::from_millis(7 * 800), "{took:?}");
    assert_eq!(live.world.queues.contents(Queue::Ended).messages, 1);
}
