//! What S3's refusals mean: nothing there, worth another try, or permanent.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::store::StoreError;

/// Codes that ask for another try under a status that does not.
const TRANSIENT_CODES: [&str; 5] = [
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
];

/// The status of S3's answer, if there was one.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

/// Whether there is no such object. A bucket that is not there answers 404 as well, and is another matter.
pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && error.code() != Some("NoSuchBucket")
}

pub(super) fn store_error<E>(
    action: &'static str,
    key: &str,
    error: SdkError<E, HttpResponse>,
) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let key = key.to_owned();
    let transient = is_transient(&error);
    // The service's own words; "service error" above them would say nothing.
    let source = error.into_source().unwrap_or_else(Into::into);
    if transient {
        StoreError::Transient {
            action,
            key,
            source,
        }
    } else {
        StoreError::Permanent {
            action,
            key,
            source,
        }
    }
}

fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => !failure.is_user(),
        SdkError::ServiceError(_) => {
            let by_code = error
                .code()
                .is_some_and(|code| TRANSIENT_CODES.contains(&code));
            by_code || matches!(status(error), Some(408 | 409 | 429 | 500..=599))
        }
        _ => false,
    }
}
