//! Wires archive-events: settings, clients and the handler, once per process.

use archive_events::{ArchiveEvents, EventMessage};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::runtime::config::{ArchiveEventsConfig, Config};
use conversation_archive::runtime::lambda::{
    self, Clients, SqsBatchResponse, SqsEvent, SqsMessage,
};
use conversation_archive::runtime::telemetry;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(ArchiveEventsConfig::from_env()?).await?;
    lambda::run(async |event, invocation| Ok(archive(&app, event, &invocation).await)).await
}

async fn app(config: ArchiveEventsConfig) -> anyhow::Result<ArchiveEvents> {
    let redactor = config.redaction.redactor(None)?;
    let clients = Clients::new(config.archive).await;
    Ok(ArchiveEvents::new(
        clients.pipeline(config.queues),
        redactor,
        config.settle,
    ))
}

async fn archive(
    app: &ArchiveEvents,
    event: SqsEvent,
    invocation: &Invocation,
) -> SqsBatchResponse {
    let messages: Vec<_> = event.records.iter().map(message).collect();
    let handled = app.handle(&messages, invocation).await;
    let mut response = SqsBatchResponse::default();
    for id in handled.failed {
        response.add_failure(id);
    }
    response
}

/// The id is never missing; if it were, an empty id makes Lambda treat the whole batch as failed. A message without a
/// body is quarantined like one that is not JSON.
fn message(record: &SqsMessage) -> EventMessage<'_> {
    EventMessage {
        id: record.message_id.as_deref().unwrap_or_default(),
        body: record.body.as_deref().unwrap_or_default(),
    }
}
