//! Decides which errors of AWS services are transient.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Error codes of transient errors whose status does not say so.
const TRANSIENT_CODES: [&str; 8] = [
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    // From SQS and SNS.
    "RequestThrottled",
    "KmsThrottled",
    "KMSThrottling",
];

/// Whether a retry may succeed without a change to permissions or settings.
pub(crate) fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => !failure.is_user(),
        SdkError::ServiceError(_) => {
            let by_code = error
                .code()
                .is_some_and(|code| TRANSIENT_CODES.contains(&code));
            // 501 is permanent: the store does not implement the operation.
            by_code
                || matches!(
                    status(error),
                    Some(408 | 409 | 429 | 500 | 502..=504 | 506..=599)
                )
        }
        _ => false,
    }
}

/// The status of the service's response, if there was one.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}
