//! Wires record-failure: settings, clients and the handler, once per process.

use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::runtime::config::{Config, RecordFailureConfig};
use conversation_archive::runtime::lambda::{
    self, Abandoned, Clients, Disposition, SqsBatchResponse, SqsEvent, dead_letter_queue,
    each_record,
};
use conversation_archive::runtime::telemetry;
use record_failure::{DeadLetter, RecordFailure};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(RecordFailureConfig::from_env()?).await;
    lambda::run(async |abandoned, invocation| keep(&app, abandoned, &invocation).await).await
}

async fn app(config: RecordFailureConfig) -> RecordFailure {
    let clients = Clients::new(config.archive).await;
    RecordFailure {
        pipeline: clients.pipeline(config.queues),
    }
}

async fn keep(
    app: &RecordFailure,
    abandoned: Abandoned,
    invocation: &Invocation,
) -> anyhow::Result<SqsBatchResponse> {
    match abandoned {
        Abandoned::Messages(event) => Ok(keep_messages(app, event, invocation).await),
        Abandoned::Invocation(failed) => {
            let letter = DeadLetter {
                queue: None,
                body: failed.get(),
            };
            app.handle(&letter, invocation).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

async fn keep_messages(
    app: &RecordFailure,
    event: SqsEvent,
    invocation: &Invocation,
) -> SqsBatchResponse {
    each_record(event, async |record| {
        let letter = DeadLetter {
            queue: dead_letter_queue(record),
            body: record.body.as_deref().unwrap_or_default(),
        };
        app.handle(&letter, invocation).await?;
        Ok(Disposition::Delete)
    })
    .await
}
