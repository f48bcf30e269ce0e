//! Statuses by which stores other than AWS's own throttle: the SDK retries only 500, 502, 503, 504 and S3's error
//! codes.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>

use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::ErrorKind;

/// Retries requests that are throttled by status only (429), and requests that timed out at the store (408).
#[derive(Debug)]
pub(super) struct Throttling;

impl ClassifyRetry for Throttling {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let status = context
            .response()
            .map(|response| response.status().as_u16());
        match status {
            Some(429) => RetryAction::retryable_error(ErrorKind::ThrottlingError),
            Some(408) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Throttling"
    }
}
