//! Receivers that do not accept a webhook. The clock is manual and is advanced over each wait between two deliveries.

use conversation_archive::archive::deliveries;
use conversation_archive::export::delivery::DeliveryState;
use conversation_archive::export::outcome::Outcome;
use conversation_archive::net::webhook::Signer;
use conversation_archive::storage::queue::Queue;

use super::*;
use crate::receiver::scripted::{ScriptedReceiver, ScriptedResponse};

/// The engine must end within this time, by its own clock, after the export is decided.
const TIME_LIMIT: Duration = Duration::from_mins(1);

impl World {
    /// A world with its own clock, whose export notifies `receiver`.
    async fn with_receiver(receiver: &ScriptedReceiver) -> Self {
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
    async fn run(&self, engine: &Engine) -> EngineEnd {
        let queues = &engine.handlers.queues;
        let mut running = engine.run(&self.id);
        loop {
            let deliveries = queues.contents(Queue::Webhooks);
            // Called after the queue was read: it decides on the same state, before the clock advances.
            if let Some(ended) = running.check_end(false).await.unwrap() {
                return ended;
            }
            if let Some(next) = deliveries.next_visible
                && deliveries.in_progress == 0
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

    async fn delivery(&self, engine: &Engine) -> DeliveryState {
        let outcome = self.outcome(engine).await;
        deliveries::delivery_state(engine.archive(), &outcome)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusing_receiver_ends_the_engine_within_a_minute() {
    let responses = [
        301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 422, 429, 500, 503,
    ]
    .map(ScriptedResponse::Status)
    .into_iter()
    .chain([
        ScriptedResponse::Redirect(308, "https://new.example/p"),
        ScriptedResponse::CloseConnection,
    ]);
    for response in responses {
        let receiver = ScriptedReceiver::start(&[response]).await;
        let world = World::with_receiver(&receiver).await;
        let (engine, _events) = world.engine();
        let since = world.clock.now();
        world.start(&engine).await;

        let ended = world.run(&engine).await;

        assert_eq!(ended, EngineEnd::DeliveryOwed, "{response:?}");
        let took = Duration::try_from(world.clock.now().duration_since(since)).unwrap();
        assert!(took <= TIME_LIMIT, "{response:?}: {took:?}");
        assert_eq!(receiver.ids().len(), 3, "{response:?}: retried for a while");
        assert!(world.outcome(&engine).await.status.is_complete());
        let delivery = world.delivery(&engine).await;
        assert!(
            matches!(delivery, DeliveryState::Refused(_)),
            "{response:?}: {delivery:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_receiver_ends_the_engine_with_the_webhook_owed() {
    let receiver = ScriptedReceiver::start(&[ScriptedResponse::CloseConnection]).await;
    let mut world = World::with_receiver(&receiver).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    world.webhook_url = Some(format!("http://{}/", closed.local_addr().unwrap()));
    drop(closed);
    let (engine, _events) = world.engine();
    world.start(&engine).await;

    let ended = world.run(&engine).await;

    assert_eq!(ended, EngineEnd::DeliveryOwed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsignable_webhook_ends_the_engine_with_the_webhook_owed() {
    let receiver = ScriptedReceiver::start(&[ScriptedResponse::Status(200)]).await;
    let mut world = World::with_receiver(&receiver).await;
    world.signer = None;
    let (engine, _events) = world.engine();
    world.start(&engine).await;

    let ended = world.run(&engine).await;

    assert_eq!(ended, EngineEnd::DeliveryOwed);
    assert_eq!(world.delivery(&engine).await, DeliveryState::NotTried);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_delivers_an_owed_webhook_under_the_same_id() {
    let receiver = ScriptedReceiver::start(&[ScriptedResponse::Status(308)]).await;
    let world = World::with_receiver(&receiver).await;
    let (engine, _events) = world.engine();
    world.start(&engine).await;
    world.run(&engine).await;
    receiver.respond_with(ScriptedResponse::Status(204));

    let (engine, _events) = world.engine();
    world.resume(&engine).await;
    let ended = world.run(&engine).await;

    assert_eq!(ended, EngineEnd::Over);
    assert_eq!(world.delivery(&engine).await, DeliveryState::Delivered);
    let ids: BTreeSet<_> = receiver.ids().into_iter().collect();
    assert_eq!((receiver.ids().len(), ids.len()), (4, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_answered_with_410_is_neither_owed_nor_retried() {
    let receiver =
        ScriptedReceiver::start(&[ScriptedResponse::Status(500), ScriptedResponse::Status(410)])
            .await;
    let world = World::with_receiver(&receiver).await;
    let (engine, _events) = world.engine();
    world.start(&engine).await;

    let ended = world.run(&engine).await;
    let (resumed, _events) = world.engine();
    world.resume(&resumed).await;
    let ended_again = world.run(&resumed).await;

    assert_eq!((ended, ended_again), (EngineEnd::Over, EngineEnd::Over));
    assert_eq!(world.delivery(&engine).await, DeliveryState::Ended);
    assert_eq!(receiver.ids().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_delivers_a_refused_webhook_to_another_receiver() {
    let planned = ScriptedReceiver::start(&[ScriptedResponse::Status(301)]).await;
    let other = ScriptedReceiver::start(&[ScriptedResponse::Status(200)]).await;
    let mut world = World::with_receiver(&planned).await;
    let (engine, _events) = world.engine();
    world.start(&engine).await;
    world.run(&engine).await;

    world.receiver = Some(other.url().to_owned());
    let (engine, _events) = world.engine();
    world.resume(&engine).await;
    let ended = world.run(&engine).await;

    assert_eq!(ended, EngineEnd::Over);
    assert_eq!(other.ids(), planned.ids()[..1], "the same outcome");
    assert_eq!(
        planned.ids().len(),
        3,
        "the planned receiver gets no further delivery"
    );
}
