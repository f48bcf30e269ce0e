//! Receivers that do not accept a webhook. The clock is manual and is advanced over each wait between two deliveries.

use conversation_archive::archive::deliveries;
use conversation_archive::export::delivery::Delivery;
use conversation_archive::export::outcome::Outcome;
use conversation_archive::net::webhook::Signer;
use conversation_archive::storage::queue::Queue;

use super::*;
use crate::receiver::scripted::{Answer, Scripted};

/// The engine must end within this time, by its own clock, after the export is decided.
const PATIENCE: Duration = Duration::from_mins(1);

impl World {
    /// A world with its own clock, whose export notifies `receiver`.
    async fn telling(receiver: &Scripted) -> Self {
        let march = Clock::manual("2026-03-10T00:00:00Z".parse().unwrap());
        let secret = "whsec_c2ltdWxhdGVkLXNpZ25pbmcta2V5LW9mLTMyLWJ5dGVz".to_owned();
        Self {
            clock: march,
            signer: Some(Signer::new(&secret.into()).unwrap()),
            webhook_url: Some(receiver.url().to_owned()),
            ..Self::new().await
        }
    }

    /// Runs the engine until it ends. The clock stands still while the engine works, and advances when every delivery
    /// is postponed.
    async fn run(&self, engine: &Engine) -> Ended {
        let queues = &engine.handlers.queues;
        let mut running = engine.run(&self.id);
        loop {
            let deliveries = queues.holding(Queue::Webhooks);
            // Called after the queue was read: it decides on the same state, before the clock advances.
            if let Some(ended) = running.look(false).await.unwrap() {
                return ended;
            }
            if let Some(next) = deliveries.next_visible
                && deliveries.in_hand == 0
            {
                let wait = next.duration_since(self.clock.now());
                self.clock.advance(wait.try_into().unwrap_or_default());
            }
            tokio::task::yield_now().await;
        }
    }

    async fn outcome(&self, engine: &Engine) -> Outcome {
        engine.outcome(&self.id).await.unwrap().unwrap()
    }

    async fn delivery(&self, engine: &Engine) -> Delivery {
        let outcome = self.outcome(engine).await;
        deliveries::state(&engine.archive(), &outcome)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusing_receiver_ends_the_engine_within_a_minute() {
    let answers = [
        301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 422, 429, 500, 503,
    ]
    .map(Answer::Status)
    .into_iter()
    .chain([
        Answer::Redirect(308, "https://new.example/p"),
        Answer::HangUp,
    ]);
    for answer in answers {
        let receiver = Scripted::start(&[answer]).await;
        let world = World::telling(&receiver).await;
        let (engine, _events) = world.engine();
        let since = world.clock.now();
        world.start(&engine).await;

        let ended = world.run(&engine).await;

        assert_eq!(ended, Ended::DeliveryOwed, "{answer:?}");
        let took = Duration::try_from(world.clock.now().duration_since(since)).unwrap();
        assert!(took <= PATIENCE, "{answer:?}: {took:?}");
        assert_eq!(receiver.ids().len(), 3, "{answer:?}: retried for a while");
        assert!(world.outcome(&engine).await.status.is_complete());
        let delivery = world.delivery(&engine).await;
        assert!(
            matches!(delivery, Delivery::Refused(_)),
            "{answer:?}: {delivery:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_receiver_ends_the_engine_with_the_webhook_owed() {
    let receiver = Scripted::start(&[Answer::HangUp]).await;
    let mut world = World::telling(&receiver).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    world.webhook_url = Some(format!("http://{}/", closed.local_addr().unwrap()));
    drop(closed);
    let (engine, _events) = world.engine();
    world.start(&engine).await;

    let ended = world.run(&engine).await;

    assert_eq!(ended, Ended::DeliveryOwed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsignable_webhook_ends_the_engine_with_the_webhook_owed() {
    let receiver = Scripted::start(&[Answer::Status(200)]).await;
    let mut world = World::telling(&receiver).await;
    world.signer = None;
    let (engine, _events) = world.engine();
    world.start(&engine).await;

    let ended = world.run(&engine).await;

    assert_eq!(ended, Ended::DeliveryOwed);
    assert_eq!(world.delivery(&engine).await, Delivery::NotTried);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_delivers_an_owed_webhook_under_the_same_id() {
    let receiver = Scripted::start(&[Answer::Status(308)]).await;
    let world = World::telling(&receiver).await;
    let (engine, _events) = world.engine();
    world.start(&engine).await;
    world.run(&engine).await;
    receiver.answer(Answer::Status(204));

    let (engine, _events) = world.engine();
    world.resume(&engine).await;
    let ended = world.run(&engine).await;

    assert_eq!(ended, Ended::Over);
    assert_eq!(world.delivery(&engine).await, Delivery::Delivered);
    let ids: BTreeSet<_> = receiver.ids().into_iter().collect();
    assert_eq!((receiver.ids().len(), ids.len()), (4, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_answered_with_410_is_neither_owed_nor_retried() {
    let receiver = Scripted::start(&[Answer::Status(500), Answer::Status(410)]).await;
    let world = World::telling(&receiver).await;
    let (engine, _events) = world.engine();
    world.start(&engine).await;

    let ended = world.run(&engine).await;
    let (resumed, _events) = world.engine();
    world.resume(&resumed).await;
    let ended_again = world.run(&resumed).await;

    assert_eq!((ended, ended_again), (Ended::Over, Ended::Over));
    assert_eq!(world.delivery(&engine).await, Delivery::Ended);
    assert_eq!(receiver.ids().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_delivers_a_refused_webhook_to_another_receiver() {
    let planned = Scripted::start(&[Answer::Status(301)]).await;
    let other = Scripted::start(&[Answer::Status(200)]).await;
    let mut world = World::telling(&planned).await;
    let (engine, _events) = world.engine();
    world.start(&engine).await;
    world.run(&engine).await;

    world.receiver = Some(other.url().to_owned());
    let (engine, _events) = world.engine();
    world.resume(&engine).await;
    let ended = world.run(&engine).await;

    assert_eq!(ended, Ended::Over);
    assert_eq!(other.ids(), planned.ids()[..1], "the same outcome");
    assert_eq!(
        planned.ids().len(),
        3,
        "the planned receiver gets no further delivery"
    );
}
