//! Conversations that have not ended, that the API does not know yet, or that it does not answer for.

use std::time::Duration;

use conversation_archive::base::time::later;
use conversation_archive::export::message::EndedMessage;
use conversation_archive::storage::queue::{MessageQueue as _, Queue};
use end_to_end::world::Turn;
use jiff::Timestamp;

use super::live::LiveWorld;

const MINUTE: Duration = Duration::from_mins(1);

/// Handles each message when it is visible. Returns the times of the lookups, in seconds since the first one.
async fn lookups(live: &mut LiveWorld, most: usize) -> Vec<i64> {
    let mut times = Vec::new();
    let mut requested = live.api.requested().len();
    while times.len() < most && live.world.advance_to_next_message() {
        let now = live.world.now();
        live.world.turn().await;
        if std::mem::replace(&mut requested, live.api.requested().len()) < requested {
            times.push(now);
        }
    }
    let seconds = |at: &Timestamp| at.duration_since(times[0]).as_secs();
    times.iter().map(seconds).collect()
}

#[tokio::test]
async fn a_conversation_in_progress_is_looked_up_at_growing_intervals() {
    let mut live = LiveWorld::new(531).await;
    let ids = live.ended_ids(1);
    live.api.show_in_progress(&ids[0]);
    live.hear(&ids).await;

    let times = lookups(&mut live, 100).await;

    let minutes: Vec<_> = times.windows(2).map(|it| (it[1] - it[0]) / 60).collect();
    assert_eq!(minutes, [2, 5, 15, 60, 180, 480]);
    live.assert_exported(&[]).await;
    assert_eq!(live.world.highest_receive_count, 1);
    let logs = String::from_utf8(live.world.log_bytes()).expect("text");
    assert!(logs.contains(r#""left":1"#), "it is counted");
}

#[tokio::test]
async fn a_lookup_that_lags_finds_the_conversation_later() {
    let mut live = LiveWorld::new(532).await;
    let ids = live.ended_ids(2);
    live.api.hide(&ids[0]);
    live.api.show_in_progress(&ids[1]);
    live.hear(&ids).await;
    lookups(&mut live, 3).await;

    live.api.show_as_it_is(&ids[0]);
    live.api.show_as_it_is(&ids[1]);
    live.world.run().await;

    live.assert_exported(&[(&ids[0], 1), (&ids[1], 1)]).await;
    assert_eq!(live.exports().await.len(), 1);
}

#[tokio::test]
async fn an_end_younger_than_the_settle_time_is_exported_when_it_is_older() {
    let mut live = LiveWorld::new(533).await;
    let ids = live.ended_ids(1);
    let end = later(live.world.now(), 2 * MINUTE);
    live.api.show_end(&ids[0], &end.to_string());
    live.hear(&ids).await;

    live.fetch_after_settling().await;
    let next = live.world.queues.contents(Queue::Ended).next_visible;
    live.world.run().await;

    let settled = later(end, live.world.process.ended.settle);
    assert!(next.is_some_and(|next| next >= settled && next < later(settled, MINUTE)));
    live.assert_exported(&[(&ids[0], 1)]).await;
    assert_eq!(
        live.api
            .requested()
            .iter()
            .filter(|id| *id == &ids[0])
            .count(),
        3
    );
}

#[tokio::test]
async fn a_refused_or_unavailable_api_loses_nothing_and_costs_no_receive() {
    for status in [401, 403, 404, 500, 503] {
        let mut live = LiveWorld::new(534).await;
        let ids = live.ended_ids(3);
        live.hear(&ids).await;
        live.api.refuse(Some(status));
        let until = later(live.world.now(), Duration::from_hours(50));
        while live.world.now() < until {
            assert!(live.world.advance_to_next_message(), "{status}");
            assert_eq!(live.world.turn().await, Turn::Done, "{status}");
        }

        live.api.refuse(None);
        live.world.run().await;

        assert_eq!(live.world.highest_receive_count, 1, "{status}");
        let once: Vec<_> = ids.iter().map(|id| (id, 1)).collect();
        live.assert_exported(&once).await;
    }
}

#[tokio::test]
async fn after_fourteen_days_without_an_answer_conversations_are_left() {
    let mut live = LiveWorld::new(535).await;
    let ids = live.ended_ids(3);
    live.hear(&ids).await;
    live.api.refuse(Some(403));
    let since = live.world.now();

    live.world.run().await;

    let days = live.world.now().duration_since(since).as_hours() / 24;
    assert_eq!(days, 14);
    live.assert_exported(&[]).await;
    assert!(live.world.queues.dead_letters(Queue::Ended).is_empty());
    let logs = String::from_utf8(live.world.log_bytes()).expect("text");
    assert!(logs.contains(r#""left":3"#), "they are counted");
    assert!(logs.contains("lookup of conversations refused"));
}

#[tokio::test]
async fn a_message_for_later_than_the_queue_allows_is_sent_again() {
    let mut live = LiveWorld::new(536).await;
    let ids = live.ended_ids(1);
    let (now, settle) = (live.world.now(), Duration::from_mins(40));
    let id = ids[0].parse().expect("an id");
    for message in EndedMessage::heard([id], now, settle) {
        let outgoing = message.outgoing(now).expect("a message");
        live.world.queues.send(outgoing).await.expect("sent");
    }

    let times = lookups(&mut live, 1).await;

    assert_eq!(times.len(), 1);
    assert!(live.world.now() >= later(now, settle));
    live.world.run().await;
    live.assert_exported(&[(&ids[0], 1)]).await;
}
