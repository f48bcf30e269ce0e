//! Whether the receiver accepts a signed delivery.

use bytes::Bytes;
use conversation_archive::net::WebhookUrl;
use conversation_archive::net::clock::Clock;
use conversation_archive::net::webhook::{Reply, Sender, webhook_id};
use serde_json::json;

use super::Finding;
use crate::engine::EngineSettings;
use crate::problem::full_message;

const CHECK: &str = "webhook";

/// Event type of a delivery that belongs to no export, so that a receiver can distinguish it from an outcome.
const PING: &str = "webhook.ping";

pub(super) async fn ping(settings: &EngineSettings, clock: &Clock) -> Finding {
    let (Some(url), Some(signer)) = (&settings.webhook_url, &settings.signer) else {
        return Finding::skipped(
            CHECK,
            "DATA_LAKE_WEBHOOK_URL is not set, so there is no receiver to test",
        );
    };
    let receiver = match WebhookUrl::parse(url, &settings.address_rules) {
        Ok(receiver) => receiver,
        Err(error) => {
            return Finding::failed(CHECK, full_message(error)).fix(
                "set DATA_LAKE_WEBHOOK_URL to an https URL; list a private host in WEBHOOK_ALLOWED_HOSTS",
            );
        }
    };
    let sender = match Sender::new(settings.address_rules.clone()) {
        Ok(sender) => sender,
        Err(error) => {
            return Finding::failed(CHECK, full_message(error))
                .fix("this machine cannot make https connections: check its certificates");
        }
    };
    let now = clock.now();
    let body = Bytes::from(json!({"type": PING, "timestamp": now, "data": {}}).to_string());
    let headers = signer.headers(&webhook_id(&now.to_string(), PING, 1), now, &body);
    match sender.post(&receiver, &headers, body).await {
        Ok(reply) => reply_finding(receiver.host(), &reply),
        Err(error) => Finding::failed(CHECK, full_message(error))
            .fix("the receiver must respond within 5 s over https; list a private host in WEBHOOK_ALLOWED_HOSTS"),
    }
}

fn reply_finding(host: &str, reply: &Reply) -> Finding {
    let status = reply.status;
    match reply.failure() {
        None => Finding::ok(CHECK, format!("{host} accepts a signed {PING} ({status})")),
        Some(refusal) => {
            let what = refusal.summary();
            let message = format!("{host} does not accept a signed {PING}: {what}");
            Finding::failed(CHECK, message).fix(refusal.fix())
        }
    }
}
