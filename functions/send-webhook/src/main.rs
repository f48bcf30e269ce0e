//! Wires send-webhook: settings, clients and the handler, once per process.
//!
//! The signing secret is read at the first invocation, and again every few minutes: if it cannot be read, messages fail
//! and are redelivered, but the start of the process does not fail.

use conversation_archive::export::message::WebhookMessage;
use conversation_archive::net::clock::Clock;
use conversation_archive::net::webhook::Sender;
use conversation_archive::pipeline::Redelivery;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::runtime::config::{Config, SendWebhookConfig};
use conversation_archive::runtime::lambda::{
    self, Clients, Disposition, Refreshed, SqsBatchResponse, SqsEvent, SqsMessage, each_message,
    receive_count,
};
use conversation_archive::runtime::telemetry;
use conversation_archive::storage::queue::Queue;
use send_webhook::{DeliveryOutcome, ReceivedMessage, SendWebhook};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let config = SendWebhookConfig::from_env()?;
    let clients = Clients::new(config.archive.clone()).await;
    let pipeline = clients.pipeline(config.queues.clone());
    let sender = Sender::new(config.address_rules.clone())?;
    let signer = Refreshed::default();
    lambda::run(async |event, invocation| {
        let read = async || clients.signer(&config.signing_secret).await;
        let signer = signer.get(Clock::System.now(), read).await?;
        let app = SendWebhook {
            pipeline: pipeline.clone(),
            sender: sender.clone(),
            signer: signer.as_ref().clone(),
            address_rules: config.address_rules.clone(),
            receiver: None,
        };
        Ok(send(&app, event, &invocation).await)
    })
    .await
}

async fn send(app: &SendWebhook, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
    let redelivery = Redelivery {
        queue: Queue::Webhooks,
        queues: app.pipeline.queue.as_ref(),
    };
    each_message(event, redelivery, async |message, record| {
        let handled = app
            .handle(received_message(message, record), invocation)
            .await?;
        Ok(disposition(&handled))
    })
    .await
}

fn received_message<'a>(
    message: &'a WebhookMessage,
    record: &'a SqsMessage,
) -> ReceivedMessage<'a> {
    ReceivedMessage {
        message,
        receipt: record.receipt_handle.as_deref().unwrap_or_default(),
        receive_count: receive_count(record),
    }
}

/// A postponed message must not be deleted: it returns when its visibility timeout expires.
fn disposition(handled: &DeliveryOutcome) -> Disposition {
    match handled {
        DeliveryOutcome::Delivered
        | DeliveryOutcome::Ended
        | DeliveryOutcome::GivenUp
        | DeliveryOutcome::Superseded => Disposition::Delete,
        DeliveryOutcome::Postponed { .. } | DeliveryOutcome::NotDue => Disposition::KeepInvisible,
    }
}
