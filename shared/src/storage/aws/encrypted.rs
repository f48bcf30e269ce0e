//! Refuses to send a request to AWS over plain http, except to an emulator on this machine.
//!
//! The SDK reads an endpoint from several variables and files (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`, profiles), so
//! the request itself is checked: it carries conversations and signed headers.

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use url::Url;

use crate::base::failure::BoxError;
use crate::net::transport::is_loopback;

/// Interceptor for all clients.
#[derive(Debug)]
pub(super) struct EncryptedOnly;

/// A request would be sent in clear text to another machine.
#[derive(Debug, thiserror::Error)]
#[error("AWS_ENDPOINT_URL must be https: plain http is allowed only for this machine")]
struct PlainHttp;

impl Intercept for EncryptedOnly {
    fn name(&self) -> &'static str {
        "EncryptedOnly"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_allowed(context.request().uri()) {
            Ok(())
        } else {
            Err(PlainHttp.into())
        }
    }
}

/// Whether requests may be sent to this endpoint of AWS.
pub(crate) fn is_allowed(endpoint: &str) -> bool {
    Url::parse(endpoint).is_ok_and(|url| url.scheme() == "https" || is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_allowed_only_to_this_machine() {
        for endpoint in [
            "https://s3.eu-central-1.amazonaws.com/bucket/key",
            "https://minio.example:9000",
            "http://127.0.0.1:4566",
            "http://localhost:4566",
            "http://bucket.localhost:4566/key",
            "http://[::1]:4566",
        ] {
            assert!(is_allowed(endpoint), "{endpoint}");
        }
        for endpoint in [
            "http://minio.example:9000",
            "http://10.0.0.1:9000",
            "http://169.254.169.254",
            "http://localhost.example",
            "ftp://minio.example",
            "minio.example:9000",
        ] {
            assert!(!is_allowed(endpoint), "{endpoint}");
        }
    }
}
