//! Wires record-failure: settings, clients and the handler, once per process.

use anyhow::Context as _;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::runtime::config::{Config, RecordFailureConfig};
use conversation_archive::runtime::lambda::{
    self, Clients, Disposition, FailureEvent, SqsBatchResponse, SqsEvent, dead_letter_queue,
    each_record,
};
use conversation_archive::runtime::telemetry;
use record_failure::{DeadLetter, RecordFailure};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(RecordFailureConfig::from_env()?).await;
    lambda::run(async |failure_event, invocation| record(&app, failure_event, &invocation).await)
        .await
}

async fn app(config: RecordFailureConfig) -> RecordFailure {
    let clients = Clients::new(config.archive).await;
    RecordFailure {
        pipeline: clients.pipeline(config.queues),
    }
}

async fn record(
    app: &RecordFailure,
    failure_event: FailureEvent,
    invocation: &Invocation,
) -> anyhow::Result<SqsBatchResponse> {
    match failure_event {
        FailureEvent::Messages(event) => Ok(record_messages(app, event, invocation).await),
        FailureEvent::Invocation(failed) => {
            let letter = DeadLetter {
                queue: None,
                body: failed.get(),
            };
            app.handle(&letter, invocation).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

async fn record_messages(
    app: &RecordFailure,
    event: SqsEvent,
    invocation: &Invocation,
) -> SqsBatchResponse {
    each_record(event, async |record| {
        let letter = DeadLetter {
            queue: dead_letter_queue(record),
            body: record.body.as_deref().context("the message has no body")?,
        };
        app.handle(&letter, invocation).await?;
        Ok(Disposition::Delete)
    })
    .await
}
