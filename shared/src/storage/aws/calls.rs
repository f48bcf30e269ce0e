//! Logs each request to AWS at debug level: service, operation and resource. Headers and bodies are never logged.
//!
//! `RUST_LOG=info,conversation_archive::aws=debug` enables it. The log shows the permissions that the functions'
//! roles need.

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use serde_json::Value;

use crate::base::failure::BoxError;

/// Named in the documentation, so it stays the same wherever this module is.
const TARGET: &str = "conversation_archive::aws";

/// Members that name the resource in a JSON body.
const RESOURCES: [&str; 3] = ["QueueUrl", "SecretId", "KeyId"];

/// Interceptor for all clients.
#[derive(Debug)]
pub(super) struct CallLogger;

impl Intercept for CallLogger {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = cfg.load::<Metadata>() {
            tracing::debug!(
            target: TARGET,
                service = operation.service(),
                operation = operation.name(),
                resource = resource(context.request()),
                "aws call"
            );
        }
        Ok(())
    }
}

/// The URL of a queue, the ARN of a secret, key or topic, or the path, which names bucket and key.
fn resource(request: &HttpRequest) -> String {
    let body = request.body().bytes().unwrap_or_default();
    if request.headers().get("content-type") == Some("application/x-www-form-urlencoded") {
        let mut parameters = url::form_urlencoded::parse(body);
        let topic = parameters.find(|(name, _)| name == "TopicArn");
        return topic.map_or_else(String::new, |(_, arn)| arn.into_owned());
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let named = RESOURCES.iter().find_map(|name| body[name].as_str());
    let path = || request.uri().split('?').next().unwrap_or_default();
    named.unwrap_or_else(path).to_owned()
}
