//! Messages of the ended queue, which Lambda hands over in batches.

use conversation_archive::export::message::EndedMessage;
use conversation_archive::storage::queue::{Delivery, Queue};
use conversation_archive::storage::store::ArchiveStore;

use super::{Turn, World};

impl<S: ArchiveStore + 'static> World<S> {
    /// Receives all visible messages of the ended queue and handles them together.
    pub async fn fetch_ended(&mut self) -> Turn {
        let deliveries = self.receive_ended();
        self.fetch_ended_of(&deliveries).await
    }

    /// Receives all visible messages of the ended queue.
    pub fn receive_ended(&self) -> Vec<Delivery> {
        std::iter::from_fn(|| self.queues.receive(Queue::Ended)).collect()
    }

    /// Handles these messages together, and deletes or returns each of them as the handler asks for.
    pub async fn fetch_ended_of(&mut self, deliveries: &[Delivery]) -> Turn {
        if deliveries.is_empty() {
            return Turn::Idle;
        }
        let counts = deliveries.iter().map(|delivery| delivery.receive_count);
        self.highest_receive_count = counts.fold(self.highest_receive_count, u32::max);
        let invocation = self.invocation();
        let messages = messages_of(deliveries);
        let work = async {
            let results = self
                .process
                .ended
                .handle(&messages, &invocation)
                .await
                .results;
            let mut turn = Turn::Done;
            for (delivery, result) in deliveries.iter().zip(results) {
                match result {
                    Ok(()) => {
                        let deleted = async { self.queues.delete(Queue::Ended, &delivery.receipt) };
                        self.steps.step(deleted).await;
                    }
                    Err(class) => {
                        let delay = class.delay(delivery.receive_count, 1.0);
                        // If the receipt is outdated, another consumer holds the message.
                        let _ = self.queues.release(Queue::Ended, &delivery.receipt, delay);
                        turn = Turn::Failed;
                    }
                }
            }
            turn
        };
        let result = tokio::select! {
            biased;
            () = self.steps.wait_until_killed() => None,
            turn = work => Some(turn),
        };
        self.restart_if_killed(result).unwrap_or(Turn::Killed)
    }
}

/// The messages in these deliveries.
pub fn messages_of(deliveries: &[Delivery]) -> Vec<EndedMessage> {
    let bodies = deliveries.iter().map(|delivery| delivery.body.as_str());
    bodies
        .map(|body| serde_json::from_str(body).expect("a message"))
        .collect()
}
