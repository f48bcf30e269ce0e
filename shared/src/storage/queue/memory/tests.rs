use futures::FutureExt as _;

use super::*;
use crate::storage::queue::conformance::{QUEUE_PROMISES, Subject};
use crate::storage::queue::{DEDUPLICATION_WINDOW, Fifo, MAX_DELAY, MAX_VISIBILITY};

const SECOND: Duration = Duration::from_secs(1);

fn queues() -> (MemoryQueues, Clock) {
    let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
    (MemoryQueues::new(clock.clone()), clock)
}

fn page(group: &str, id: &str) -> OutgoingMessage {
    let fifo = Fifo {
        group: group.into(),
        deduplication_id: id.into(),
    };
    OutgoingMessage {
        queue: Queue::Pages,
        body: id.into(),
        fifo: Some(fifo),
        delay: Duration::ZERO,
    }
}

fn waiting(body: &str, delay: Duration) -> OutgoingMessage {
    OutgoingMessage {
        queue: Queue::Waiting,
        body: body.into(),
        fifo: None,
        delay,
    }
}

fn visibility(queue: Queue) -> Duration {
    queue.settings().visibility_timeout
}

async fn send_all(queues: &MemoryQueues, messages: impl IntoIterator<Item = OutgoingMessage>) {
    for message in messages {
        queues.send(message).await.unwrap();
    }
}

/// Receives the message and lets the visibility timeout pass, like a consumer that crashes each time.
fn receive_and_crash(queues: &MemoryQueues, clock: &Clock, queue: Queue, times: u32) {
    for time in 1..=times {
        let delivery = queues.receive(queue).unwrap();
        assert_eq!(delivery.receive_count, time);
        clock.advance(visibility(queue));
    }
}

#[tokio::test]
async fn the_in_process_queues_keep_every_promise_of_a_queue() {
    for promise in QUEUE_PROMISES {
        let (queues, clock) = queues();
        let subject = Subject {
            queues: Arc::new(queues.clone()),
            consumer: Arc::new((queues, clock)),
        };

        let result = promise.run(&subject).await;

        assert!(result.is_ok(), "{result:?}");
    }
}

#[tokio::test]
async fn an_undeleted_message_returns_after_its_visibility_timeout() {
    let (queues, clock) = queues();
    send_all(&queues, [page("g", "1")]).await;
    let first = queues.receive(Queue::Pages).unwrap();

    clock.advance(visibility(Queue::Pages).saturating_sub(SECOND));
    let early = queues.receive(Queue::Pages);
    clock.advance(SECOND);
    let second = queues.receive(Queue::Pages).unwrap();

    assert_eq!(early, None);
    assert_eq!((second.body, second.receive_count), (first.body, 2));
}

#[tokio::test]
async fn a_buried_message_becomes_a_dead_letter_at_once() {
    let (queues, _) = queues();
    send_all(&queues, [page("g", "1"), page("g", "2")]).await;
    let first = queues.receive(Queue::Pages).unwrap();

    queues
        .record_dead_letter(Queue::Pages, &first.receipt)
        .unwrap();

    let letters = queues.dead_letters(Queue::Pages);
    assert_eq!((letters.len(), &letters[0].body), (1, &first.body));
    assert_eq!(queues.receive(Queue::Pages).unwrap().body, "2");
    assert!(
        queues
            .record_dead_letter(Queue::Pages, &first.receipt)
            .is_err()
    );
}

#[tokio::test]
async fn an_outdated_receipt_deletes_nothing() {
    let (queues, clock) = queues();
    send_all(&queues, [page("g", "1")]).await;
    let first = queues.receive(Queue::Pages).unwrap();
    clock.advance(visibility(Queue::Pages));

    let deleted_expired = queues.delete(Queue::Pages, &first.receipt);
    let second = queues.receive(Queue::Pages).unwrap();
    let deleted_outdated = queues.delete(Queue::Pages, &first.receipt);

    assert!(!deleted_expired && !deleted_outdated);
    assert!(queues.delete(Queue::Pages, &second.receipt));
    assert!(queues.is_empty());
}

#[tokio::test]
async fn an_outdated_receipt_postpones_nothing() {
    let (queues, clock) = queues();
    send_all(&queues, [waiting("1", Duration::ZERO)]).await;
    let first = queues.receive(Queue::Waiting).unwrap();
    clock.advance(visibility(Queue::Waiting));

    let refused = queues
        .postpone(Queue::Waiting, &first.receipt, SECOND)
        .await
        .unwrap_err();

    assert_eq!(refused.source.to_string(), "the receipt is outdated");
    assert!(queues.receive(Queue::Waiting).is_some());
}

#[tokio::test]
async fn a_message_received_too_often_becomes_a_dead_letter() {
    let (queues, clock) = queues();
    let limit = Queue::Pages.settings().max_receive_count;
    send_all(&queues, [page("g", "1"), page("g", "2")]).await;

    receive_and_crash(&queues, &clock, Queue::Pages, limit);

    let dead = DeadLetter {
        body: "1".into(),
        receive_count: limit,
    };
    assert_eq!(
        queues.dead_letters(Queue::Pages),
        std::slice::from_ref(&dead)
    );
    assert_eq!(
        queues.receive(Queue::Pages).unwrap().body,
        "2",
        "a dead letter unblocks its group"
    );
    assert_eq!(queues.take_dead_letter(Queue::Pages), Some(dead));
    assert_eq!(queues.take_dead_letter(Queue::Pages), None);
}

#[tokio::test]
async fn a_message_can_still_be_deleted_on_its_last_receive() {
    let (queues, clock) = queues();
    send_all(&queues, [page("g", "1")]).await;
    receive_and_crash(
        &queues,
        &clock,
        Queue::Pages,
        Queue::Pages.settings().max_receive_count - 1,
    );

    let last = queues.receive(Queue::Pages).unwrap();

    assert!(queues.delete(Queue::Pages, &last.receipt));
    assert_eq!(queues.dead_letters(Queue::Pages), []);
}

#[tokio::test]
async fn releasing_a_message_on_its_last_receive_makes_a_dead_letter() {
    let (queues, clock) = queues();
    send_all(&queues, [page("g", "1")]).await;
    receive_and_crash(
        &queues,
        &clock,
        Queue::Pages,
        Queue::Pages.settings().max_receive_count - 1,
    );
    let last = queues.receive(Queue::Pages).unwrap();

    queues
        .release(Queue::Pages, &last.receipt, Duration::ZERO)
        .unwrap();

    assert_eq!(queues.dead_letters(Queue::Pages).len(), 1);
    assert!(queues.is_empty());
}

#[tokio::test]
async fn a_duplicate_is_discarded_for_five_minutes_and_no_longer() {
    let (queues, clock) = queues();
    send_all(&queues, [page("g", "1")]).await;
    let first = queues.receive(Queue::Pages).unwrap();
    queues.delete(Queue::Pages, &first.receipt);

    clock.advance(DEDUPLICATION_WINDOW.saturating_sub(SECOND));
    send_all(&queues, [page("g", "1")]).await;
    let depth_after_duplicate = queues.depth(Queue::Pages).await.unwrap();
    clock.advance(SECOND);
    send_all(&queues, [page("g", "1")]).await;

    assert_eq!(depth_after_duplicate, 0);
    assert_eq!(
        queues.depth(Queue::Pages).await.unwrap(),
        1,
        "the swallowed repeat did not extend the window"
    );
}

#[tokio::test]
async fn deduplication_ids_are_separate_for_each_queue() {
    let (queues, _) = queues();
    let outcome = OutgoingMessage {
        queue: Queue::Completion,
        ..page("g", "1")
    };

    send_all(&queues, [page("g", "1"), outcome]).await;

    assert_eq!(queues.depth(Queue::Completion).await.unwrap(), 1);
}

#[tokio::test]
async fn a_postponed_message_can_be_deleted() {
    let (queues, clock) = queues();
    send_all(&queues, [waiting("1", Duration::ZERO)]).await;
    let delivery = queues.receive(Queue::Waiting).unwrap();
    queues
        .release(Queue::Waiting, &delivery.receipt, SECOND)
        .unwrap();

    let deleted = queues.delete(Queue::Waiting, &delivery.receipt);

    clock.advance(SECOND);
    assert!(deleted);
    assert_eq!(queues.receive(Queue::Waiting), None);
}

#[tokio::test]
async fn a_message_is_postponed_at_most_twelve_hours_from_its_receipt() {
    let (queues, clock) = queues();
    send_all(&queues, [waiting("1", Duration::ZERO)]).await;
    let delivery = queues.receive(Queue::Waiting).unwrap();
    clock.advance(SECOND);

    let refused = queues
        .release(Queue::Waiting, &delivery.receipt, MAX_VISIBILITY)
        .unwrap_err();

    insta::assert_snapshot!(refused.source, @"a delay of 43200 s is longer than 43199 s");
    queues
        .release(
            Queue::Waiting,
            &delivery.receipt,
            MAX_VISIBILITY.saturating_sub(SECOND),
        )
        .unwrap();
}

#[tokio::test]
async fn an_expired_message_is_dropped_without_a_dead_letter() {
    let (queues, clock) = queues();
    send_all(&queues, [waiting("1", MAX_DELAY)]).await;

    clock.advance(Queue::Waiting.settings().retention);

    assert_eq!(queues.receive(Queue::Waiting), None);
    assert_eq!(queues.dead_letters(Queue::Waiting), []);
}

#[tokio::test]
async fn on_a_standard_queue_any_message_can_come_next() {
    let (queues, _) = queues();
    send_all(
        &queues,
        ["1", "2", "3"].map(|body| waiting(body, Duration::ZERO)),
    )
    .await;

    let last = queues
        .receive_with(Queue::Waiting, |eligible| eligible - 1)
        .unwrap();
    let first = queues.receive(Queue::Waiting).unwrap();

    assert_eq!((last.body.as_str(), first.body.as_str()), ("3", "1"));
}

#[tokio::test]
async fn on_an_ordered_queue_only_the_first_of_each_group_can_come_next() {
    let (queues, _) = queues();
    let sent = [
        ("a", "a1"),
        ("a", "a2"),
        ("b", "b1"),
        ("c", "c1"),
        ("b", "b2"),
    ];
    send_all(&queues, sent.map(|(group, id)| page(group, id))).await;

    let picked = queues
        .receive_with(Queue::Pages, |eligible| {
            assert_eq!(eligible, 3);
            1
        })
        .unwrap();

    assert_eq!(picked.body, "b1");
    let rest = [
        queues.receive(Queue::Pages),
        queues.receive(Queue::Pages),
        queues.receive(Queue::Pages),
    ];
    assert_eq!(
        rest.map(|delivery| delivery.map(|d| d.body)),
        [Some("a1".into()), Some("c1".into()), None]
    );
}

#[tokio::test]
async fn an_index_out_of_range_picks_the_last_message() {
    let (queues, _) = queues();
    send_all(
        &queues,
        ["1", "2"].map(|body| waiting(body, Duration::ZERO)),
    )
    .await;

    let picked = queues.receive_with(Queue::Waiting, |_| usize::MAX).unwrap();

    assert_eq!(picked.body, "2");
}

#[tokio::test]
async fn the_next_visible_time_is_the_earliest_of_all_messages() {
    let (queues, clock) = queues();
    let start = clock.now();
    assert_eq!(queues.next_visible(Queue::Waiting), None);
    send_all(
        &queues,
        [waiting("1", 9 * SECOND), waiting("2", 5 * SECOND)],
    )
    .await;

    let next = queues.next_visible(Queue::Waiting).unwrap();

    assert_eq!(next, start + 5 * SECOND);
    clock.advance(5 * SECOND);
    assert_eq!(queues.next_visible(Queue::Waiting), Some(clock.now()));
    assert_eq!(queues.receive(Queue::Waiting).unwrap().body, "2");
    assert_eq!(
        queues.next_visible(Queue::Waiting),
        Some(start + 9 * SECOND)
    );
}

#[tokio::test]
async fn a_blocked_group_is_next_visible_with_its_first_message() {
    let (queues, clock) = queues();
    send_all(&queues, [page("g", "1"), page("g", "2")]).await;
    queues.receive(Queue::Pages).unwrap();

    let next = queues.next_visible(Queue::Pages);

    assert_eq!(next, Some(clock.now() + visibility(Queue::Pages)));
}

#[tokio::test]
async fn a_standard_queue_can_be_made_to_deliver_twice() {
    let (queues, _) = queues();
    send_all(&queues, [waiting("1", Duration::ZERO), page("g", "p")]).await;
    let first = queues.receive(Queue::Waiting).unwrap();

    let duplicated = queues.duplicate(Queue::Waiting, 0);
    queues.delete(Queue::Waiting, &first.receipt);

    assert!(duplicated);
    assert_eq!(queues.receive(Queue::Waiting).unwrap().body, "1");
    assert!(
        !queues.duplicate(Queue::Waiting, 7),
        "there is no such message"
    );
    assert!(
        !queues.duplicate(Queue::Pages, 0),
        "a FIFO queue never delivers twice"
    );
}

#[tokio::test]
async fn expiring_held_messages_keeps_postponed_ones_invisible() {
    let (queues, clock) = queues();
    send_all(
        &queues,
        ["held", "postponed"].map(|body| waiting(body, Duration::ZERO)),
    )
    .await;
    queues.receive(Queue::Waiting).unwrap();
    let postponed = queues.receive(Queue::Waiting).unwrap();
    queues
        .release(Queue::Waiting, &postponed.receipt, SECOND)
        .unwrap();

    queues.expire_in_flight();

    assert_eq!(queues.in_flight(Queue::Waiting), 1);
    assert_eq!(queues.receive(Queue::Waiting).unwrap().body, "held");
    assert_eq!(queues.receive(Queue::Waiting), None);
    clock.advance(SECOND);
    assert_eq!(queues.receive(Queue::Waiting).unwrap().body, "postponed");
}

#[tokio::test]
async fn a_postponed_message_is_in_flight_but_not_in_hand() {
    let (queues, _) = queues();
    send_all(
        &queues,
        ["1", "2"].map(|body| waiting(body, Duration::ZERO)),
    )
    .await;
    let first = queues.receive(Queue::Waiting).unwrap();
    queues.receive(Queue::Waiting).unwrap();

    queues
        .release(Queue::Waiting, &first.receipt, SECOND)
        .unwrap();

    assert_eq!(queues.in_flight(Queue::Waiting), 2);
    assert_eq!(queues.contents(Queue::Waiting).in_progress, 1);
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_a_manual_clock() {
    let (queues, clock) = queues();
    send_all(&queues, [waiting("later", SECOND)]).await;

    let mut next = std::pin::pin!(queues.wait_for_message(Queue::Waiting));
    assert!(next.as_mut().now_or_never().is_none());
    clock.advance(SECOND);

    assert_eq!(next.await.body, "later");
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_a_message() {
    let queues = MemoryQueues::new(Clock::System);
    let consumer = queues.clone();

    let (delivery, ()) = tokio::join!(consumer.wait_for_message(Queue::Waiting), async {
        tokio::task::yield_now().await;
        queues.send(waiting("1", Duration::ZERO)).await.unwrap();
    });

    assert_eq!(delivery.body, "1");
}

#[tokio::test]
async fn a_consumer_waiting_for_a_group_is_woken_by_a_deletion() {
    let queues = MemoryQueues::new(Clock::System);
    send_all(&queues, [page("g", "1"), page("g", "2")]).await;
    let first = queues.wait_for_message(Queue::Pages).await;
    let consumer = queues.clone();

    let (second, ()) = tokio::join!(consumer.wait_for_message(Queue::Pages), async {
        tokio::task::yield_now().await;
        queues.delete(Queue::Pages, &first.receipt);
    });

    assert_eq!(second.body, "2");
}

#[tokio::test]
async fn debug_output_of_the_queues_hides_the_bodies() {
    let (queues, _) = queues();
    send_all(&queues, [waiting("secret", Duration::ZERO)]).await;

    let debug = format!("{queues:?}");

    assert!(!debug.contains("secret"));
}
