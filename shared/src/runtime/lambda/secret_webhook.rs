//! The default webhook URL in Secrets Manager, because its path and query may hold secrets of the receiver.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use secrecy::ExposeSecret as _;

use super::refreshed::Refreshed;
use super::secrets::is_transient;
use crate::base::failure::error_chain;
use crate::export::request::InvalidRequest;
use crate::net::clock::Clock;
use crate::net::{AddressRules, WebhookUrl};
use crate::pipeline::{DefaultWebhook, DefaultWebhookError};
use crate::runtime::config::table::DATA_LAKE_WEBHOOK_URL_SECRET_ARN;
use crate::storage::aws::secret_string;

/// The default webhook URL, from a secret that holds it as text. It must satisfy the rules on receivers.
#[derive(Debug)]
pub(super) struct SecretWebhook {
    client: Client,
    arn: String,
    rules: AddressRules,
    clock: Clock,
    latest: Refreshed<String>,
}

impl SecretWebhook {
    pub(super) fn new(client: Client, arn: String, rules: AddressRules, clock: Clock) -> Self {
        Self {
            client,
            arn,
            rules,
            clock,
            latest: Refreshed::default(),
        }
    }

    async fn read(&self) -> Result<String, DefaultWebhookError> {
        let text = match secret_string(&self.client, &self.arn).await {
            Ok(text) => text,
            Err(error) if is_transient(&error) => {
                return Err(DefaultWebhookError::Transient(Arc::new(error)));
            }
            Err(error) => return Err(self.unusable("it cannot be read", &error_chain(&error))),
        };
        let url = text.expose_secret().trim();
        match WebhookUrl::parse(url, &self.rules) {
            Ok(_) => Ok(url.to_owned()),
            Err(error) => Err(self.unusable("its text is not usable", &error.to_string())),
        }
    }

    fn unusable(&self, problem: &str, cause: &str) -> DefaultWebhookError {
        let rule = format!("the secret must hold the default webhook URL, and {problem}: {cause}");
        let setting = DATA_LAKE_WEBHOOK_URL_SECRET_ARN.name;
        DefaultWebhookError::Unusable(InvalidRequest::new(setting, &self.arn, rule))
    }
}

#[async_trait]
impl DefaultWebhook for SecretWebhook {
    async fn url(&self) -> Result<Option<String>, DefaultWebhookError> {
        let url = self
            .latest
            .get(self.clock.now(), async || self.read().await);
        Ok(Some(url.await?.as_ref().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Receivers;
    use crate::storage::aws::fake::{FakeAws, Reply, sdk_config};
    use crate::storage::aws::{AwsClients, AwsSettings};

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:webhook";

    async fn url(
        status: u16,
        body: serde_json::Value,
    ) -> Result<Option<String>, DefaultWebhookError> {
        let fake = FakeAws::start(move |_| Reply::json(status, &body.to_string())).await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());
        let rules = AddressRules {
            receivers: Receivers::Only(vec!["lake.example".to_owned()]),
            ..AddressRules::default()
        };
        let client = clients.secrets_manager();
        let webhook = SecretWebhook::new(client, ARN.to_owned(), rules, Clock::System);
        webhook.url().await
    }

    async fn refusal(status: u16, body: serde_json::Value) -> String {
        match url(status, body).await {
            Err(DefaultWebhookError::Unusable(refusal)) => refusal.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_default_webhook_url_in_a_secret_satisfies_the_rules() {
        let text = |text: &str| serde_json::json!({ "SecretString": text });
        let listed = "https://lake.example/hook?key=s3cret";

        let accepted = url(200, text(listed)).await.unwrap();

        assert_eq!(accepted.as_deref(), Some(listed));
        for refused in [
            "https://collector.example/s3cret",
            "https://10.0.0.1/s3cret",
            "s3cret",
        ] {
            let refusal = refusal(200, text(refused)).await;
            assert!(
                refusal.starts_with("`DATA_LAKE_WEBHOOK_URL_SECRET_ARN` is arn:")
                    && refusal.contains("webhookUrl")
                    && !refusal.contains("s3cret"),
                "{refusal}"
            );
        }
    }

    #[tokio::test]
    async fn an_unreadable_secret_is_refused_and_throttling_is_transient() {
        let denied = serde_json::json!({"__type": "AccessDeniedException"});
        let throttled = serde_json::json!({"__type": "ThrottlingException"});

        let refusal = refusal(400, denied).await;
        let throttled = url(400, throttled).await;

        assert!(
            refusal.contains("DATA_LAKE_WEBHOOK_URL_SECRET_ARN"),
            "{refusal}"
        );
        assert!(refusal.contains("it cannot be read"), "{refusal}");
        assert!(
            matches!(throttled, Err(DefaultWebhookError::Transient(_))),
            "{throttled:?}"
        );
    }
}
