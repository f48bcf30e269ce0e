//! send-webhook: delivers the signed webhook of an outcome until the receiver accepts it or the retry schedule (one
//! day) ends.
//!
//! The recorded deliveries decide when the next one is due and which is the last, so redeliveries of the message cause
//! no extra requests to the receiver. The marker `owed/…` is deleted when the records show that no delivery is owed any
//! more.

use std::time::Duration;

use anyhow::ensure;
use conversation_archive::archive::deliveries;
use conversation_archive::base::time::elapsed;
use conversation_archive::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use conversation_archive::export::delivery::{
    DeliveryFailure, DeliveryState, GIVEN_UP, Verdict, retry_delay, verdict,
};
use conversation_archive::export::message::WebhookMessage;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use conversation_archive::export::owed::{NextDelivery, OwedWebhook};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::webhook_body::webhook_body;
use conversation_archive::net::webhook::{Sender, Signer, webhook_id};
use conversation_archive::net::{AddressRules, WebhookUrl};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{Pipeline, metrics};
use conversation_archive::storage::queue::{MAX_VISIBILITY, Queue, SEND_WEBHOOK_TIMEOUT};
use serde_json::json;

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct SendWebhook {
    pub pipeline: Pipeline,
    pub sender: Sender,
    pub signer: Signer,
    pub address_rules: AddressRules,
    /// Receives all deliveries instead of the URL in the plan. It must satisfy the same address rules.
    pub receiver: Option<String>,
}

/// A received webhook message with its receipt handle, which changes the visibility timeout.
#[derive(Clone, Debug)]
pub struct ReceivedMessage<'a> {
    pub message: &'a WebhookMessage,
    pub receipt: &'a str,
    /// The number of receives, including this one.
    pub receive_count: u32,
}

/// The result of handling a webhook message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Delivered,
    /// The receiver returned 410 Gone: no more deliveries.
    Ended,
    /// The receiver did not accept it within a day, or the export has no webhook URL.
    GivenUp,
    /// A later message for the same webhook replaces this one.
    Superseded,
    /// The next delivery is not due yet. The message must not be deleted: it returns when the delivery is due.
    NotDue,
    /// The delivery failed and is retried. The message must not be deleted.
    Postponed {
        refusal: DeliveryFailure,
        /// Status of the outcome that was not delivered.
        status: ExportStatus,
    },
}

impl SendWebhook {
    #[tracing::instrument(
        skip_all,
        fields(export.id = %received.message.export_id, receive_count = received.receive_count)
    )]
    pub async fn handle(
        &self,
        received: ReceivedMessage<'_>,
        invocation: &Invocation,
    ) -> anyhow::Result<DeliveryOutcome> {
        let archive = &self.pipeline.archive;
        let message = received.message;
        let plan = archive.existing_plan(&message.export_id).await?;
        let Some(url) = self.receiver.as_ref().or(plan.webhook_url.as_ref()) else {
            return Ok(DeliveryOutcome::GivenUp);
        };
        let marker = ObjectKey::Owed(&message.export_id, message.attempt);
        let owed: Option<OwedWebhook> = archive.read(marker).await?;
        if owed.as_ref().is_some_and(|owed| owed.supersedes(message)) {
            return Ok(DeliveryOutcome::Superseded);
        }
        let (outcome, digest) = archive.outcome_with_digest(&message.outcome_key).await?;
        // The marker that the message was made from is not signed.
        ensure!(
            (&outcome.export_id, outcome.attempt) == (&message.export_id, message.attempt),
            "the marker {} names {}, an outcome of another export or attempt",
            marker.key(),
            message.outcome_key
        );
        // A message from an earlier version has no marker.
        let owed = owed.unwrap_or_else(|| OwedWebhook::new(&outcome, 0, outcome.ended_at));
        let number = match self.next_action(&owed, &received).await? {
            NextAction::Deliver { number } => number,
            NextAction::Finish(handled) => return Ok(handled),
        };
        let uri = archive.store().uri(&message.outcome_key);
        let body = webhook_body(&outcome, &uri, digest).to_string();
        let id = webhook_id(
            &plan.global_id(),
            outcome.status.event_type(),
            outcome.attempt,
        );
        let response = self.post(url, &id, body).await;
        let sent = SentDelivery {
            plan: &plan,
            outcome: &outcome,
            number,
            retry: retry_delay(owed.number_in_schedule(number)),
        };
        deliveries::record(archive, &outcome, self.event(&sent, &response, invocation)).await?;
        record_metrics(&response);
        self.handle_response(&received, &owed, &sent, response)
            .await
    }

    /// Decides from the recorded deliveries whether a delivery is due.
    async fn next_action(
        &self,
        owed: &OwedWebhook,
        received: &ReceivedMessage<'_>,
    ) -> anyhow::Result<NextAction> {
        let deliveries = deliveries::of_marker(&self.pipeline.archive, owed).await?;
        let due = match owed.next_delivery(&deliveries) {
            // With an overriding receiver, a 410 from the planned receiver does not count.
            NextDelivery::Finished(DeliveryState::Ended) if self.receiver.is_some() => {
                owed.due_at(&deliveries)
            }
            NextDelivery::Finished(delivery) => {
                self.pipeline.archive.delete(owed.object_key()).await?;
                return Ok(NextAction::Finish(outcome_of(&delivery)));
            }
            NextDelivery::Due(due) => due,
        };
        let now = self.pipeline.clock.now();
        if due <= now || owed.delivery_count(&deliveries) == 0 {
            let number = deliveries.count() + 1;
            return Ok(NextAction::Deliver { number });
        }
        let wait = elapsed(now, due);
        // The visibility timeout limit counts from the receive, not from now.
        let longest = MAX_VISIBILITY.saturating_sub(SEND_WEBHOOK_TIMEOUT);
        self.postpone(received, wait.min(longest)).await?;
        Ok(NextAction::Finish(DeliveryOutcome::NotDue))
    }

    /// Acts on the receiver's response, which is already recorded.
    async fn handle_response(
        &self,
        received: &ReceivedMessage<'_>,
        owed: &OwedWebhook,
        sent: &SentDelivery<'_>,
        response: ReceiverResponse,
    ) -> anyhow::Result<DeliveryOutcome> {
        let export_id = &owed.export_id;
        let refusal = match (response.verdict, response.refusal) {
            (Verdict::Delivered, _) | (_, None) => {
                self.pipeline.archive.delete(owed.object_key()).await?;
                return Ok(DeliveryOutcome::Delivered);
            }
            (Verdict::Gone, Some(refusal)) => {
                tracing::error!(export.id = %export_id, %refusal, "webhook receiver accepts no more deliveries");
                self.pipeline.archive.delete(owed.object_key()).await?;
                return Ok(DeliveryOutcome::Ended);
            }
            (Verdict::Retry, Some(refusal)) => refusal,
        };
        let Some(delay) = sent.retry else {
            tracing::error!(export.id = %export_id, %refusal, "webhook delivery given up after a day");
            self.give_up(owed).await?;
            return Ok(DeliveryOutcome::GivenUp);
        };
        tracing::warn!(export.id = %export_id, %refusal, delay_s = delay.as_secs(), "webhook delivery failed");
        self.postpone(received, delay).await?;
        let status = sent.outcome.status;
        Ok(DeliveryOutcome::Postponed { refusal, status })
    }

    /// Deletes the marker, unless a resume has restarted the schedule in the meantime.
    async fn give_up(&self, owed: &OwedWebhook) -> anyhow::Result<()> {
        let archive = &self.pipeline.archive;
        let stored: Option<OwedWebhook> = archive.read(owed.object_key()).await?;
        if stored.is_none_or(|stored| stored.since == owed.since) {
            archive.delete(owed.object_key()).await?;
        }
        Ok(())
    }

    async fn postpone(
        &self,
        received: &ReceivedMessage<'_>,
        delay: Duration,
    ) -> anyhow::Result<()> {
        let queue = &self.pipeline.queue;
        Ok(queue
            .postpone(Queue::Webhooks, received.receipt, delay)
            .await?)
    }

    async fn post(&self, url: &str, id: &str, body: String) -> ReceiverResponse {
        let url = match WebhookUrl::parse(url, &self.address_rules) {
            Ok(url) => url,
            // The address rules may have changed since the export was planned.
            Err(error) => {
                let cause = error.to_string();
                return ReceiverResponse::refusal(
                    Verdict::Retry,
                    cause.clone(),
                    DeliveryFailure::Forbidden { cause },
                );
            }
        };
        let headers = self
            .signer
            .headers(id, self.pipeline.clock.now(), body.as_bytes());
        match self.sender.post(&url, &headers, body.into()).await {
            Ok(reply) => ReceiverResponse {
                verdict: verdict(reply.status),
                text: format!("status {}", reply.status),
                refusal: reply.failure(),
            },
            Err(error) => {
                ReceiverResponse::refusal(Verdict::Retry, error.to_string(), error.failure())
            }
        }
    }

    fn event(
        &self,
        sent: &SentDelivery<'_>,
        response: &ReceiverResponse,
        invocation: &Invocation,
    ) -> AuditEvent {
        let SentDelivery {
            plan,
            outcome,
            number,
            retry,
        } = sent;
        let mut details = json!({"event": outcome.status.event_type(), "attempt": outcome.attempt, "answer": response.text});
        if let Some(refusal) = &response.refusal {
            details["refusal"] = json!(refusal);
        }
        if response.verdict == Verdict::Retry && retry.is_none() {
            details[GIVEN_UP] = json!(true);
        }
        let event = AuditEvent::new(NewAuditEvent {
            export_id: &plan.export_id,
            query_hash: plan.query_hash,
            request_id: &invocation.request_id,
            timestamp: self.pipeline.clock.now(),
            action: Action::DeliverWebhook,
            event_type: EventType::Delivery,
            subject: format!("attempt {} receipt {number}", outcome.attempt),
            details,
        });
        let event = match response.verdict {
            Verdict::Delivered => event,
            Verdict::Retry | Verdict::Gone => event.with_failure(&response.text),
        };
        event.chained_after(Some(outcome.event.hash))
    }
}

/// The next step for a received message.
enum NextAction {
    /// Make a delivery; `number` counts all deliveries of the outcome from 1.
    Deliver {
        number: u32,
    },
    Finish(DeliveryOutcome),
}

/// A delivery that was made.
struct SentDelivery<'a> {
    plan: &'a ExportPlan,
    outcome: &'a Outcome,
    /// Counted from 1 over all deliveries of the outcome.
    number: u32,
    /// The delay before the next delivery; `None` if this was the last one of its schedule.
    retry: Option<Duration>,
}

/// The result of a delivery.
struct ReceiverResponse {
    verdict: Verdict,
    text: String,
    /// `None` if the delivery was accepted.
    refusal: Option<DeliveryFailure>,
}

impl ReceiverResponse {
    fn refusal(verdict: Verdict, text: String, refusal: DeliveryFailure) -> Self {
        Self {
            verdict,
            text,
            refusal: Some(refusal),
        }
    }
}

fn outcome_of(delivery: &DeliveryState) -> DeliveryOutcome {
    match delivery {
        DeliveryState::Delivered => DeliveryOutcome::Delivered,
        DeliveryState::Ended => DeliveryOutcome::Ended,
        DeliveryState::GivenUp(_) | DeliveryState::Refused(_) | DeliveryState::NotTried => {
            DeliveryOutcome::GivenUp
        }
    }
}

/// Records the metrics of a delivery.
fn record_metrics(response: &ReceiverResponse) {
    let metric = match response.verdict {
        Verdict::Delivered => metrics::WEBHOOKS_DELIVERED,
        Verdict::Gone | Verdict::Retry => metrics::WEBHOOK_FAILURES,
    };
    metrics::record(&[(metric, 1)]);
}
