//! Secrets that Secrets Manager keeps, read when they are first needed.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::aws::{AwsError, secret_string};
use crate::genesys::{Credentials, CredentialsError, CredentialsSource};

/// The OAuth client in a secret of the form `{"clientId": …, "clientSecret": …}`.
#[derive(Clone, Debug)]
pub struct SecretCredentials {
    client: Client,
    arn: String,
}

/// The secret's text is not as it must be. Says nothing of what it holds.
#[derive(Debug, thiserror::Error)]
#[error("the secret {arn} is no JSON object with the texts clientId and clientSecret")]
pub struct SecretFormError {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
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
        // The parser's error may quote the text, so it goes no further.
        let kept: Kept = serde_json::from_str(text.expose_secret()).map_err(|_| {
            let arn = self.arn.clone();
            SecretFormError { arn }
        })?;
        Ok(Credentials {
            id: kept.client_id,
            secret: kept.client_secret.0,
        })
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

/// What Secrets Manager itself refuses stays refused, unless it is too busy; everything else is the way there.
fn is_transient(error: &AwsError) -> bool {
    let AwsError::Secret { source, .. } = error else {
        return false;
    };
    match source.downcast_ref::<SdkError<GetSecretValueError>>() {
        Some(SdkError::ServiceError(refusal)) => {
            let throttled = refusal.err().code() == Some("ThrottlingException");
            throttled || refusal.raw().status().is_server_error()
        }
        Some(SdkError::ConstructionFailure(_)) | None => false,
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fake::{FakeAws, Reply, sdk_config};
    use crate::aws::{AwsClients, AwsSettings};

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:genesys";

    async fn read(status: u16, body: serde_json::Value) -> Result<Credentials, CredentialsError> {
        let fake = FakeAws::start(move |_| Reply::json(status, &body.to_string())).await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());
        SecretCredentials::new(clients.secrets_manager(), ARN.to_owned())
            .read()
            .await
    }

    fn holding(text: &str) -> serde_json::Value {
        serde_json::json!({ "SecretString": text })
    }

    #[tokio::test]
    async fn the_secret_s_fields_are_the_credentials() {
        let text = r#"{"clientId":"id-1","clientSecret":"hunter2","more":1}"#;

        let credentials = read(200, holding(text)).await.unwrap();

        assert_eq!(credentials.id, "id-1");
        assert_eq!(credentials.secret.expose_secret(), "hunter2");
    }

    #[tokio::test]
    async fn a_secret_of_another_form_is_permanent_and_not_quoted() {
        let error = read(
            200,
            holding(r#"{"clientId":"id-1","clientSecret":["hunter2"]}"#),
        )
        .await
        .unwrap_err();

        let CredentialsError::Permanent(source) = error else {
            panic!("{error}")
        };
        assert_eq!(
            source.to_string(),
            format!("the secret {ARN} is no JSON object with the texts clientId and clientSecret")
        );
        assert!(!format!("{source:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn no_permission_is_permanent_and_throttling_is_not() {
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
