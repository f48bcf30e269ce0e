//! Wires complete-export: settings, clients and the handler, once per process.

use complete_export::CompleteExport;
use conversation_archive::pipeline::Redelivery;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::runtime::config::{CompleteExportConfig, Config};
use conversation_archive::runtime::lambda::{
    self, Clients, Disposition, SqsBatchResponse, SqsEvent, each_message,
};
use conversation_archive::runtime::telemetry;
use conversation_archive::storage::queue::Queue;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(CompleteExportConfig::from_env()?).await;
    lambda::run(async |event, invocation| Ok(complete(&app, event, &invocation).await)).await
}

async fn app(config: CompleteExportConfig) -> CompleteExport {
    let clients = Clients::new(config.archive).await;
    CompleteExport {
        pipeline: clients.pipeline_with_slices(config.queues, config.max_open_slices),
    }
}

async fn complete(
    app: &CompleteExport,
    event: SqsEvent,
    invocation: &Invocation,
) -> SqsBatchResponse {
    let redelivery = Redelivery {
        queue: Queue::Completion,
        queues: app.pipeline.queue.as_ref(),
    };
    each_message(event, redelivery, async |message, _| {
        app.handle(message, invocation).await?;
        Ok(Disposition::Delete)
    })
    .await
}
