//! Wires archive-page: settings, clients and the handlers, once per process.
//!
//! The pages queue also carries start messages, because this is the function that may wait for the API.

use archive_page::ArchivePage;
use conversation_archive::export::message::PagesMessage;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{Redelivery, metrics};
use conversation_archive::runtime::config::{ArchivePageConfig, Config};
use conversation_archive::runtime::lambda::{
    self, Clients, Disposition, SqsBatchResponse, SqsEvent, each_message,
};
use conversation_archive::runtime::telemetry;
use conversation_archive::storage::queue::Queue;
use start_export::{ScheduledRequests, StartExport};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = App::new(ArchivePageConfig::from_env()?).await?;
    lambda::run(async |event, invocation| Ok(app.handle(event, &invocation).await)).await
}

struct App {
    page: ArchivePage,
    start: StartExport,
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
                default_webhook: clients.default_webhook(&planning),
                limits: planning.limits,
                address_rules: planning.address_rules,
                regions: planning.regions,
                emulated: planning.emulated,
                scheduled_requests: ScheduledRequests::Stored,
            },
            page: ArchivePage {
                pipeline,
                sources,
                redactors,
                topic: clients.topic(config.transcript_topic),
                settings: config.page,
            },
        })
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
                    self.start.restart(&message.start, invocation).await?;
                }
            }
            Ok(Disposition::Delete)
        })
        .await;
        metrics::record_client(&before, &self.page.sources.client.stats());
        response
    }
}
