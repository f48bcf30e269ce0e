//! The embedded engine: the handlers of the deployed functions over a store and in-memory queues, with workers in place
//! of Lambda. It receives, retries and dead-letters messages as the event source mappings do, and adds no rules of its
//! own.
//!
//! The engine holds no state that matters: after a crash, another engine resumes from the archive alone.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::{Archive, deliveries, outcomes};
use conversation_archive::base::deadline::Deadline;
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::time::later;
use conversation_archive::export::delivery::DeliveryState;
use conversation_archive::export::outcome::Outcome;
use conversation_archive::export::plan::{ExportPlan, PlanLimits};
use conversation_archive::genesys::{GenesysClient, StatsSnapshot};
use conversation_archive::net::AddressRules;
use conversation_archive::net::clock::Clock;
use conversation_archive::net::webhook::Signer;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{FailedExports, Pipeline, Redactors, webhooks};
use conversation_archive::runtime::config::{DEFAULT_GAP_DELAY, LiveSettings};
use conversation_archive::source::SourceSettings;
use conversation_archive::storage::queue::{ARCHIVE_PAGE_TIMEOUT, ENDED_BATCH_WINDOW};
use start_export::{Command, Regions, StartError, Started};
use tokio::sync::mpsc::UnboundedSender;

mod dead_letters;
mod event;
mod export_state;
mod handlers;
mod live;
mod outage_tolerance;
mod running;
mod worker;
mod workers;

pub use event::Event;
pub use export_state::{ExportState, SliceProgress};
pub use running::{EngineEnd, RunningEngine};
pub use workers::{Stopper, Workers};

use handlers::Handlers;

/// The settings of an engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Number of slices to process in parallel, and of workers that archive their pages.
    pub concurrency: usize,
    pub limits: PlanLimits,
    /// The default webhook URL, for requests without `webhookUrl`.
    pub webhook_url: Option<String>,
    pub pages: archive_page::PageSettings,
    pub sources: SourceSettings,
    pub redactors: Redactors,
    pub regions: Regions,
    pub address_rules: AddressRules,
    /// Without a signer no webhook is sent. A caller that starts an export with a receiver must provide one.
    pub signer: Option<Signer>,
    /// URL that gets the webhooks in place of the receiver in an export's plan.
    pub receiver: Option<String>,
    pub live: LiveWork,
    /// Whether a failed export waits for an operator, or for [`Engine::sweep`].
    pub failed_exports: FailedExports,
    pub clock: Clock,
}

/// How the ends and gaps that live capture found become exports.
#[derive(Clone, Copy, Debug)]
pub struct LiveWork {
    pub lookups: LiveSettings,
    /// How long messages about ended conversations are collected, so that these become one export.
    pub window: Duration,
    /// How long after a live gap its export starts.
    pub gap_delay: Duration,
}

/// Handlers and queues, ready for a command. A clone is another handle to the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    handlers: Arc<Handlers>,
    events: UnboundedSender<Event>,
    concurrency: usize,
    ended_window: Duration,
}

impl Engine {
    /// Creates an engine, which sends the results of its handlers to `events`. Must be called inside a tokio runtime.
    pub fn new(
        archive: Archive,
        client: GenesysClient,
        settings: EngineSettings,
        events: UnboundedSender<Event>,
    ) -> anyhow::Result<Self> {
        let concurrency = settings.concurrency;
        let ended_window = settings.live.window;
        let handlers = Arc::new(Handlers::new(archive, client, settings)?);
        Ok(Self {
            handlers,
            events,
            concurrency,
            ended_window,
        })
    }

    /// Starts, resumes or cancels an export. This only enqueues the work; `run` does it.
    pub async fn command(&self, command: Command) -> Result<Started, StartError> {
        self.handlers
            .start
            .handle(command, &self.handlers.invocation(ARCHIVE_PAGE_TIMEOUT))
            .await
    }

    /// Starts the workers for one export. The caller holds the export's lock, if the archive has locks.
    pub fn run(&self, id: &ExportId) -> RunningEngine {
        RunningEngine::new(self.start_workers(), id.clone())
    }

    /// Starts the workers, which handle the messages of all exports until they are stopped.
    pub fn start_workers(&self) -> Workers {
        let (handlers, events) = (Arc::clone(&self.handlers), self.events.clone());
        Workers::start(handlers, events, self.concurrency, self.ended_window)
    }

    pub async fn plan(&self, id: &ExportId) -> anyhow::Result<Option<Arc<ExportPlan>>> {
        Ok(self.handlers.archive().plan(id).await?)
    }

    /// Reads the state of every slice from the archive.
    pub async fn export_state(&self, id: &ExportId) -> anyhow::Result<ExportState> {
        ExportState::read(self.handlers.archive(), id).await
    }

    /// The outcome of the newest attempt, if it has ended.
    pub async fn outcome(&self, id: &ExportId) -> anyhow::Result<Option<Outcome>> {
        Ok(outcomes::newest(self.handlers.archive(), id).await?)
    }

    /// Enqueues the webhook again after its receiver returned 410 (no more deliveries), for use when another receiver
    /// replaces it. A webhook that is still owed was already enqueued by the command.
    pub async fn deliver_again(&self, id: &ExportId) -> anyhow::Result<()> {
        let archive = self.archive();
        let Some(outcome) = outcomes::newest(archive, id).await? else {
            return Ok(());
        };
        if deliveries::delivery_state(archive, &outcome).await? == DeliveryState::Ended {
            webhooks::start_again(&self.handlers.pipeline, &outcome).await?;
        }
        Ok(())
    }

    pub fn pipeline(&self) -> &Pipeline {
        &self.handlers.pipeline
    }

    pub fn archive(&self) -> &Archive {
        self.handlers.archive()
    }

    /// Statistics of the API client so far, such as requests, retries and throttling.
    pub fn client_stats(&self) -> StatsSnapshot {
        self.handlers.start.sources.client.stats()
    }
}

impl Default for LiveWork {
    fn default() -> Self {
        Self {
            lookups: LiveSettings::default(),
            window: ENDED_BATCH_WINDOW,
            gap_delay: DEFAULT_GAP_DELAY,
        }
    }
}

/// An invocation with a deadline, as Lambda would create it.
fn invocation(now: jiff::Timestamp, timeout: Duration) -> Invocation {
    Invocation {
        request_id: format!("{:032x}", fastrand::u128(..)),
        deadline: Deadline::at(later(now, timeout)),
    }
}

#[cfg(test)]
mod tests;
