//! Handlers that are killed right before or right after each step, whose messages are then handled in another
//! combination.

use std::time::Duration;

use conversation_archive::storage::queue::Queue;
use end_to_end::seams::Kill;
use end_to_end::world::{Turn, World};

use super::live::LiveWorld;

/// What happens to the messages of the killed handler.
#[derive(Clone, Copy, Debug)]
enum Afterwards {
    /// They are redelivered together.
    Together,
    /// Each is redelivered alone, the last one first.
    OneByOne,
    /// A later hint at one of the conversations comes first.
    AfterAnotherHint,
}

/// Longer than the messages stay invisible.
const VISIBILITY: Duration = Duration::from_mins(36);

/// Hears of five conversations in three messages. Returns whether the handler was killed at that step.
async fn kill_at(kill: Kill, afterwards: Afterwards) -> bool {
    let mut live = LiveWorld::new(511).await;
    let ids = live.ended_ids(5);
    // One of them is in progress, so that a message follows.
    live.api.show_in_progress(&ids[4]);
    for hints in [&ids[..2], &ids[1..4], &ids[3..]] {
        live.hear(hints).await;
    }
    live.world.steps.kill_at(kill);
    let is_killed = live.fetch_after_settling().await == Turn::Killed;
    live.world.clock.advance(VISIBILITY);
    match afterwards {
        Afterwards::Together => {
            live.world.fetch_ended().await;
        }
        Afterwards::OneByOne => {
            for delivery in live.world.receive_ended().iter().rev() {
                live.world
                    .fetch_ended_of(std::slice::from_ref(delivery))
                    .await;
            }
        }
        Afterwards::AfterAnotherHint => {
            let older = live.world.receive_ended();
            live.send(vec![ids[1].clone(), ids[2].clone()]).await;
            live.world.fetch_ended().await;
            live.world.run_until(has_no_export_message).await;
            live.world.fetch_ended_of(&older).await;
        }
    }
    live.world.run_until(has_no_export_message).await;
    live.api.show_as_it_is(&ids[4]);
    live.world.run().await;

    let once: Vec<_> = ids.iter().map(|id| (id, 1)).collect();
    live.assert_exported(&once).await;
    is_killed
}

fn has_no_export_message(world: &World) -> bool {
    let queues = Queue::ALL
        .into_iter()
        .filter(|queue| *queue != Queue::Ended);
    let mut contents = queues.map(|queue| world.queues.contents(queue));
    contents.all(|contents| contents.messages == 0)
}

async fn kill_at_every_step(afterwards: Afterwards) {
    for number in 0.. {
        let before = kill_at(Kill::Before(number), afterwards).await;
        let after = kill_at(Kill::After(number), afterwards).await;
        if !before && !after {
            println!("{afterwards:?}: {number} steps");
            assert!(
                number > 15,
                "{number} steps: the seams are not instrumented"
            );
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_handler_whose_messages_return_together_loses_nothing() {
    kill_at_every_step(Afterwards::Together).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_handler_whose_messages_return_one_by_one_loses_nothing() {
    kill_at_every_step(Afterwards::OneByOne).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_handler_that_another_hint_overtakes_loses_nothing() {
    kill_at_every_step(Afterwards::AfterAnotherHint).await;
}
