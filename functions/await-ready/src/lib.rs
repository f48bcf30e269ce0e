//! await-ready: keeps time for parked pages, and nothing else.

use conversation_archive::dispatch::Dispatch;
use conversation_archive::message::{PageMessage, WaitingMessage};

/// The handler and what it works with.
#[derive(Clone, Debug)]
pub struct AwaitReady {
    pub dispatch: Dispatch,
}

/// What became of a waiting message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Not due yet, and longer to wait than a queue can delay: it hops.
    Hopped,
    /// The page message is back on its queue.
    Returned,
    /// A later parking of the page, or the run's end, has made it void.
    Dropped,
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
    pub async fn handle(&self, message: &WaitingMessage) -> anyhow::Result<Handled> {
        let page = &message.page;
        if self.dispatch.archive.end(&page.id.run).await?.is_some() {
            // Who ended the run pays what the end owes before their own message is done.
            return Ok(Handled::Dropped);
        }
        let times_parked = page.times_parked + 1;
        let stored = self.dispatch.archive.waiting(page).await?;
        if stored.is_some_and(|stored| stored.times_parked > times_parked) {
            return Ok(Handled::Dropped);
        }
        if self.dispatch.clock.now() < message.not_before {
            self.dispatch.waiting(message).await?;
            return Ok(Handled::Hopped);
        }
        self.dispatch
            .page(&PageMessage {
                times_parked,
                ..page.clone()
            })
            .await?;
        Ok(Handled::Returned)
    }
}
