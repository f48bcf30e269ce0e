//! Wires archive-page: settings, clients and the handlers, once per process.
//!
//! The pages queue also carries start messages, because this is the function that may wait for the API.

use archive_page::ArchivePage;
use conversation_archive::export::message::PagesMessage;
use conversation_archive::net::clock::Clock;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{Redelivery, metrics};
use conversation_archive::runtime::config::{ArchivePageConfig, Config, PlanningConfig};
use conversation_archive::runtime::lambda::{
    self, Clients, Disposition, Refreshed, SqsBatchResponse, SqsEvent, each_message,
};
use conversation_archive::runtime::telemetry;
use conversation_archive::storage::queue::Queue;
use start_export::StartExport;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = App::new(ArchivePageConfig::from_env()?).await?;
    lambda::run(async |event, invocation| Ok(app.handle(event, &invocation).await)).await
}

struct App {
    clients: Clients,
    planning: PlanningConfig,
    page: ArchivePage,
    /// Without the default webhook URL, which is read when an accepted request is started.
    start: StartExport,
    webhook_url: Refreshed<Option<String>>,
}

impl App {
    async fn new(config: ArchivePageConfig) -> anyhow::Result<Self> {
        let clients = Clients::new(config.archive).await;
        let planning = config.planning;
        let pipeline = clients.pipeline_with_slices(config.queues, config.max_open_slices);
        let sources = clients.sources(config.genesys).await?;
        let redactors = clients.redactors(config.redaction_key);
        Ok(Self {
            start: StartExport {
                pipeline: pipeline.clone(),
                sources: sources.clone(),
                redactors: redactors.clone(),
                limits: planning.limits.clone(),
                address_rules: planning.address_rules.clone(),
                regions: planning.regions.clone(),
                emulated: planning.emulated,
            },
            page: ArchivePage {
                pipeline,
                sources,
                redactors,
                topic: clients.topic(config.transcript_topic),
                settings: config.page,
            },
            clients,
            planning,
            webhook_url: Refreshed::default(),
        })
    }

    async fn start(&self) -> anyhow::Result<StartExport> {
        let read = async || self.clients.webhook_url(&self.planning).await;
        let url = self.webhook_url.get(Clock::System.now(), read).await?;
        Ok(self.start.clone().with_webhook_url(url.as_ref().clone()))
    }

    async fn handle(&self, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
        let redelivery = Redelivery {
            queue: Queue::Pages,
            queues: self.page.pipeline.queue.as_ref(),
        };
        let before = self.page.sources.client.stats();
        let response = each_message(event, redelivery, async |message, _| {
            match message {
                PagesMessage::Page(page) => {
                    self.page.handle(page, invocation).await?;
                }
                PagesMessage::Start(message) => {
                    let start = self.start().await?;
                    start.restart(&message.start, invocation).await?;
                }
            }
            Ok(Disposition::Delete)
        })
        .await;
        metrics::record_client(&before, &self.page.sources.client.stats());
        response
    }
}
