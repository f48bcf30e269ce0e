//! Wires archive-page: settings, clients and the handler, once per process.

use archive_page::ArchivePage;
use conversation_archive::config::{ArchivePageConfig, Config};
use conversation_archive::invocation::Invocation;
use conversation_archive::lambda::{self, Clients, Fate, SqsBatchResponse, SqsEvent, each_message};
use conversation_archive::queue::{Queue, Redelivery};
use conversation_archive::{metrics, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::lambda();
    let app = app(ArchivePageConfig::from_env()?).await?;
    lambda::run(async |event, invocation| Ok(archive(&app, event, &invocation).await)).await
}

async fn app(config: ArchivePageConfig) -> anyhow::Result<ArchivePage> {
    let clients = Clients::new(config.archive).await;
    Ok(ArchivePage {
        dispatch: clients.opening(config.queues, config.max_open_slices),
        sources: clients.sources(config.genesys)?,
        redactors: clients.redactors(config.redaction_key),
        topic: clients.topic(config.transcript_topic),
        settings: config.page,
    })
}

async fn archive(app: &ArchivePage, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
    let redelivery = Redelivery {
        queue: Queue::Pages,
        queues: app.dispatch.queue.as_ref(),
    };
    let before = app.sources.client.stats();
    let response = each_message(event, redelivery, async |message, _| {
        app.handle(message, invocation).await?;
        Ok(Fate::Done)
    })
    .await;
    metrics::record_client(&before, &app.sources.client.stats());
    response
}
