//! Secrets in Secrets Manager, read on first use.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::genesys::{Credentials, CredentialsError, CredentialsSource};
use crate::pipeline::{KeyError, KeySource, VersionedKey};
use crate::storage::aws::{AwsError, secret_string, secret_version};

/// The OAuth client in a secret of the form `{"clientId": …, "clientSecret": …}`.
#[derive(Clone, Debug)]
pub struct SecretCredentials {
    client: Client,
    arn: String,
}

/// The secret's text does not have the required form. The error does not reveal it.
#[derive(Debug, thiserror::Error)]
#[error("the secret {arn} is not a JSON object with the strings clientId and clientSecret")]
pub struct SecretFormError {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientSecretDocument {
    client_id: String,
    client_secret: SecretText,
}

#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretText(SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(SecretString::from(text))
    }
}

impl SecretCredentials {
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }

    fn parse(&self, text: &SecretString) -> Result<Credentials, SecretFormError> {
        // The parser's error may quote the text, so it is discarded.
        let document: ClientSecretDocument =
            serde_json::from_str(text.expose_secret()).map_err(|_| {
                let arn = self.arn.clone();
                SecretFormError { arn }
            })?;
        Ok(Credentials {
            id: document.client_id,
            secret: document.client_secret.0,
        })
    }
}

/// The redaction key, from a secret that holds it as text.
#[derive(Clone, Debug)]
pub struct SecretKey {
    client: Client,
    arn: String,
}

impl SecretKey {
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

#[async_trait]
impl KeySource for SecretKey {
    async fn read(&self, version: Option<&str>) -> Result<VersionedKey, KeyError> {
        match secret_version(&self.client, &self.arn, version).await {
            Ok((version, key)) => Ok(VersionedKey { version, key }),
            Err(error) if is_transient(&error) => Err(KeyError::Transient(Arc::new(error))),
            Err(error) => match version {
                Some(version) if error.is_not_found() => Err(KeyError::Gone(version.to_owned())),
                _ => Err(KeyError::Permanent(Arc::new(error))),
            },
        }
    }
}

#[async_trait]
impl CredentialsSource for SecretCredentials {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        match secret_string(&self.client, &self.arn).await {
            Ok(text) => self
                .parse(&text)
                .map_err(|error| CredentialsError::Permanent(Arc::new(error))),
            Err(error) if is_transient(&error) => Err(CredentialsError::Transient(Arc::new(error))),
            Err(error) => Err(CredentialsError::Permanent(Arc::new(error))),
        }
    }
}

/// Refusals by Secrets Manager are permanent, except throttling and server errors; connection errors are transient.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>
pub(super) fn is_transient(error: &AwsError) -> bool {
    let AwsError::Secret { source, .. } = error else {
        return false;
    };
    match source.status() {
        Some(status) => source.code() == Some("ThrottlingException") || status >= 500,
        None => source.is_transient(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::aws::fake::{FakeAws, Reply, sdk_config};
    use crate::storage::aws::{AwsClients, AwsSettings};

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:genesys";

    async fn read(status: u16, body: serde_json::Value) -> Result<Credentials, CredentialsError> {
        let fake = FakeAws::start(move |_| Reply::json(status, &body.to_string())).await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());
        SecretCredentials::new(clients.secrets_manager(), ARN.to_owned())
            .read()
            .await
    }

    #[tokio::test]
    async fn a_key_is_read_with_its_version_and_by_its_version() {
        let body = serde_json::json!({"SecretString": "k3y", "VersionId": "v-7"});
        let fake = FakeAws::start(move |_| Reply::json(200, &body.to_string())).await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());
        let secret = SecretKey::new(clients.secrets_manager(), ARN.to_owned());

        let newest = secret.read(None).await.unwrap();
        let pinned = secret.read(Some("v-7")).await.unwrap();

        assert_eq!(newest.version, "v-7");
        assert_eq!(pinned.key.expose_secret(), "k3y");
        assert!(!fake.requests()[0].text().contains("VersionId"));
        assert!(fake.requests()[1].text().contains(r#""VersionId":"v-7""#));
    }

    #[tokio::test]
    async fn a_deleted_key_version_is_reported_as_gone() {
        let gone = serde_json::json!({"__type": "ResourceNotFoundException"});
        let fake = FakeAws::start(move |_| Reply::json(400, &gone.to_string())).await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());
        let secret = SecretKey::new(clients.secrets_manager(), ARN.to_owned());

        let pinned = secret.read(Some("v-1")).await;
        let newest = secret.read(None).await;

        assert!(matches!(pinned, Err(KeyError::Gone(version)) if version == "v-1"));
        assert!(
            matches!(newest, Err(KeyError::Permanent(_))),
            "no such secret"
        );
    }

    fn secret_response(text: &str) -> serde_json::Value {
        serde_json::json!({ "SecretString": text })
    }

    #[tokio::test]
    async fn the_credentials_are_read_from_the_fields_of_the_secret() {
        let text = r#"{"clientId":"id-1","clientSecret":"hunter2","more":1}"#;

        let credentials = read(200, secret_response(text)).await.unwrap();

        assert_eq!(credentials.id, "id-1");
        assert_eq!(credentials.secret.expose_secret(), "hunter2");
    }

    #[tokio::test]
    async fn a_malformed_secret_is_a_permanent_error_and_not_quoted() {
        let error = read(
            200,
            secret_response(r#"{"clientId":"id-1","clientSecret":["hunter2"]}"#),
        )
        .await
        .unwrap_err();

        let CredentialsError::Permanent(source) = error else {
            panic!("{error}")
        };
        assert_eq!(
            source.to_string(),
            format!(
                "the secret {ARN} is not a JSON object with the strings clientId and clientSecret"
            )
        );
        assert!(!format!("{source:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn denied_access_is_permanent_and_throttling_is_transient() {
        let refused = read(400, serde_json::json!({"__type": "AccessDeniedException"})).await;
        let throttled = read(400, serde_json::json!({"__type": "ThrottlingException"})).await;
        let broken = read(500, serde_json::json!({"__type": "InternalServiceError"})).await;

        assert!(
            matches!(refused, Err(CredentialsError::Permanent(_))),
            "{refused:?}"
        );
        assert!(
            matches!(throttled, Err(CredentialsError::Transient(_))),
            "{throttled:?}"
        );
        assert!(
            matches!(broken, Err(CredentialsError::Transient(_))),
            "{broken:?}"
        );
    }
}
