//! A running engine: its workers, how it is stopped or killed, and how one knows that it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use conversation_archive::archive::ArchiveError;
use conversation_archive::ids::ExportId;
use conversation_archive::objects::OPEN_PREFIX;
use conversation_archive::queue::{AWAIT_READY_TIMEOUT, COMPLETE_EXPORT_TIMEOUT, Queue};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use start_export::Command;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::Event;
use super::handlers::Handlers;
use super::worker::Shop;

/// Workers at work. Dropping it is a crash.
#[derive(Debug)]
pub struct Running {
    shop: Arc<Shop>,
    /// On any thread.
    archivers: JoinSet<anyhow::Result<()>>,
    /// On the thread of whoever waits for the end: they have little to do.
    others: FuturesUnordered<LocalBoxFuture<'static, anyhow::Result<()>>>,
    id: ExportId,
    /// Since when the export is over.
    over_since: Option<Timestamp>,
    cancel_seen: bool,
    next_sweep: Timestamp,
}

/// Stops an engine from elsewhere.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<Shop>);

impl Stopper {
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }
}

/// Why an engine has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The export is over and announced.
    Over,
    /// The export is over; its webhook was not taken yet, and a resume tries again.
    DeliveryOwed,
    /// It was told to stop. A resume goes on.
    Stopped,
}

/// Changes in the folder by others are seen that soon.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A receiver gets so long after the end of the export; then somebody should not have to wait any more.
const DELIVERY_PATIENCE: SignedDuration = SignedDuration::from_mins(1);

const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// A store that does not answer for a moment ends nothing: the next look comes soon.
fn bear(error: anyhow::Error) -> anyhow::Result<()> {
    let passing = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<ArchiveError>())
        .any(ArchiveError::is_transient);
    if !passing {
        return Err(error);
    }
    tracing::warn!(error = format!("{error:#}"), "the archive does not answer");
    Ok(())
}

impl Running {
    pub(super) fn start(
        handlers: Arc<Handlers>,
        events: UnboundedSender<Event>,
        concurrency: usize,
        id: ExportId,
    ) -> Self {
        let next_sweep = handlers.dispatch.clock.now() + SWEEP_EVERY;
        let shop = Arc::new(Shop {
            handlers,
            events,
            stop: watch::Sender::new(false),
            handled: Notify::new(),
            delivering: AtomicUsize::new(0),
        });
        let mut archivers = JoinSet::new();
        for _ in 0..concurrency.max(1) {
            archivers.spawn(Arc::clone(&shop).archive_pages());
        }
        let others = FuturesUnordered::new();
        for queue in [Queue::Waiting, Queue::Completion, Queue::Webhooks] {
            others.push(Arc::clone(&shop).work(queue).boxed_local());
        }
        others.push(Arc::clone(&shop).bury_dead_letters().boxed_local());
        Self {
            shop,
            archivers,
            others,
            id,
            over_since: None,
            cancel_seen: false,
            next_sweep,
        }
    }

    /// Until the export is over, or the engine was stopped, or it cannot go on. Can be dropped and called again.
    pub async fn ended(&mut self) -> anyhow::Result<Ended> {
        loop {
            match self.is_over().await {
                Ok(Some(ended)) => {
                    self.finish().await;
                    return Ok(ended);
                }
                Ok(None) => {}
                Err(error) => bear(error)?,
            }
            if self.archivers.is_empty() && self.others.is_empty() {
                return Ok(Ended::Stopped);
            }
            tokio::select! {
                Some(joined) = self.archivers.join_next() => joined.context("a worker of the engine died")??,
                Some(done) = self.others.next() => done?,
                () = self.shop.handled.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => self.look_around().await.or_else(bear)?,
            }
        }
    }

    /// Lets every worker finish what it has in hand; nothing new is received.
    pub fn stop(&self) {
        self.stopper().stop();
    }

    /// For whoever wants to stop the engine while somebody waits for its end.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shop))
    }

    /// Drops every worker wherever it stands, as the end of the process would.
    pub async fn kill(mut self) {
        self.others.clear();
        self.archivers.shutdown().await;
    }

    async fn is_over(&mut self) -> anyhow::Result<Option<Ended>> {
        let Handlers {
            queues, dispatch, ..
        } = &*self.shop.handlers;
        if dispatch.archive.is_open(&self.id).await? {
            self.over_since = None;
            return Ok(None);
        }
        let now = dispatch.clock.now();
        let over_since = *self.over_since.get_or_insert(now);
        if self.shop.delivering.load(Ordering::Acquire) > 0 {
            return Ok(None);
        }
        Ok(match queues.next_visible(Queue::Webhooks) {
            None => Some(Ended::Over),
            Some(next) if next.duration_since(over_since) > DELIVERY_PATIENCE => {
                Some(Ended::DeliveryOwed)
            }
            Some(_) => None,
        })
    }

    /// What nobody sends a message for: a request to cancel, and messages that were lost.
    async fn look_around(&mut self) -> anyhow::Result<()> {
        let handlers = &self.shop.handlers;
        if !self.cancel_seen && handlers.archive().is_cancelled(&self.id).await? {
            self.cancel_seen = true;
            // Pages may wait for hours; each open slice gets a message that looks now.
            let invocation = handlers.invocation(AWAIT_READY_TIMEOUT);
            let cancel = Command::Cancel(self.id.clone());
            if let Err(error) = handlers.start.handle(cancel, &invocation).await {
                // The attempt may have ended in between; else every page looks for itself.
                tracing::debug!(export.id = %self.id, %error, "nobody had to be told of the cancelling");
            }
        }
        if handlers.dispatch.clock.now() >= self.next_sweep {
            self.next_sweep = handlers.dispatch.clock.now() + SWEEP_EVERY;
            self.sweep().await?;
        }
        Ok(())
    }

    async fn sweep(&self) -> anyhow::Result<()> {
        let handlers = &self.shop.handlers;
        let open = handlers.archive().list_all(OPEN_PREFIX).await?;
        // A sweep moves every open export, and another one may be in the hands of another process.
        if open.len() == 1 {
            handlers
                .sweep
                .handle(&handlers.invocation(COMPLETE_EXPORT_TIMEOUT))
                .await?;
        }
        Ok(())
    }

    /// The export is over: what is still in hand can only be a repetition.
    async fn finish(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        self.stop();
        let drained = async {
            while self.others.next().await.is_some() {}
            while self.archivers.join_next().await.is_some() {}
        };
        if tokio::time::timeout(PATIENCE, drained).await.is_err() {
            self.archivers.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use conversation_archive::store::StoreError;

    use super::*;

    #[test]
    fn a_store_that_does_not_answer_is_borne_and_a_damaged_archive_is_not() {
        let slow = StoreError::Transient {
            action: "read",
            key: "open/march".to_owned(),
            source: "SlowDown".into(),
        };
        let slow = anyhow::Error::from(ArchiveError::from(slow)).context("cannot look");
        let gone = anyhow::Error::from(ArchiveError::Missing("request.json".to_owned()));

        assert!(bear(slow).is_ok());
        assert!(bear(gone).is_err());
    }
}
