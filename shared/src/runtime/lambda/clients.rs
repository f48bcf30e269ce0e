//! The clients of a process, built from its settings. Building them sends no requests; secrets are read on first use.

use std::sync::Arc;

use crate::archive::{Archive, PortionLimits, Signatures};
use crate::genesys::{CredentialsSource, GenesysClient};
use crate::net::ClientError;
use crate::net::clock::Clock;
use crate::net::webhook::{Signer, SigningSecretError};
use crate::pipeline::{ConfiguredKey, FailedExports, KeySource, Pipeline, Redactors};
use crate::runtime::config::{
    ArchiveConfig, CredentialsConfig, GenesysConfig, RedactionKeyConfig, SigningConfig,
    SigningSecretConfig,
};
use crate::runtime::lambda::{SecretCredentials, SecretKey};
use crate::source::Sources;
use crate::storage::aws::{AwsClients, AwsError, secret_string};
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
}

/// For functions that open no slices and do not read the setting: the minimum that lets an export make progress.
const ONE_SLICE: usize = 1;

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
        let signatures = Signatures::with_key(Arc::new(key))
            .and_trusting(trust.keys)
            .with_unsigned(trust.unsigned);
        Archive::new(Arc::new(store)).with_signatures(signatures)
    }

    /// The pipeline of a function that starts no slices.
    pub fn pipeline(&self, queues: QueueUrls) -> Pipeline {
        self.pipeline_with_slices(queues, ONE_SLICE)
    }

    pub fn sources(&self, genesys: GenesysConfig) -> Result<Sources, WiringError> {
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

    pub async fn signer(&self, secret: &SigningSecretConfig) -> Result<Signer, WiringError> {
        match secret {
            SigningSecretConfig::InSettings(secret) => Ok(Signer::new(secret)?),
            SigningSecretConfig::Secret { arn } => {
                let secret = secret_string(&self.aws.secrets_manager(), arn).await?;
                Ok(Signer::new(&secret)?)
            }
        }
    }
}
