//! The seams (store, queues, topic) with instrumentation: every step through them is counted, and the process can be
//! killed before or after any step, or suspended before it.
//!
//! A process is killed by dropping its futures: none of our code runs any more, as with `kill -9`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::net::clock::Clock;
use conversation_archive::storage::queue::{
    MemoryQueues, MessageQueue, OutgoingMessage, Queue, QueueError,
};
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};
use tokio::sync::Notify;

/// The step before or after which the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    Before(u64),
    After(u64),
}

/// Counts the steps, and kills or suspends the process at one of them.
#[derive(Debug, Default)]
pub struct Steps {
    step_count: AtomicU64,
    kill: Mutex<Option<Kill>>,
    killed: Notify,
    /// Set from the kill until the test has noticed it: steps that the process makes at the same time do not happen.
    is_dead: AtomicBool,
    /// Number of the step before which the process is suspended.
    pause: Mutex<Option<u64>>,
    suspended: Notify,
    released: Notify,
    /// The clock that each step advances, and by how much, if steps take time.
    pace: OnceLock<(Clock, Duration)>,
}

impl Steps {
    /// Counts the steps and suspends right before the step with this number.
    pub fn suspend_before(number: u64) -> Self {
        Self {
            pause: Mutex::new(Some(number)),
            ..Self::default()
        }
    }

    /// Waits until the process is suspended.
    pub async fn wait_until_suspended(&self) {
        self.suspended.notified().await;
    }

    /// Lets the suspended process continue.
    pub fn release(&self) {
        self.released.notify_one();
    }

    pub fn step_count(&self) -> u64 {
        self.step_count.load(Ordering::SeqCst)
    }

    /// Makes each step from now on take this long.
    pub(crate) fn set_step_duration(&self, clock: Clock, step: Duration) {
        self.pace.get_or_init(|| (clock, step));
    }

    /// Kills the process once, at that step.
    pub fn kill_at(&self, kill: Kill) {
        *self.lock() = Some(kill);
    }

    /// Waits until the process is to be killed.
    pub async fn wait_until_killed(&self) {
        self.killed.notified().await;
        self.is_dead.store(false, Ordering::SeqCst);
    }

    /// Runs one step. If the process is killed, `work` has either completed or not started.
    pub async fn step<T>(&self, work: impl Future<Output = T>) -> T {
        if self.is_dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let number = self.step_count.fetch_add(1, Ordering::SeqCst);
        self.suspend_if_due(number).await;
        if let Some((clock, step)) = self.pace.get() {
            clock.advance(*step);
        }
        self.die_if_due(Kill::Before(number)).await;
        let result = work.await;
        self.die_if_due(Kill::After(number)).await;
        result
    }

    async fn die_if_due(&self, here: Kill) {
        if self.lock().take_if(|kill| *kill == here).is_some() {
            self.is_dead.store(true, Ordering::SeqCst);
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
    }

    async fn suspend_if_due(&self, number: u64) {
        if self.take_pause_before(number) {
            self.suspended.notify_one();
            self.released.notified().await;
        }
    }

    fn take_pause_before(&self, number: u64) -> bool {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        pause.take_if(|pause| *pause == number).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kill>> {
        self.kill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Documents that operators read (run ends, waits, outcomes), including those that were overwritten later.
#[derive(Debug, Default)]
pub struct ReportedTexts(Mutex<Vec<String>>);

impl ReportedTexts {
    pub fn texts(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn record(&self, object: &Object) {
        let name = object.key.rsplit('/').next().unwrap_or_default();
        if matches!(name, "end.json" | "waiting.json" | "manifest.json")
            || name.starts_with("failed-")
        {
            let text = String::from_utf8_lossy(&object.body).into_owned();
            self.lock().push(text);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store, with each operation counted as a step.
#[derive(Debug)]
pub struct SteppedStore<S> {
    pub store: Arc<S>,
    pub steps: Arc<Steps>,
    pub reported_texts: Arc<ReportedTexts>,
}

#[async_trait]
impl<S: ArchiveStore> ArchiveStore for SteppedStore<S> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.steps.step(self.store.get(key)).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.reported_texts.record(&object);
        self.steps.step(self.store.create(object)).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.reported_texts.record(&object);
        self.steps.step(self.store.replace(object)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.steps.step(self.store.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.steps.step(self.store.list(prefix, after)).await
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}

/// The queues, with each operation counted as a step.
#[derive(Debug)]
pub struct SteppedQueues {
    pub queues: MemoryQueues,
    pub steps: Arc<Steps>,
}

#[async_trait]
impl MessageQueue for SteppedQueues {
    async fn send(&self, message: OutgoingMessage) -> Result<(), QueueError> {
        self.steps.step(self.queues.send(message)).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, QueueError> {
        self.steps.step(self.queues.depth(queue)).await
    }

    async fn postpone(
        &self,
        queue: Queue,
        receipt: &str,
        delay: Duration,
    ) -> Result<(), QueueError> {
        self.steps
            .step(self.queues.postpone(queue, receipt, delay))
            .await
    }
}
