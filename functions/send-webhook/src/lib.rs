//! send-webhook: tells the receiver how an export ended, signed, until it is taken or a day has passed.

use conversation_archive::announcement::announcement;
use conversation_archive::archive::ArchiveError;
use conversation_archive::audit::{Action, AuditEvent, EventType, Happening};
use conversation_archive::dispatch::Dispatch;
use conversation_archive::hash::Sha256;
use conversation_archive::invocation::Invocation;
use conversation_archive::message::WebhookMessage;
use conversation_archive::metrics;
use conversation_archive::outcome::{ExportStatus, Outcome};
use conversation_archive::plan::ExportPlan;
use conversation_archive::queue::Queue;
use conversation_archive::seal;
use conversation_archive::webhook::{
    AddressRules, Refusal, Sender, Signer, Verdict, WebhookUrl, retry_delay, verdict, webhook_id,
};
use serde_json::json;

/// The handler and what it works with.
#[derive(Clone, Debug)]
pub struct SendWebhook {
    pub dispatch: Dispatch,
    pub sender: Sender,
    pub signer: Signer,
    pub address_rules: AddressRules,
    /// Takes the deliveries in place of the receiver that the plan names. It must keep to the same rules.
    pub receiver: Option<String>,
}

/// A received webhook message, with what is needed to give it back.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    pub message: &'a WebhookMessage,
    pub receipt: &'a str,
    /// How often the message was received, this time included.
    pub receive_count: u32,
}

/// What became of a webhook message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    Delivered,
    /// The receiver answered 410: it wants no more deliveries.
    Ended,
    /// The receiver did not take it for a day, or the export has none.
    GivenUp,
    /// It comes back: the message must not be deleted.
    Postponed {
        refusal: Refusal,
        /// Of the outcome that was not taken.
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
        received: Received<'_>,
        invocation: &Invocation,
    ) -> anyhow::Result<Handled> {
        let archive = &self.dispatch.archive;
        let message = received.message;
        let plan = archive.planned(&message.export_id).await?;
        let Some(url) = self.receiver.as_ref().or(plan.webhook_url.as_ref()) else {
            return Ok(Handled::GivenUp);
        };
        let missing = || ArchiveError::Missing(message.outcome_key.clone());
        let stored = archive
            .store()
            .get(&message.outcome_key)
            .await?
            .ok_or_else(missing)?;
        let outcome: Outcome = seal::open(&stored)?;
        let uri = archive.store().uri(&message.outcome_key);
        let body = announcement(&outcome, &uri, Sha256::of(&stored)).to_string();
        let id = webhook_id(&plan.global_id(), outcome.status.event(), outcome.attempt);
        let answer = self.post(url, &id, body).await;
        archive
            .keep_delivery(
                &outcome,
                self.event(&plan, &outcome, &received, &answer, invocation),
            )
            .await?;
        measure(&answer);
        match (answer.verdict, answer.refusal) {
            (Verdict::Delivered, _) | (_, None) => Ok(Handled::Delivered),
            (Verdict::Gone, Some(refusal)) => {
                tracing::error!(export.id = %plan.export_id, %refusal, "the webhook's receiver is gone");
                Ok(Handled::Ended)
            }
            (Verdict::Retry, Some(refusal)) => self.retry(&received, refusal, outcome.status).await,
        }
    }

    async fn post(&self, url: &str, id: &str, body: String) -> Answer {
        let url = match WebhookUrl::parse(url, &self.address_rules) {
            Ok(url) => url,
            // The rules may have changed since the export was planned.
            Err(error) => {
                let cause = error.to_string();
                return Answer::refused(
                    Verdict::Retry,
                    cause.clone(),
                    Refusal::Forbidden { cause },
                );
            }
        };
        let headers = self
            .signer
            .headers(id, self.dispatch.clock.now(), body.as_bytes());
        match self.sender.post(&url, &headers, body.into()).await {
            Ok(reply) => Answer {
                verdict: verdict(reply.status),
                text: format!("status {}", reply.status),
                refusal: reply.refusal(),
            },
            Err(error) => Answer::refused(Verdict::Retry, error.to_string(), error.refusal()),
        }
    }

    async fn retry(
        &self,
        received: &Received<'_>,
        refusal: Refusal,
        status: ExportStatus,
    ) -> anyhow::Result<Handled> {
        let export_id = &received.message.export_id;
        let Some(delay) = retry_delay(received.receive_count) else {
            tracing::error!(export.id = %export_id, %refusal, "the webhook was not taken for a day");
            return Ok(Handled::GivenUp);
        };
        tracing::warn!(export.id = %export_id, %refusal, delay_s = delay.as_secs(), "the webhook was not taken");
        self.dispatch
            .queue
            .postpone(Queue::Webhooks, received.receipt, delay)
            .await?;
        Ok(Handled::Postponed { refusal, status })
    }

    fn event(
        &self,
        plan: &ExportPlan,
        outcome: &Outcome,
        received: &Received<'_>,
        answer: &Answer,
        invocation: &Invocation,
    ) -> AuditEvent {
        let mut details = json!({"event": outcome.status.event(), "attempt": outcome.attempt, "answer": answer.text});
        if let Some(refusal) = &answer.refusal {
            details["refusal"] = json!(refusal);
        }
        let event = AuditEvent::new(Happening {
            export_id: &plan.export_id,
            query_hash: plan.query_hash,
            request_id: &invocation.request_id,
            timestamp: self.dispatch.clock.now(),
            action: Action::DeliverWebhook,
            event_type: EventType::Delivery,
            subject: format!(
                "attempt {} receipt {}",
                outcome.attempt, received.receive_count
            ),
            details,
        });
        let event = match answer.verdict {
            Verdict::Delivered => event,
            Verdict::Retry | Verdict::Gone => event.failed(&answer.text),
        };
        event.after(Some(outcome.event.hash))
    }
}

/// What the receiver made of a delivery.
struct Answer {
    verdict: Verdict,
    text: String,
    /// `None` for a delivery that was taken.
    refusal: Option<Refusal>,
}

impl Answer {
    fn refused(verdict: Verdict, text: String, refusal: Refusal) -> Self {
        Self {
            verdict,
            text,
            refusal: Some(refusal),
        }
    }
}

/// What a delivery attempt adds to the metrics.
fn measure(answer: &Answer) {
    let taken = match answer.verdict {
        Verdict::Delivered => metrics::WEBHOOKS_DELIVERED,
        Verdict::Gone | Verdict::Retry => metrics::WEBHOOK_FAILURES,
    };
    metrics::record(&[(taken, 1)]);
}
