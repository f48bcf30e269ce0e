//! The clients of a process, built from its settings. Building them sends no requests; secrets are read on first use.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use crate::archive::{Archive, PortionLimits};
use crate::genesys::{CredentialsSource, GenesysClient};
use crate::net::clock::Clock;
use crate::net::webhook::{Signer, SigningSecretError};
use crate::net::{ClientError, ProxyUrl, ProxyUrlError};
use crate::pipeline::{
    ConfiguredKey, ConfiguredWebhook, DefaultWebhook, FailedExports, KeySource, Pipeline, Redactors,
};
use crate::runtime::audit_stdout::AuditStdout;
use crate::runtime::config::{
    ArchiveConfig, AuditOutput, CredentialsConfig, GenesysConfig, PlanningConfig,
    RedactionKeyConfig, SigningConfig, SigningSecretConfig,
};
use crate::runtime::lambda::secret_webhook::SecretWebhook;
use crate::runtime::lambda::{SecretCredentials, SecretKey};
use crate::source::Sources;
use crate::storage::aws::{AwsClients, AwsError, previous_secret_string, secret_string};
use crate::storage::queue::{QueueUrls, SqsQueues};
use crate::storage::signing::KmsKey;
use crate::storage::store::S3Store;
use crate::storage::topic::{SnsTopic, Topic, TopicArn};

/// Builds the components that handlers need.
#[derive(Clone, Debug)]
pub struct Clients {
    aws: AwsClients,
    archive: ArchiveConfig,
}

/// Why a component could not be built.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    #[error("the Genesys Cloud client cannot be created")]
    Client(#[from] ClientError),
    #[error("the webhook's signing secret cannot be read")]
    Secret(#[from] AwsError),
    #[error("the webhook's signing secret cannot be used")]
    SigningSecret(#[from] SigningSecretError),
    #[error("the proxy cannot be read")]
    ProxySecret(#[source] AwsError),
    #[error("the proxy cannot be used")]
    Proxy(#[from] ProxyUrlError),
}

/// For functions that open no slices and do not read the setting: the minimum that lets an export make progress.
const ONE_SLICE: usize = 1;

/// A signer with the newest and the previous version of the secret, so that receivers can change theirs at any time
/// between two rotations.
async fn signer_of_secret(
    client: &aws_sdk_secretsmanager::Client,
    arn: &str,
) -> Result<Signer, WiringError> {
    let current = secret_string(client, arn).await?;
    let signer = Signer::new(&current)?;
    let previous = previous_secret_string(client, arn).await?;
    let Some(previous) = previous.filter(|it| it.expose_secret() != current.expose_secret()) else {
        return Ok(signer);
    };
    match Signer::new(&previous) {
        Ok(previous) => Ok(signer.and(previous)),
        // It may have been replaced because it was unusable.
        Err(error) => {
            tracing::warn!(%error, "the previous webhook secret is not usable; webhooks are signed with the newest one");
            Ok(signer)
        }
    }
}

impl Clients {
    pub async fn new(archive: ArchiveConfig) -> Self {
        let aws = AwsClients::from_environment(archive.aws).await;
        Self { aws, archive }
    }

    /// The pipeline of a function that starts slices.
    pub fn pipeline_with_slices(&self, queues: QueueUrls, max_open_slices: usize) -> Pipeline {
        Pipeline {
            archive: self.archive(),
            queue: Arc::new(SqsQueues::new(self.aws.sqs(), queues)),
            clock: Clock::System,
            max_open_slices,
            portions: PortionLimits::default(),
            failed_exports: FailedExports::Swept,
        }
    }

    fn archive(&self) -> Archive {
        let store = S3Store::new(self.aws.s3(), self.archive.s3.clone());
        let SigningConfig { key_arn, trust } = self.archive.signing.clone();
        let key = KmsKey::new(self.aws.kms(), key_arn);
        let archive =
            Archive::new(Arc::new(store)).with_signatures(trust.signatures(Arc::new(key)));
        match self.archive.audit_output {
            AuditOutput::Stored => archive,
            AuditOutput::StoredAndPrinted => archive.with_audit_log(Arc::new(AuditStdout)),
        }
    }

    /// The pipeline of a function that starts no slices.
    pub fn pipeline(&self, queues: QueueUrls) -> Pipeline {
        self.pipeline_with_slices(queues, ONE_SLICE)
    }

    /// Reads the proxy, if it is in a secret.
    pub async fn sources(&self, mut genesys: GenesysConfig) -> Result<Sources, WiringError> {
        if let Some(arn) = &genesys.proxy_secret {
            let text = secret_string(&self.aws.secrets_manager(), arn).await;
            let text = text.map_err(WiringError::ProxySecret)?;
            genesys.client.proxy = Some(ProxyUrl::parse(&text)?);
        }
        let credentials: Arc<dyn CredentialsSource> = match genesys.credentials {
            CredentialsConfig::InSettings(credentials) => Arc::new(credentials),
            CredentialsConfig::Secret { arn } => {
                Arc::new(SecretCredentials::new(self.aws.secrets_manager(), arn))
            }
        };
        let client = GenesysClient::new(genesys.client, credentials, Clock::System)?;
        Ok(Sources::new(client, Clock::System, genesys.source))
    }

    pub fn redactors(&self, key: RedactionKeyConfig) -> Redactors {
        let keys: Arc<dyn KeySource> = match key {
            RedactionKeyConfig::NotSet => Arc::new(ConfiguredKey::default()),
            RedactionKeyConfig::InSettings(key) => Arc::new(ConfiguredKey::new(Some(key))),
            RedactionKeyConfig::Secret { arn } => {
                Arc::new(SecretKey::new(self.aws.secrets_manager(), arn))
            }
        };
        Redactors::new(keys)
    }

    /// The topic, if one is configured.
    pub fn topic(&self, arn: Option<TopicArn>) -> Option<Arc<dyn Topic>> {
        let topic = SnsTopic::new(self.aws.sns(), arn?, Clock::System);
        Some(Arc::new(topic))
    }

    /// The default webhook URL of the secret, if one is named; otherwise that of the settings.
    pub fn default_webhook(&self, planning: &PlanningConfig) -> Arc<dyn DefaultWebhook> {
        let Some(arn) = planning.webhook_url_secret.clone() else {
            return Arc::new(ConfiguredWebhook::new(planning.webhook_url.clone()));
        };
        let (client, rules) = (self.aws.secrets_manager(), planning.address_rules.clone());
        Arc::new(SecretWebhook::new(client, arn, rules, Clock::System))
    }

    pub async fn signer(&self, secret: &SigningSecretConfig) -> Result<Signer, WiringError> {
        match secret {
            SigningSecretConfig::InSettings(secret) => Ok(Signer::new(secret)?),
            SigningSecretConfig::Secret { arn } => {
                signer_of_secret(&self.aws.secrets_manager(), arn).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::storage::aws::AwsSettings;
    use crate::storage::aws::fake::{FakeAws, Reply, sdk_config};

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:signing";
    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eQ==";

    /// The number of signatures, and whether receivers with the old and the new secret accept them.
    async fn signed_with(
        current: &'static str,
        previous: Option<&'static str>,
    ) -> (usize, [bool; 2]) {
        let fake = FakeAws::start(move |request| {
            let secret = if request.text().contains("AWSPREVIOUS") {
                previous
            } else {
                Some(current)
            };
            match secret {
                Some(text) => Reply::json(
                    200,
                    &serde_json::json!({ "SecretString": text }).to_string(),
                ),
                None => Reply::json(400, &r#"{"__type":"ResourceNotFoundException"}"#),
            }
        })
        .await;
        let clients = AwsClients::new(sdk_config(&fake), AwsSettings::default());
        let signer = signer_of_secret(&clients.secrets_manager(), ARN)
            .await
            .unwrap();
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let signatures = signer.sign("msg_1", now, b"{}");
        let accepts = |secret: &str| {
            let receiver = Signer::new(&secret.into()).unwrap();
            receiver
                .verify("msg_1", "1614265330", &signatures, b"{}", now)
                .is_ok()
        };
        (signatures.split(' ').count(), [accepts(OLD), accepts(NEW)])
    }

    #[tokio::test]
    async fn a_rotated_secret_signs_with_its_previous_version_too() {
        assert_eq!(signed_with(NEW, Some(OLD)).await, (2, [true, true]));
    }

    #[tokio::test]
    async fn a_secret_that_was_never_rotated_signs_alone() {
        assert_eq!(signed_with(OLD, None).await, (1, [true, false]));
        assert_eq!(signed_with(OLD, Some(OLD)).await, (1, [true, false]));
    }

    #[tokio::test]
    async fn an_unusable_previous_version_does_not_stop_deliveries() {
        assert_eq!(signed_with(NEW, Some("changeme")).await, (1, [false, true]));
    }
}
