//! The embedded engine: the handlers of the deployed functions over a store and queues in memory, with workers in
//! place of Lambda. It receives, retries and buries as the event source mappings do, and holds no rule of its own.
//!
//! Nothing that it holds matters: after a crash another engine goes on from the archive alone.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::Delivery;
use conversation_archive::clock::{Clock, Deadline};
use conversation_archive::genesys::{GenesysClient, StatsSnapshot};
use conversation_archive::ids::ExportId;
use conversation_archive::invocation::Invocation;
use conversation_archive::outcome::Outcome;
use conversation_archive::plan::{ExportPlan, PlanLimits};
use conversation_archive::queue::ARCHIVE_PAGE_TIMEOUT;
use conversation_archive::redactors::Redactors;
use conversation_archive::source::SourceSettings;
use conversation_archive::store::ArchiveStore;
use conversation_archive::webhook::{AddressRules, Signer};
use start_export::{Command, Regions, StartError, Started};
use tokio::sync::mpsc::UnboundedSender;

mod dead_letters;
mod event;
mod handlers;
mod running;
mod silence;
mod standing;
mod worker;

pub use event::Event;
pub use running::{Ended, Running, Stopper};
pub use standing::{SliceStanding, Standing};

use handlers::Handlers;

/// What an engine works with.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// So many slices go side by side, and as many workers archive their pages.
    pub concurrency: usize,
    pub limits: PlanLimits,
    pub pages: archive_page::PageSettings,
    pub sources: SourceSettings,
    pub redactors: Redactors,
    pub regions: Regions,
    pub address_rules: AddressRules,
    /// Without one no webhook is sent; who starts an export with a receiver sees to it that there is one.
    pub signer: Option<Signer>,
    /// Takes the webhooks in place of the receiver that an export's plan names.
    pub receiver: Option<String>,
    pub clock: Clock,
}

/// Handlers and queues, ready for a command. A clone is another handle on the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    handlers: Arc<Handlers>,
    events: UnboundedSender<Event>,
    concurrency: usize,
}

impl Engine {
    /// Has to be called inside a tokio runtime. Whoever reads `events` learns what the handlers did.
    pub fn new(
        store: Arc<dyn ArchiveStore>,
        client: GenesysClient,
        settings: EngineSettings,
        events: UnboundedSender<Event>,
    ) -> anyhow::Result<Self> {
        let concurrency = settings.concurrency;
        let handlers = Arc::new(Handlers::new(store, client, settings)?);
        Ok(Self {
            handlers,
            events,
            concurrency,
        })
    }

    /// Starts, resumes or cancels; what is to be done is on the queues afterwards, and `run` does it.
    pub async fn command(&self, command: Command) -> Result<Started, StartError> {
        self.handlers
            .start
            .handle(command, &self.handlers.invocation(ARCHIVE_PAGE_TIMEOUT))
            .await
    }

    /// Sets the workers going. The caller holds the export's lock, if the archive has locks.
    pub fn run(&self, id: &ExportId) -> Running {
        Running::start(
            Arc::clone(&self.handlers),
            self.events.clone(),
            self.concurrency,
            id.clone(),
        )
    }

    pub async fn plan(&self, id: &ExportId) -> anyhow::Result<Option<Arc<ExportPlan>>> {
        Ok(self.handlers.archive().plan(id).await?)
    }

    /// Where every slice stands, read from the archive.
    pub async fn standing(&self, id: &ExportId) -> anyhow::Result<Standing> {
        Standing::read(self.handlers.archive(), id).await
    }

    /// How the newest attempt ended, if it has.
    pub async fn outcome(&self, id: &ExportId) -> anyhow::Result<Option<Outcome>> {
        Ok(self.handlers.archive().outcome(id).await?)
    }

    /// Queues the webhook of an outcome whose receiver wanted no more deliveries; for when another receiver takes it. What is
    /// owed anyhow was queued by the command.
    pub async fn deliver_again(&self, id: &ExportId) -> anyhow::Result<()> {
        let archive = self.archive();
        let Some(outcome) = archive.outcome(id).await? else {
            return Ok(());
        };
        if archive.delivery(&outcome).await? == Delivery::Ended {
            self.handlers.dispatch.owe_webhook_anew(&outcome).await?;
        }
        Ok(())
    }

    pub fn archive(&self) -> &conversation_archive::archive::Archive {
        self.handlers.archive()
    }

    /// What the client has done and survived so far.
    pub fn client_stats(&self) -> StatsSnapshot {
        self.handlers.start.sources.client.stats()
    }
}

/// An invocation as Lambda would make it.
fn invocation(now: jiff::Timestamp, timeout: Duration) -> Invocation {
    let deadline = now.saturating_add(timeout).unwrap_or(jiff::Timestamp::MAX);
    Invocation {
        request_id: format!("{:032x}", fastrand::u128(..)),
        deadline: Deadline::at(deadline),
    }
}

#[cfg(test)]
mod tests;
