//! A running engine: its workers, how it is stopped or killed, and how it detects the end of the export.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use conversation_archive::archive::cancellation;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::OPEN_PREFIX;
use conversation_archive::storage::queue::{
    AWAIT_READY_TIMEOUT, COMPLETE_EXPORT_TIMEOUT, Queue, QueueContents,
};
use jiff::{SignedDuration, Timestamp};
use start_export::Command;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Event;
use super::handlers::Handlers;
use super::outage_tolerance::{OutageTolerance, may_still_start};
use super::worker::WorkerContext;

/// The running workers. Dropping this value is equivalent to a crash.
#[derive(Debug)]
pub struct RunningEngine {
    context: Arc<WorkerContext>,
    /// Separate tasks, so that the workers continue while the engine reads from the archive whether the export
    /// is over.
    workers: JoinSet<anyhow::Result<()>>,
    id: ExportId,
    /// When the export was first seen to be over.
    over_since: Option<Timestamp>,
    cancel_seen: bool,
    next_sweep: Timestamp,
    outage: OutageTolerance,
}

/// Stops an engine from another task.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<WorkerContext>);

impl Stopper {
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }
}

/// Why an engine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineEnd {
    /// The export is over and no delivery of its webhook is pending.
    Over,
    /// The export is over, but its receiver did not accept the webhook within a minute. A resume sends it again.
    DeliveryOwed,
    /// The engine was stopped. A resume continues the export.
    Stopped,
}

/// How the engine ends for an export that was decided at `over_since`, given the pending deliveries; `None` while the
/// engine must keep running. It waits only while a delivery is in flight or becomes visible within
/// `DELIVERY_TIME_LIMIT` after the decision, and never beyond that time.
fn engine_end(
    deliveries: QueueContents,
    over_since: Timestamp,
    now: Timestamp,
) -> Option<EngineEnd> {
    let is_late = |moment: Timestamp| moment.duration_since(over_since) > DELIVERY_TIME_LIMIT;
    if deliveries.messages == 0 {
        return Some(EngineEnd::Over);
    }
    let is_waited_for =
        deliveries.in_progress > 0 || deliveries.next_visible.is_some_and(|next| !is_late(next));
    (!is_waited_for || is_late(now)).then_some(EngineEnd::DeliveryOwed)
}

/// Poll interval for changes that other processes make in the archive.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long the webhook of a decided export is delivered before the engine ends with the webhook owed. The archive is
/// complete by then, and the caller should not wait for a receiver.
const DELIVERY_TIME_LIMIT: SignedDuration = SignedDuration::from_mins(1);

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

impl RunningEngine {
    pub(super) fn start(
        handlers: Arc<Handlers>,
        events: UnboundedSender<Event>,
        concurrency: usize,
        id: ExportId,
    ) -> Self {
        let next_sweep = handlers.pipeline.clock.now() + SWEEP_INTERVAL;
        let context = Arc::new(WorkerContext {
            handlers,
            events,
            stop: watch::Sender::new(false),
            progress: Notify::new(),
        });
        let mut workers = JoinSet::new();
        for _ in 0..concurrency.max(1) {
            workers.spawn(Arc::clone(&context).work(Queue::Pages));
        }
        for queue in [
            Queue::Waiting,
            Queue::Completion,
            Queue::Webhooks,
            Queue::Ended,
        ] {
            workers.spawn(Arc::clone(&context).work(queue));
        }
        workers.spawn(Arc::clone(&context).record_dead_letters());
        Self {
            context,
            workers,
            id,
            over_since: None,
            cancel_seen: false,
            next_sweep,
            outage: OutageTolerance::default(),
        }
    }

    /// Waits until the export is over, the engine is stopped, or it cannot continue. The future can be dropped and the
    /// method called again.
    pub async fn wait_for_end(&mut self) -> anyhow::Result<EngineEnd> {
        let mut is_timer_tick = false;
        loop {
            match self.check_end(is_timer_tick).await {
                Ok(Some(ended)) => {
                    self.finish().await;
                    return Ok(ended);
                }
                Ok(None) => self.outage.reset(),
                Err(error) => self.outage.tolerate(error, Instant::now())?,
            }
            if self.workers.is_empty() {
                return Ok(EngineEnd::Stopped);
            }
            is_timer_tick = tokio::select! {
                Some(joined) = self.workers.join_next() => {
                    joined.context("a worker of the engine failed")??;
                    false
                }
                () = self.context.progress.notified() => false,
                () = tokio::time::sleep(POLL_INTERVAL) => true,
            };
        }
    }

    /// Stops receiving messages; every worker finishes its current one.
    pub fn stop(&self) {
        self.stopper().stop();
    }

    /// A handle that stops the engine, for use while `wait_for_end` is being awaited.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.context))
    }

    /// Drops every worker at whatever point it has reached, as the end of the process would.
    pub async fn kill(mut self) {
        self.workers.shutdown().await;
    }

    /// Checks whether the export is over; with `is_timer_tick`, first checks for changes that no message announces.
    pub(super) async fn check_end(
        &mut self,
        is_timer_tick: bool,
    ) -> anyhow::Result<Option<EngineEnd>> {
        if is_timer_tick {
            self.check_unannounced_changes().await?;
        }
        self.is_over().await
    }

    async fn is_over(&mut self) -> anyhow::Result<Option<EngineEnd>> {
        let Handlers {
            queues, pipeline, ..
        } = &*self.context.handlers;
        if pipeline.archive.is_open(&self.id).await? {
            self.over_since = None;
            return Ok(None);
        }
        let now = pipeline.clock.now();
        let over_since = *self.over_since.get_or_insert(now);
        let deliveries = queues.contents(Queue::Webhooks);
        Ok(engine_end(deliveries, over_since, now))
    }

    /// Checks for what no message announces: a request to cancel, and lost messages.
    async fn check_unannounced_changes(&mut self) -> anyhow::Result<()> {
        let handlers = &self.context.handlers;
        if !self.cancel_seen && cancellation::is_requested(handlers.archive(), &self.id).await? {
            // Parked pages may wait for hours; the command enqueues a message for each open slice, so that it checks
            // now.
            let invocation = handlers.invocation(AWAIT_READY_TIMEOUT);
            let cancel = Command::Cancel(self.id.clone());
            match handlers.start.handle(cancel, &invocation).await {
                Err(error) if may_still_start(&error) => return Err(error.into()),
                // The attempt may have ended in the meantime; otherwise each page checks for the cancel itself.
                Err(error) => {
                    tracing::debug!(export.id = %self.id, %error, "cancel command failed");
                }
                Ok(_) => {}
            }
            self.cancel_seen = true;
        }
        if handlers.pipeline.clock.now() >= self.next_sweep {
            self.next_sweep = handlers.pipeline.clock.now() + SWEEP_INTERVAL;
            self.sweep().await?;
        }
        Ok(())
    }

    /// Sweeps the open export. Does not touch owed webhooks: those of other exports may have another receiver, and the
    /// engine does not wait that long for its own.
    async fn sweep(&self) -> anyhow::Result<()> {
        let handlers = &self.context.handlers;
        let open = handlers.archive().list_all(OPEN_PREFIX).await?;
        // A sweep moves every open export forward, and another process may be working on one of the others.
        if open.len() == 1 {
            handlers
                .sweep
                .sweep_exports(&handlers.invocation(COMPLETE_EXPORT_TIMEOUT))
                .await?;
        }
        Ok(())
    }

    /// Stops the workers after the export is over: a message still in flight can only be a duplicate.
    async fn finish(&mut self) {
        const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
        self.stop();
        let drained = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
            self.workers.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIDED_AT: &str = "2026-03-10T00:00:00Z";

    /// The result of `engine_end` at `seconds` after the decision, with `in_progress` deliveries in flight and one due
    /// `due` seconds after the decision.
    fn end_after(seconds: i64, in_progress: usize, due: i64) -> Option<EngineEnd> {
        let decided: Timestamp = DECIDED_AT.parse().unwrap();
        let after = |seconds| decided + SignedDuration::from_secs(seconds);
        let deliveries = QueueContents {
            messages: 1,
            in_progress,
            next_visible: Some(after(due)),
        };
        engine_end(deliveries, decided, after(seconds))
    }

    #[test]
    fn the_engine_waits_for_a_delivery_due_within_a_minute() {
        assert_eq!(end_after(0, 0, 5), None);
        assert_eq!(end_after(59, 0, 60), None);
        assert_eq!(end_after(35, 0, 155), Some(EngineEnd::DeliveryOwed));
        // A message that is postponed for hours does not hide another one that is in flight.
        assert_eq!(end_after(35, 1, 155), None);
    }

    #[test]
    fn the_engine_waits_at_most_a_minute_for_a_running_delivery() {
        assert_eq!(end_after(60, 1, 90), None);
        assert_eq!(end_after(61, 1, 90), Some(EngineEnd::DeliveryOwed));
        assert_eq!(end_after(61, 0, 61), Some(EngineEnd::DeliveryOwed));
    }

    #[test]
    fn an_empty_webhook_queue_ends_the_engine() {
        let deliveries = QueueContents {
            messages: 0,
            in_progress: 0,
            next_visible: None,
        };
        let decided = DECIDED_AT.parse().unwrap();

        assert_eq!(
            engine_end(deliveries, decided, decided),
            Some(EngineEnd::Over)
        );
    }
}
