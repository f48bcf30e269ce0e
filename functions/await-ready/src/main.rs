//! Wires await-ready: settings, clients and the handler, once per process.

use await_ready::AwaitReady;
use conversation_archive::pipeline::Redelivery;
use conversation_archive::runtime::config::{AwaitReadyConfig, Config};
use conversation_archive::runtime::lambda::{
    self, Clients, Disposition, SqsBatchResponse, SqsEvent, each_message,
};
use conversation_archive::runtime::telemetry;
use conversation_archive::storage::queue::Queue;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(AwaitReadyConfig::from_env()?).await;
    lambda::run(async |event, _| Ok(return_due_pages(&app, event).await)).await
}

async fn app(config: AwaitReadyConfig) -> AwaitReady {
    let clients = Clients::new(config.archive).await;
    AwaitReady {
        pipeline: clients.pipeline(config.queues),
    }
}

async fn return_due_pages(app: &AwaitReady, event: SqsEvent) -> SqsBatchResponse {
    let redelivery = Redelivery {
        queue: Queue::Waiting,
        queues: app.pipeline.queue.as_ref(),
    };
    each_message(event, redelivery, async |message, _| {
        app.handle(message).await?;
        Ok(Disposition::Delete)
    })
    .await
}
