//! Reads the dead-letter queues. A message that no handler could process is stored in the archive and ends its run as
//! failed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use conversation_archive::storage::queue::{DeadLetter, Queue};

use super::Event;
use super::worker::WorkerContext;

/// Poll interval. Dead letters are rare and not urgent.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Number of tries to record a dead letter. If all fail, an operator has to act; the usual cause is a full disk.
const MAX_TRIES: u32 = 3;

impl WorkerContext {
    /// Reads dead letters until the engine is stopped. An error ends the engine, because nothing else would end the
    /// export.
    pub(super) async fn record_dead_letters(self: Arc<Self>) -> anyhow::Result<()> {
        let mut stop = self.stop.subscribe();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            for queue in Queue::ALL {
                while let Some(letter) = self.handlers.queues.take_dead_letter(queue) {
                    self.record_dead_letter(queue, &letter).await?;
                }
            }
        }
    }

    async fn record_dead_letter(&self, queue: Queue, letter: &DeadLetter) -> anyhow::Result<()> {
        let mut tries = 1;
        while let Err(error) = self.handlers.record_dead_letter(queue, letter).await {
            if tries == MAX_TRIES {
                return Err(error).context("cannot record a dead letter");
            }
            tokio::time::sleep(POLL_INTERVAL * tries).await;
            tries += 1;
        }
        self.report(Event::DeadLettered { queue });
        self.progress.notify_one();
        if queue == Queue::Completion {
            // On AWS the hourly sweep finds such an export; here a caller waits for it.
            bail!(
                "the end of the export could not be recorded; see the warnings above for the reasons"
            );
        }
        Ok(())
    }
}
