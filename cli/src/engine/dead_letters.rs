//! The reader of the dead letters: what nobody could handle is kept in the folder and ends its run as failed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use conversation_archive::queue::{DeadLetter, Queue};

use super::Event;
use super::worker::Shop;

/// Dead letters are rare and nobody waits for them.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What cannot be recorded so often is for a person: a full disk, mostly.
const ATTEMPTS: u32 = 3;

impl Shop {
    /// Reads until the engine is told to stop. An error ends the engine: nobody else would end the export.
    pub(super) async fn bury_dead_letters(self: Arc<Self>) -> anyhow::Result<()> {
        let mut stop = self.stop.subscribe();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            for queue in Queue::ALL {
                while let Some(letter) = self.handlers.queues.take_dead_letter(queue) {
                    self.bury(queue, &letter).await?;
                }
            }
        }
    }

    async fn bury(&self, queue: Queue, letter: &DeadLetter) -> anyhow::Result<()> {
        let mut attempt = 1;
        while let Err(error) = self.handlers.bury(queue, letter).await {
            if attempt == ATTEMPTS {
                return Err(error).context("a message was given up and could not be kept");
            }
            tokio::time::sleep(LOOK_EVERY * attempt).await;
            attempt += 1;
        }
        self.report(Event::Buried { queue });
        self.progress.notify_one();
        if queue == Queue::Completion {
            // On AWS the hourly sweep finds such an export; here somebody is waiting for it.
            bail!("the export could not be concluded; the reasons are in the warnings above");
        }
        Ok(())
    }
}
