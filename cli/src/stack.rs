//! A deployed stack, in AWS or on this machine, as its own functions are configured: the variables of start-export say
//! where the archive is, so nothing is configured twice.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use conversation_archive::archive::Archive;
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::signature::PublicKey;
use conversation_archive::runtime::config::{Config, TrustConfig};
use conversation_archive::storage::aws::{AwsClients, ServiceFailure};
use conversation_archive::storage::signing::{KmsKey, SigningKey as _};
use conversation_archive::storage::store::{S3Settings, S3Store};
use serde_json::Value;
use start_export::Started;

mod arguments;
mod functions;
mod queues;

pub(crate) use functions::FunctionView;
pub(crate) use queues::QueueView;

use crate::arguments::StackArguments;
use crate::place::{Place, S3_RETRY_TIMEOUT, require_conditional_writes_of_stack};
use crate::problem::{Problem, full_message};
use crate::settings::SettingsError;

/// Lambda's error code for a function that does not exist.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Timeout of a call of start-export: the function has two minutes, and Lambda adds a cold start.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(150);

/// A deployed stack: its name, its option on a command line, and its clients.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    name: String,
    /// ` --local` or ` --stack NAME`.
    option: String,
    clients: AwsClients,
    lambda: Client,
    place: Place,
    store: S3Store,
    archive: Archive,
    /// `SIGNING_KEY_ARN` of the functions; a stack of an earlier version has none.
    signing_key: Option<String>,
    trust: TrustConfig,
}

impl Stack {
    pub(crate) async fn find(arguments: &StackArguments) -> Result<Self, Problem> {
        let (name, option) = (arguments.name(), arguments.option());
        let clients = arguments.clients().await?;
        let lambda = lambda(&clients);
        let start = format!("{name}-start-export");
        let found = lambda.get_function_configuration().function_name(&start);
        let found = found
            .send()
            .await
            .map_err(|error| lambda_problem(&name, &error))?;
        let variables = found.environment.and_then(|all| all.variables);
        let variables: BTreeMap<String, String> =
            variables.unwrap_or_default().into_iter().collect();
        let variable = |name: &str| {
            variables
                .get(name)
                .filter(|value| !value.is_empty())
                .cloned()
        };
        let Some(bucket) = variable("ARCHIVE_BUCKET") else {
            return Err(Problem::failed(format!(
                "the function {start} has no ARCHIVE_BUCKET: it does not belong to this project, or you may not read its variables"
            )));
        };
        let settings = S3Settings {
            bucket: bucket.clone(),
            prefix: variable("ARCHIVE_PREFIX"),
            kms_key_id: variable("ARCHIVE_KMS_KEY_ID"),
        };
        let place = Place::Bucket {
            bucket,
            prefix: settings.prefix.clone(),
        };
        let store = S3Store::new(clients.s3(), settings).with_retries_for(S3_RETRY_TIMEOUT);
        let archive = Archive::new(std::sync::Arc::new(store.clone()));
        Ok(Self {
            name,
            option,
            clients,
            lambda,
            place,
            store,
            archive,
            signing_key: variable("SIGNING_KEY_ARN"),
            trust: <TrustConfig as Config>::from_lookup(variable).map_err(SettingsError::from)?,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The option that selects this stack on a command line.
    pub(crate) fn option(&self) -> &str {
        &self.option
    }

    /// The command that resumes an export.
    pub(crate) fn resume_command(&self, id: &ExportId) -> String {
        format!("genesys-archive resume{} {id}", self.option)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The keys with which the stack signs and signed before. Without the permission to read the key in KMS, only the
    /// latter.
    pub(crate) async fn trusted_keys(&self) -> Vec<PublicKey> {
        let own = self.public_key().await;
        own.into_iter().chain(self.trust.keys.clone()).collect()
    }

    /// The public key of the stack's signing key; `None` if it has none, or if it cannot be read.
    pub(crate) async fn public_key(&self) -> Option<PublicKey> {
        let arn = self.signing_key.clone()?;
        match KmsKey::new(self.clients.kms(), arn).public_key().await {
            Ok(key) => Some(key),
            Err(error) => {
                tracing::warn!(error = %full_message(error), "the public key cannot be read: signatures are not checked");
                None
            }
        }
    }

    /// Refuses a bucket whose store overwrites objects despite create-only writes.
    pub(crate) async fn require_conditional_writes(&self) -> Result<(), Problem> {
        require_conditional_writes_of_stack(&self.store).await
    }

    /// The region in which the stack is deployed, for display.
    pub(crate) fn region(&self) -> &str {
        self.clients.region().unwrap_or("an unknown region")
    }

    /// Invokes start-export with a request, a resume or a cancel.
    pub(crate) async fn invoke(&self, payload: &Value) -> Result<Started, Problem> {
        let name = format!("{}-start-export", self.name);
        let reply = self
            .lambda
            .invoke()
            .function_name(name)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload.to_string()))
            .send()
            .await
            .map_err(|error| lambda_problem(&self.name, &error))?;
        let body = reply.payload.map(Blob::into_inner).unwrap_or_default();
        match reply.function_error {
            None => Ok(serde_json::from_slice(&body).map_err(anyhow::Error::from)?),
            Some(_) => Err(function_problem(&body)),
        }
    }
}

fn lambda(clients: &AwsClients) -> Client {
    let timeouts = TimeoutConfig::builder()
        .read_timeout(INVOKE_TIMEOUT)
        .operation_timeout(INVOKE_TIMEOUT)
        .build();
    let config = aws_sdk_lambda::config::Builder::from(clients.config());
    Client::from_conf(config.timeout_config(timeouts).build())
}

/// The error that start-export returned for an invocation.
fn function_problem(body: &[u8]) -> Problem {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    let message = text("errorMessage");
    match text("errorType").as_str() {
        "Refused" => Problem::refused(message),
        kind if message.is_empty() => Problem::failed(format!("start-export failed: {kind}")),
        _ => Problem::failed(format!("start-export failed: {message}")),
    }
}

fn lambda_problem<E>(name: &str, error: &SdkError<E>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let failure = ServiceFailure::of(error);
    let code = failure.code().unwrap_or_default();
    if code == NOT_FOUND {
        return Problem::refused(format!("the stack {name} does not exist")).with_hint(
            "check --stack, AWS_PROFILE and AWS_REGION; --local selects the stack on this machine",
        );
    }
    if code.starts_with("AccessDenied") {
        return Problem::refused(format!("AWS denies access: {failure}"))
            .with_hint("you need lambda:GetFunctionConfiguration and lambda:InvokeFunction on the stack's functions, and read access to its bucket");
    }
    Problem::from(
        anyhow::Error::new(failure).context(format!("the stack {name} cannot be reached")),
    )
    .with_hint("check AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL")
}

/// The clients of a stack in AWS, with the credentials and region from the environment, as for every AWS tool.
async fn clients_from_environment() -> Result<AwsClients, Problem> {
    let settings = crate::settings::BucketSettings::from_env()?;
    let clients = settings.aws_clients().await;
    if clients.region().is_none() {
        let message = "AWS_REGION is not set, and no profile names a region";
        return Err(Problem::refused(message).with_hint("set AWS_REGION to the stack's region"));
    }
    clients.require_credentials().await?;
    Ok(clients)
}

/// The clients of the stack that `local up` has deployed.
async fn clients_of_local_stack(settings: &crate::local::LocalSettings) -> AwsClients {
    AwsClients::of_emulator(&settings.ports.endpoint(), crate::local::REGION).await
}
