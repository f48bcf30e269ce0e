//! The workers of a running engine: one task for each queue, several for the pages; how they are stopped and killed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use conversation_archive::storage::queue::Queue;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::Event;
use super::handlers::Handlers;
use super::worker::WorkerContext;

/// The running workers. Dropping this value is equivalent to a crash.
#[derive(Debug)]
pub struct Workers {
    context: Arc<WorkerContext>,
    tasks: JoinSet<anyhow::Result<()>>,
}

/// Stops the workers from another task.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<WorkerContext>);

impl Stopper {
    /// The workers receive no more messages; each finishes its current one.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }
}

/// How long the workers may take to finish their current messages.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

impl Workers {
    /// Starts `concurrency` workers for the pages queue, and one for each of the others.
    pub(super) fn start(
        handlers: Arc<Handlers>,
        events: UnboundedSender<Event>,
        concurrency: usize,
        ended_window: Duration,
    ) -> Self {
        let context = Arc::new(WorkerContext {
            handlers,
            events,
            stop: watch::Sender::new(false),
            progress: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..concurrency.max(1) {
            tasks.spawn(Arc::clone(&context).work(Queue::Pages));
        }
        for queue in [Queue::Waiting, Queue::Completion, Queue::Webhooks] {
            tasks.spawn(Arc::clone(&context).work(queue));
        }
        tasks.spawn(Arc::clone(&context).work_ended(ended_window));
        tasks.spawn(Arc::clone(&context).record_dead_letters());
        Self { context, tasks }
    }

    pub(super) fn handlers(&self) -> &Handlers {
        &self.context.handlers
    }

    /// Whether all workers have ended.
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until a message that can end an export was handled, or a worker has ended. Returns the worker's error.
    pub async fn changed(&mut self) -> anyhow::Result<()> {
        tokio::select! {
            Some(joined) = self.tasks.join_next() => joined.context("a worker of the engine failed")?,
            () = self.context.progress.notified() => Ok(()),
        }
    }

    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.context))
    }

    /// Stops the workers and waits for the messages that they are handling. Those that take longer than
    /// `DRAIN_TIMEOUT` are dropped.
    pub async fn finish(&mut self) {
        self.stopper().stop();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
            self.tasks.shutdown().await;
        }
    }

    /// Drops every worker at whatever point it has reached, as the end of the process would.
    pub async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}
