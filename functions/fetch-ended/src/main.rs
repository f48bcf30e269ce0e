//! Wires fetch-ended: settings, clients and the handler, once per process.

use conversation_archive::genesys::RateShare;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{EndedExports, Redelivery, metrics};
use conversation_archive::runtime::config::{Config, FetchEndedConfig};
use conversation_archive::runtime::lambda::{
    self, Clients, SqsBatchResponse, SqsEvent, whole_batch,
};
use conversation_archive::runtime::telemetry;
use conversation_archive::source::EndLookup;
use conversation_archive::storage::queue::{FETCH_ENDED_PROCESSES, Queue};
use fetch_ended::FetchEnded;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(FetchEndedConfig::from_env()?).await?;
    lambda::run(async |event, invocation| Ok(handle(&app, event, &invocation).await)).await
}

async fn app(config: FetchEndedConfig) -> anyhow::Result<FetchEnded> {
    let clients = Clients::new(config.archive).await;
    let share = RateShare::new(config.live.api_share_percent, FETCH_ENDED_PROCESSES);
    let client = clients.sources(config.genesys).await?.client;
    Ok(FetchEnded {
        exports: EndedExports {
            pipeline: clients.pipeline(config.queues),
            redaction: config.required_redaction.requested(),
        },
        lookup: EndLookup::new(client.limited_to(share), config.ids_per_request),
        settle: config.live.settle,
    })
}

async fn handle(app: &FetchEnded, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
    let redelivery = Redelivery {
        queue: Queue::Ended,
        queues: app.exports.pipeline.queue.as_ref(),
    };
    let before = app.lookup.client().stats();
    let response = whole_batch(event, redelivery, async |messages| {
        app.handle(messages, invocation).await.results
    })
    .await;
    metrics::record_client(&before, &app.lookup.client().stats());
    response
}
