//! Clients of AWS services, built once per process. Region, endpoint and credentials come from the SDK's usual chain.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::config::retry::RetryPartition;
use aws_sdk_s3::config::{Credentials, ProvideCredentials, SharedHttpClient};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::base::failure::error_chain;
use crate::records::foreign::{ForeignText, Secrets};

mod calls;
mod encrypted;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod throttling;
mod transient;

use calls::CallLogger;
use encrypted::EncryptedOnly;
pub(crate) use encrypted::is_allowed as is_allowed_endpoint;
pub use failure::ServiceFailure;
use throttling::Throttling;
pub(crate) use transient::{is_transient, status};

/// S3 responds within milliseconds; a lost response may cost at most half of the page function's timeout. The timeout
/// runs from the start of the request, so it also bounds the upload of a page over a slow line.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Between tries the SDK waits up to one second, two, four and so on, with jitter.
const MAX_TRIES: u32 = 5;

/// For all tries of one request. It ends before the function's own timeout, so that the function can report the
/// error.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(90);

/// Settings that the SDK's configuration chain does not provide.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsSettings {
    /// `AWS_S3_FORCE_PATH_STYLE`: bucket names in the path instead of the host name, for emulators.
    pub force_path_style: bool,
}

/// Variables that the SDK reads from the environment of the process, given in another way. They take precedence over
/// it.
#[derive(Clone, Debug, Default)]
pub struct SdkVariables {
    /// `AWS_REGION`.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// `AWS_PROFILE`.
    pub profile: Option<String>,
    pub access_key: Option<AccessKey>,
    /// `AWS_REQUEST_CHECKSUM_CALCULATION`.
    pub request_checksums: Option<String>,
    /// `AWS_RESPONSE_CHECKSUM_VALIDATION`.
    pub response_checksums: Option<String>,
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
#[derive(Clone, Debug)]
pub struct AccessKey {
    pub id: String,
    pub secret: SecretString,
    pub session_token: Option<SecretString>,
}

/// The SDK configuration of a process and the clients made from it.
#[derive(Clone, Debug)]
pub struct AwsClients {
    config: SdkConfig,
    settings: AwsSettings,
}

/// Why AWS cannot be used, or a secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    #[error("no usable AWS credentials")]
    Credentials(#[source] ForeignText),
    #[error("cannot read the secret {arn}")]
    Secret {
        arn: String,
        #[source]
        source: ServiceFailure,
    },
    #[error("the secret {arn} has no text value")]
    SecretNotText { arn: String },
    #[error("Secrets Manager returned the secret {arn} without the id of its version")]
    SecretWithoutVersion { arn: String },
}

impl AwsError {
    /// Whether the secret, or this version of it, does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        let Self::Secret { source, .. } = self else {
            return false;
        };
        source.code() == Some("ResourceNotFoundException")
    }
}

impl AwsClients {
    pub async fn from_environment(settings: AwsSettings) -> Self {
        let config = sdk_config_loader().load().await;
        Self { config, settings }
    }

    /// Like [`AwsClients::from_environment`], with these variables besides.
    pub async fn with_variables(settings: AwsSettings, variables: SdkVariables) -> Self {
        let config = variables.apply(sdk_config_loader()).load().await;
        Self { config, settings }
    }

    /// For an emulator at `endpoint`, which requires credentials but accepts any.
    pub async fn of_emulator(endpoint: &str, region: &'static str) -> Self {
        let credentials = Credentials::new("test", "test", None, None, "emulator");
        let config = sdk_config_loader()
            .endpoint_url(endpoint)
            .region(Region::from_static(region))
            .credentials_provider(credentials)
            .load()
            .await;
        let settings = AwsSettings {
            force_path_style: true,
        };
        Self { config, settings }
    }

    /// Uses an existing SDK configuration.
    pub fn new(config: SdkConfig, settings: AwsSettings) -> Self {
        Self { config, settings }
    }

    /// The SDK configuration, for clients of further services.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// Loads credentials without using them: a request without credentials would look like a network error.
    pub async fn require_credentials(&self) -> Result<(), AwsError> {
        let quoted = |text: &str| ForeignText::new(text, &Secrets::default());
        let missing = || AwsError::Credentials(quoted("no provider is configured"));
        let provider = self.config.credentials_provider().ok_or_else(missing)?;
        match provider.provide_credentials().await {
            Ok(_) => Ok(()),
            Err(error) => Err(AwsError::Credentials(quoted(&error_chain(&error)))),
        }
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config);
        aws_sdk_s3::Client::from_conf(
            config
                .force_path_style(self.settings.force_path_style)
                .retry_classifier(Throttling)
                // A separate retry quota: by default all clients of a process and region share one, and a store that
                // throttles one of them would use up the retries of the others.
                // https://docs.rs/aws-smithy-runtime/latest/aws_smithy_runtime/client/retries/index.html
                .retry_partition(RetryPartition::custom("s3").build())
                .interceptor(CallLogger)
                .interceptor(EncryptedOnly)
                .build(),
        )
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::config::Builder::from(&self.config);
        aws_sdk_sqs::Client::from_conf(
            config
                .interceptor(CallLogger)
                .interceptor(EncryptedOnly)
                .build(),
        )
    }

    pub fn sns(&self) -> aws_sdk_sns::Client {
        let config = aws_sdk_sns::config::Builder::from(&self.config);
        aws_sdk_sns::Client::from_conf(
            config
                .interceptor(CallLogger)
                .interceptor(EncryptedOnly)
                .build(),
        )
    }

    pub fn kms(&self) -> aws_sdk_kms::Client {
        let config = aws_sdk_kms::config::Builder::from(&self.config);
        aws_sdk_kms::Client::from_conf(
            config
                .interceptor(CallLogger)
                .interceptor(EncryptedOnly)
                .build(),
        )
    }

    pub(crate) fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.config);
        aws_sdk_secretsmanager::Client::from_conf(
            config
                .interceptor(CallLogger)
                .interceptor(EncryptedOnly)
                .build(),
        )
    }
}

impl SdkVariables {
    fn apply(self, mut loader: ConfigLoader) -> ConfigLoader {
        if let Some(region) = self.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(url) = self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(AccessKey {
            id,
            secret,
            session_token,
        }) = self.access_key
        {
            let token = session_token.map(|token| token.expose_secret().to_owned());
            let secret = secret.expose_secret();
            loader =
                loader.credentials_provider(Credentials::new(id, secret, token, None, "variables"));
        }
        // The settings have refused other values.
        if let Some(checksums) = self.request_checksums.and_then(|text| text.parse().ok()) {
            loader = loader.request_checksum_calculation(checksums);
        }
        if let Some(checksums) = self.response_checksums.and_then(|text| text.parse().ok()) {
            loader = loader.response_checksum_validation(checksums);
        }
        loader
    }
}

/// The configuration that AWS and emulators have in common.
fn sdk_config_loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .read_timeout(READ_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https_client())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_TRIES))
}

/// The current text of a secret.
pub(crate) async fn secret_string(
    client: &aws_sdk_secretsmanager::Client,
    arn: &str,
) -> Result<SecretString, AwsError> {
    let (_, secret) = secret_value(client, arn, SecretVersion::Current).await?;
    Ok(secret)
}

/// The text that a secret had before its latest rotation; `None` if it was never rotated.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version>
pub(crate) async fn previous_secret_string(
    client: &aws_sdk_secretsmanager::Client,
    arn: &str,
) -> Result<Option<SecretString>, AwsError> {
    match secret_value(client, arn, SecretVersion::Previous).await {
        Ok((_, secret)) => Ok(Some(secret)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The given or the newest version of a secret, with the version's id.
pub(crate) async fn secret_version(
    client: &aws_sdk_secretsmanager::Client,
    arn: &str,
    version: Option<&str>,
) -> Result<(String, SecretString), AwsError> {
    let version = version.map_or(SecretVersion::Current, SecretVersion::Id);
    let (version, secret) = secret_value(client, arn, version).await?;
    let version = version.ok_or_else(|| AwsError::SecretWithoutVersion {
        arn: arn.to_owned(),
    })?;
    Ok((version, secret))
}

/// A version of a secret.
#[derive(Clone, Copy, Debug)]
enum SecretVersion<'a> {
    Current,
    Previous,
    Id(&'a str),
}

async fn secret_value(
    client: &aws_sdk_secretsmanager::Client,
    arn: &str,
    version: SecretVersion<'_>,
) -> Result<(Option<String>, SecretString), AwsError> {
    let request = client.get_secret_value().secret_id(arn);
    let request = match version {
        SecretVersion::Current => request,
        SecretVersion::Previous => request.version_stage("AWSPREVIOUS"),
        SecretVersion::Id(id) => request.version_id(id),
    };
    let secret = request.send().await.map_err(|error| AwsError::Secret {
        arn: arn.to_owned(),
        source: ServiceFailure::of(&error),
    })?;
    let text = secret
        .secret_string
        .ok_or_else(|| AwsError::SecretNotText {
            arn: arn.to_owned(),
        })?;
    Ok((secret.version_id, SecretString::from(text)))
}

/// The SDK's own client with ring instead of aws-lc; it also allows plain http, for emulators on loopback.
fn https_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::fake::{FakeAws, Reply, sdk_config};
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:genesys";

    #[tokio::test]
    async fn a_secret_is_read_and_hidden_in_debug_output() {
        let fake = FakeAws::start(|_| Reply::json(200, &r#"{"SecretString":"hunter2"}"#)).await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());

        let secret = secret_string(&clients.secrets_manager(), ARN)
            .await
            .unwrap();

        assert_eq!(secret.expose_secret(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(fake.requests()[0].text().contains(ARN));
    }

    #[tokio::test]
    async fn a_binary_secret_is_an_error_that_names_it() {
        let fake = FakeAws::start(|_| Reply::json(200, &r#"{"SecretBinary":"aGk="}"#)).await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());

        let error = secret_string(&clients.secrets_manager(), ARN)
            .await
            .unwrap_err();

        assert_eq!(
            error.to_string(),
            format!("the secret {ARN} has no text value")
        );
    }

    #[tokio::test]
    async fn missing_credentials_are_reported() {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .build();

        let error = AwsClients::new(config, AwsSettings::default())
            .require_credentials()
            .await
            .unwrap_err();

        assert_eq!(error.to_string(), "no usable AWS credentials");
    }

    #[tokio::test]
    async fn the_tls_client_also_reaches_plain_http() {
        let fake = FakeAws::start(|_| Reply::json(200, &r#"{"SecretString":"s"}"#)).await;
        let config = sdk_config(&fake)
            .into_builder()
            .http_client(https_client())
            .build();
        let clients = AwsClients::new(config, AwsSettings::default());

        let secret = secret_string(&clients.secrets_manager(), ARN).await;

        assert!(secret.is_ok(), "{secret:?}");
    }
}
