//! The test environment of exports: organisation, store, queues, receiver, clock, and a process that may be killed.

use std::sync::Arc;
use std::time::Duration;

use archive_events::{EventMessage, HandledEvents};
use conversation_archive::archive::{PortionLimits, UnsignedDocuments};
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::signature::LocalKey;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::genesys::GenesysClient;
use conversation_archive::net::clock::Clock;
use conversation_archive::pipeline::ErrorClass;
use conversation_archive::source::{SourceSettings, Sources};
use conversation_archive::storage::queue::{Delivery, MemoryQueues, Queue};
use conversation_archive::storage::store::ArchiveStore;
use genesys_simulator::{Settings, Simulator};
use jiff::Timestamp;
use start_export::{Command, Resume, StartError, Started};
use sweep_exports::SweepOutcome;

use crate::logs;
use crate::memory_store::MemoryStore;
use crate::process::{Disposition, Process, Seams, client, invocation};
use crate::receiver::Receiver;
use crate::rights::AccessLog;
use crate::seams::{ReportedTexts, SteppedQueues, SteppedStore, Steps};
use crate::signing::Signing;
use crate::topic::{MemoryTopic, SteppedTopic};

mod arranging;
mod ended;
mod reading;
mod suspending;

pub use arranging::{start_gateway, start_job};
pub use ended::messages_of;
pub use suspending::GatedProcess;

/// An export that has not ended after this number of steps counts as endless.
const MAX_STEPS: usize = 50_000;

#[derive(Debug)]
pub struct World<S: ArchiveStore + 'static = MemoryStore> {
    pub clock: Clock,
    pub simulator: Simulator,
    pub store: Arc<S>,
    pub queues: MemoryQueues,
    pub steps: Arc<Steps>,
    pub reported_texts: Arc<ReportedTexts>,
    pub receiver: Receiver,
    /// Receives an event for each transcript.
    pub topic: Arc<MemoryTopic>,
    /// Boxed because worlds are moved, and a process is large.
    pub process: Box<Process>,
    /// Accesses of the processes to objects.
    accesses: Arc<AccessLog>,
    /// Highest receive count that any message reached.
    pub highest_receive_count: u32,
    pub rng: fastrand::Rng,
    pub order: Order,
    pub max_open_slices: usize,
    read_timeout: Duration,
    sources: SourceSettings,
    portions: PortionLimits,
    /// Signs plans, attempts and outcomes; `None` for no signatures.
    pub signing: Signing,
    invocations: u64,
    errors: Vec<String>,
    /// Position in the captured logs at which this world began.
    pub logs_start: usize,
}

/// Order in which messages are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In order of arrival, page messages first: the same in every run.
    Steady,
    /// Any message that may come next, and messages of standard queues sometimes twice.
    Shuffled,
}

/// Result of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Done,
    /// The handler reported an error; the message will be redelivered.
    Failed,
    Killed,
    /// No queue has a message to receive now.
    Idle,
}

/// Time at which every world begins: ten days after the simulated days.
pub const NOW: &str = "2026-03-10T00:00:00Z";

/// Read timeout: each stalled response costs a test this much real time.
const SHORT_READ_TIMEOUT: Duration = Duration::from_millis(500);

/// Read timeout where other tests use the processor at the same time and no fault stalls: even a busy machine responds
/// sooner.
const LONG_READ_TIMEOUT: Duration = Duration::from_secs(10);

impl World {
    pub async fn new(settings: Settings) -> Self {
        Self::with_slices(settings, 2).await
    }

    pub async fn with_slices(settings: Settings, max_open_slices: usize) -> Self {
        Self::set_up(
            Arc::default(),
            settings,
            max_open_slices,
            SHORT_READ_TIMEOUT,
        )
        .await
    }
}

impl<S: ArchiveStore + 'static> World<S> {
    pub async fn with_store(store: Arc<S>, settings: Settings, max_open_slices: usize) -> Self {
        Self::set_up(store, settings, max_open_slices, LONG_READ_TIMEOUT).await
    }

    async fn set_up(
        store: Arc<S>,
        settings: Settings,
        max_open_slices: usize,
        read_timeout: Duration,
    ) -> Self {
        let logs_start = logs::capture();
        let clock = Clock::manual(NOW.parse().expect("a moment"));
        let simulator_clock = clock.clone();
        let settings = Settings {
            clock: Arc::new(move || simulator_clock.now()),
            ..settings
        };
        let seed = settings.seed;
        let simulator = Simulator::start(settings)
            .await
            .expect("the simulator starts");
        let queues = MemoryQueues::new(clock.clone());
        let steps = Arc::new(Steps::default());
        let reported_texts = Arc::new(ReportedTexts::default());
        let receiver = Receiver::start(clock.clone()).await;
        let topic = Arc::new(MemoryTopic::default());
        let signing = Signing::with_new_key();
        let seams = seams(&store, &queues, &topic, &steps, &reported_texts, &signing);
        let sources = SourceSettings::default();
        let portions = PortionLimits::default();
        let client = client(&simulator.url(), &clock, read_timeout);
        let process = build_process(client, seams, &clock, max_open_slices, (sources, portions));
        Self {
            clock,
            simulator,
            store,
            queues,
            steps,
            reported_texts,
            receiver,
            topic,
            process: Box::new(process),
            accesses: Arc::default(),
            highest_receive_count: 0,
            rng: fastrand::Rng::with_seed(seed),
            order: Order::Steady,
            max_open_slices,
            read_timeout,
            sources,
            portions,
            signing,
            invocations: 0,
            errors: Vec::new(),
            logs_start,
        }
    }

    /// Returns the same world with these source settings for its processes.
    #[must_use]
    pub fn with_source_settings(mut self, sources: SourceSettings) -> Self {
        self.sources = sources;
        self.restart();
        self
    }

    /// Returns the same world with processes that record their accesses to objects here.
    #[must_use]
    pub fn with_access_log(mut self, accesses: &Arc<AccessLog>) -> Self {
        self.accesses = Arc::clone(accesses);
        self.restart();
        self
    }

    /// Returns the same world with processes that read exports in portions of this size when they conclude them.
    #[must_use]
    pub fn with_portion_limits(mut self, portions: PortionLimits) -> Self {
        self.portions = portions;
        self.restart();
        self
    }

    /// Returns the same world with processes that sign with this key and follow no other.
    #[must_use]
    pub fn with_signing_key(mut self, key: LocalKey) -> Self {
        self.signing.key = key;
        self.restart();
        self
    }

    /// Returns the same world with processes that follow documents without a signature, of archives of earlier versions.
    #[must_use]
    pub fn with_unsigned_documents(mut self) -> Self {
        self.signing.unsigned = UnsignedDocuments::Accept;
        self.restart();
        self
    }

    /// Returns the same world with each step through the seams taking this long.
    #[must_use]
    pub fn with_step_duration(self, step: Duration) -> Self {
        self.steps.set_step_duration(self.clock.clone(), step);
        self
    }

    /// Replaces the process by a new one over the same store and queues: token, plan and pacing are forgotten.
    pub fn restart(&mut self) {
        *self.process = self.another_process();
    }

    /// Builds a second process beside the first, as when a visibility timeout ends too early.
    pub fn another_process(&self) -> Process {
        let seams = seams(
            &self.store,
            &self.queues,
            &self.topic,
            &self.steps,
            &self.reported_texts,
            &self.signing,
        );
        let seams = Seams {
            accesses: Arc::clone(&self.accesses),
            ..seams
        };
        build_process(
            client(&self.simulator.url(), &self.clock, self.read_timeout),
            seams,
            &self.clock,
            self.max_open_slices,
            (self.sources, self.portions),
        )
    }

    /// Loses every message: only the bucket remains.
    pub fn lose_messages(&mut self) {
        self.queues = MemoryQueues::new(self.clock.clone());
        self.restart();
    }

    /// Returns a request for this world's days with its webhook. `more_fields` is further JSON, such as `,"slices":4`.
    pub fn request(&self, source: &str, more_fields: &str) -> String {
        let webhook = self.receiver.url();
        format!(
            r#"{{"source":"{source}","interval":"{DAYS}","webhookUrl":"{webhook}"{more_fields}}}"#
        )
    }

    /// Returns a request for the texts of these conversations with its webhook.
    pub fn transcripts_request(&self, ids: &[String], more_fields: &str) -> String {
        let webhook = self.receiver.url();
        let ids = serde_json::json!(ids);
        format!(
            r#"{{"source":"transcripts","filters":{{"conversationIds":{ids}}},"webhookUrl":"{webhook}"{more_fields}}}"#
        )
    }

    /// Invokes start-export; `None` when the process was killed.
    pub async fn invoke(&mut self, command: Command) -> Option<Result<Started, StartError>> {
        let invocation = self.invocation();
        let result = tokio::select! {
            biased;
            () = self.steps.wait_until_killed() => None,
            result = self.process.start.handle(command, &invocation) => Some(result),
        };
        self.restart_if_killed(result)
    }

    /// Invokes archive-events with messages that have these bodies.
    pub async fn archive_events(&mut self, bodies: &[String]) -> HandledEvents {
        let invocation = self.invocation();
        let message = |body| EventMessage {
            id: "message",
            body,
        };
        let messages: Vec<_> = bodies.iter().map(|body| message(body)).collect();
        self.process.events.handle(&messages, &invocation).await
    }

    /// Invokes sweep-exports.
    pub async fn sweep(&mut self) -> Vec<SweepOutcome> {
        let swept = self.try_sweep().await.expect("not killed");
        swept.expect("a sweep")
    }

    /// Like [`Self::sweep`], but returns the handler's error; `None` when the process was killed.
    pub async fn try_sweep(&mut self) -> Option<anyhow::Result<Vec<SweepOutcome>>> {
        let invocation = self.invocation();
        let result = tokio::select! {
            biased;
            () = self.steps.wait_until_killed() => None,
            result = self.process.sweep.handle(&invocation) => Some(result),
        };
        let swept = self.restart_if_killed(result)?;
        Some(swept.map(|swept| swept.into_iter().map(|(_, swept)| swept).collect()))
    }

    /// Gives record-failure a request for which every invocation of start-export failed; `None` when the process was
    /// killed.
    pub async fn record_failed_start(&mut self, payload: &str) -> Option<anyhow::Result<()>> {
        let invocation = self.invocation();
        let result = tokio::select! {
            biased;
            () = self.steps.wait_until_killed() => None,
            result = self.process.record_failed_start(payload, &invocation) => Some(result),
        };
        Some(self.restart_if_killed(result)?.map(drop))
    }

    /// Gives a dead letter to record-failure; `None` when the process was killed.
    pub async fn record_dead_letter(
        &mut self,
        queue: Queue,
        body: &str,
    ) -> Option<record_failure::RecordedFailure> {
        let invocation = self.invocation();
        let result = tokio::select! {
            biased;
            () = self.steps.wait_until_killed() => None,
            result = self.process.record_dead_letter(queue, body, &invocation) => Some(result.expect("a kept letter")),
        };
        self.restart_if_killed(result)
    }

    /// Starts a new process if the present one was killed.
    fn restart_if_killed<T>(&mut self, result: Option<T>) -> Option<T> {
        if result.is_none() {
            self.restart();
        }
        result
    }

    /// Returns the last error that a handler reported.
    pub fn last_error(&self) -> Option<&String> {
        self.errors.last()
    }

    /// Returns the ids of the written (message) conversations, in the order of their starts.
    pub fn message_conversations(&self) -> Vec<String> {
        let conversations = self.simulator.truth().conversations.into_iter();
        let ids = conversations.map(|it| it.id);
        ids.filter(|id| self.simulator.messages(id).is_some())
            .collect()
    }

    pub async fn start(&mut self, request: &str) -> ExportId {
        let command = Command::parse(request).expect("a request");
        self.invoke(command)
            .await
            .expect("not killed")
            .expect("started")
            .export_id
    }

    pub async fn try_start(&mut self, request: &str) -> Result<ExportId, StartError> {
        let command = Command::parse(request).expect("a request");
        let result = self.invoke(command).await.expect("not killed");
        result.map(|started| started.export_id)
    }

    pub async fn resume(&mut self, id: &ExportId) -> Started {
        self.resume_with(Resume {
            export_id: id.clone(),
            quota_mb: None,
            on_bad_record: None,
        })
        .await
    }

    pub async fn resume_with(&mut self, resume: Resume) -> Started {
        self.invoke(Command::Resume(resume))
            .await
            .expect("not killed")
            .expect("resumed")
    }

    /// Receives, handles and deletes one message. Dead letters come first.
    pub async fn turn(&mut self) -> Turn {
        for queue in Queue::ALL {
            if let Some(dead_letter) = self.queues.take_dead_letter(queue) {
                let invocation = self.invocation();
                self.process
                    .record_dead_letter(queue, &dead_letter.body, &invocation)
                    .await
                    .expect("a dead letter is kept");
                return Turn::Done;
            }
        }
        self.handle_next_message().await
    }

    /// Like [`Self::turn`], but leaves dead letters in their queues.
    pub async fn handle_next_message(&mut self) -> Turn {
        match self.receive() {
            Some(delivery) => self.deliver(&delivery).await,
            None => Turn::Idle,
        }
    }

    /// Runs until no message is left, advancing the clock over times when no message is visible.
    pub async fn run(&mut self) {
        for _ in 0..MAX_STEPS {
            if self.turn().await == Turn::Idle && !self.advance_to_next_message() {
                return;
            }
        }
        panic!(
            "the export does not end; the last errors: {:?}",
            self.errors.iter().rev().take(3).collect::<Vec<_>>()
        );
    }

    /// Runs until `stop` returns `true`. Returns `false` if no message was left before that.
    pub async fn run_until(&mut self, mut stop: impl FnMut(&Self) -> bool) -> bool {
        for _ in 0..MAX_STEPS {
            if stop(self) {
                return true;
            }
            if self.turn().await == Turn::Idle && !self.advance_to_next_message() {
                return false;
            }
        }
        panic!("the export does not end")
    }

    /// Starts an export, runs it and returns its manifest.
    pub async fn export(&mut self, request: &str) -> Manifest {
        let id = self.start(request).await;
        self.run().await;
        self.manifest(&id).await
    }

    /// Advances the clock to the next time at which a message becomes visible. Returns `false` if no message is left.
    pub fn advance_to_next_message(&mut self) -> bool {
        let Some(next) = self.next_visible() else {
            return false;
        };
        let wait = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
        self.clock.advance(wait);
        true
    }

    /// Returns the next time at which a message becomes visible.
    pub fn next_visible(&self) -> Option<Timestamp> {
        Queue::ALL
            .into_iter()
            .filter_map(|queue| self.queues.next_visible(queue))
            .min()
    }

    fn receive(&mut self) -> Option<Delivery> {
        let mut queues = Queue::ALL;
        let rng = &mut self.rng;
        if self.order == Order::Shuffled {
            rng.shuffle(&mut queues);
            if rng.u8(..) < 20 {
                self.queues.duplicate(Queue::Waiting, 0);
                self.queues.duplicate(Queue::Webhooks, 0);
            }
        }
        let order = self.order;
        let mut pick = |eligible: usize| match order {
            Order::Steady => 0,
            Order::Shuffled => rng.usize(..eligible.max(1)),
        };
        queues
            .into_iter()
            .find_map(|queue| self.queues.receive_with(queue, &mut pick))
    }

    /// Handles a received message, and deletes it if the handler asks for that.
    pub async fn deliver(&mut self, delivery: &Delivery) -> Turn {
        self.highest_receive_count = self.highest_receive_count.max(delivery.receive_count);
        let invocation = self.invocation();
        let work = async {
            let disposition = self.process.handle(delivery, &invocation).await?;
            if disposition == Disposition::Delete {
                self.steps
                    .step(async { self.queues.delete(delivery.queue, &delivery.receipt) })
                    .await;
            }
            anyhow::Ok(())
        };
        let result = tokio::select! {
            biased;
            () = self.steps.wait_until_killed() => None,
            result = work => Some(result),
        };
        match result {
            Some(Ok(())) => Turn::Done,
            Some(Err(error)) => {
                self.errors.push(format!("{error:#}"));
                // Releases the message as the functions do. If the receipt is outdated, another consumer holds the
                // message.
                let delay = ErrorClass::of(&error).delay(delivery.receive_count, 1.0);
                let _ = self
                    .queues
                    .release(delivery.queue, &delivery.receipt, delay);
                Turn::Failed
            }
            None => {
                self.restart();
                Turn::Killed
            }
        }
    }

    /// Returns the next invocation of a handler.
    pub fn invocation(&mut self) -> conversation_archive::pipeline::invocation::Invocation {
        self.invocations += 1;
        invocation(self.invocations, &self.clock)
    }

    /// Advances the clock while no handler runs.
    pub fn advance_clock(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The days of every world's data, as an interval of a request.
pub const DAYS: &str = "2026-03-01T00:00:00Z/2026-03-03T00:00:00Z";

/// Settings of an organisation with this number of conversations in [`DAYS`], without faults and limits.
pub fn organisation(seed: u64, conversations: usize) -> Settings {
    let moment = |text: &str| text.parse().expect("a moment");
    Settings {
        seed,
        conversations,
        gateway_records: conversations,
        interval: (
            moment("2026-03-01T00:00:00Z"),
            moment("2026-03-03T00:00:00Z"),
        ),
        rate_per_minute: 0,
        ..Settings::default()
    }
}

fn seams<S: ArchiveStore + 'static>(
    store: &Arc<S>,
    queues: &MemoryQueues,
    topic: &Arc<MemoryTopic>,
    steps: &Arc<Steps>,
    reported_texts: &Arc<ReportedTexts>,
    signing: &Signing,
) -> Seams {
    let store = SteppedStore {
        store: Arc::clone(store),
        steps: Arc::clone(steps),
        reported_texts: Arc::clone(reported_texts),
    };
    let queues = SteppedQueues {
        queues: queues.clone(),
        steps: Arc::clone(steps),
    };
    let topic = SteppedTopic {
        topic: Arc::clone(topic),
        steps: Arc::clone(steps),
    };
    Seams {
        store: Arc::new(store),
        signing: signing.clone(),
        queue: Arc::new(queues),
        topic: Arc::new(topic),
        accesses: Arc::default(),
    }
}

fn build_process(
    client: GenesysClient,
    seams: Seams,
    clock: &Clock,
    max_open_slices: usize,
    (sources, portions): (SourceSettings, PortionLimits),
) -> Process {
    let history_form = sources.history_form;
    let sources = Sources::new(client, clock.clone(), sources);
    let mut process = Process::build(sources, seams, clock, max_open_slices, portions);
    // The setting of both functions.
    process.start.limits.history_form = history_form;
    process
}
