//! await-ready: returns parked pages to the pages queue when they are due, and does nothing else.

use conversation_archive::export::message::{PageMessage, WaitingMessage};
use conversation_archive::pipeline::{Pipeline, scheduling};

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct AwaitReady {
    pub pipeline: Pipeline,
}

/// The result of handling a waiting message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOutcome {
    /// Not due yet, and due later than the longest queue delay: the message is sent again with another delay.
    Rescheduled,
    /// The page message was sent to the pages queue.
    Returned,
    /// The message is void: the page was parked again later, or the run has ended.
    Discarded,
}

impl AwaitReady {
    #[tracing::instrument(
        skip_all,
        fields(
            export.id = %message.page.id.run.export_id,
            slice = message.page.id.run.slice,
            run = message.page.id.run.run,
            page.number = message.page.id.page,
        )
    )]
    pub async fn handle(&self, message: &WaitingMessage) -> anyhow::Result<WaitOutcome> {
        let page = &message.page;
        if self.pipeline.archive.end(&page.id.run).await?.is_some() {
            // The handler that ended the run completes all follow-up steps before it deletes its own message.
            return Ok(WaitOutcome::Discarded);
        }
        let times_parked = page.times_parked + 1;
        let stored = self.pipeline.archive.waiting(page).await?;
        if stored.is_some_and(|stored| stored.times_parked > times_parked) {
            return Ok(WaitOutcome::Discarded);
        }
        if self.pipeline.clock.now() < message.not_before {
            scheduling::send_waiting(&self.pipeline, message).await?;
            return Ok(WaitOutcome::Rescheduled);
        }
        scheduling::send_page(
            &self.pipeline,
            &PageMessage {
                times_parked,
                ..page.clone()
            },
        )
        .await?;
        Ok(WaitOutcome::Returned)
    }
}
