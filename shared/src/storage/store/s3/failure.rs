//! Classifies S3's error responses: object absent, transient, or permanent.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{Config, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::base::failure::BoxError;
use crate::records::foreign::{ForeignText, Secrets};
use crate::storage::aws::ServiceFailure;
pub(super) use crate::storage::aws::{is_transient, status};
use crate::storage::store::StoreError;

/// S3's error code and message, with advice if a fix is known.
#[derive(Debug, thiserror::Error)]
#[error("S3 returned {code}{message}{advice}")]
struct S3Error {
    code: ForeignText,
    message: String,
    advice: String,
}

/// Where S3's own checksums are used: `AWS_REQUEST_CHECKSUM_CALCULATION` and `AWS_RESPONSE_CHECKSUM_VALIDATION`, as
/// the SDK has read them. S3-compatible stores may refuse them.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html>
#[derive(Clone, Copy, Debug)]
pub(super) struct Checksums {
    pub(super) in_requests: bool,
    pub(super) in_responses: bool,
}

/// Error codes of stores that do not know a header or refuse a checksum.
const CHECKSUM_REFUSALS: [&str; 11] = [
    "400",
    "501",
    "BadDigest",
    "BadRequest",
    "InvalidArgument",
    "InvalidDigest",
    "InvalidRequest",
    "MalformedTrailerError",
    "NotImplemented",
    "UnsupportedArgument",
    "XAmzContentSHA256Mismatch",
];

impl Checksums {
    pub(super) fn of(config: &Config) -> Self {
        let calculation = config.request_checksum_calculation();
        let validation = config.response_checksum_validation();
        Self {
            in_requests: calculation != Some(&RequestChecksumCalculation::WhenRequired),
            in_responses: validation != Some(&ResponseChecksumValidation::WhenRequired),
        }
    }

    /// The setting to change if the store may have refused a checksum.
    fn advice(self, action: &str, status: u16, code: &str, message: &str) -> Option<&'static str> {
        let may_be_refusal = CHECKSUM_REFUSALS.contains(&code) || mentions_checksums(message);
        match (action, status) {
            (_, status) if !may_be_refusal || !matches!(status, 400 | 501) => None,
            ("create" | "replace", _) if self.in_requests => Some(
                "if this store does not support S3's checksums, set AWS_REQUEST_CHECKSUM_CALCULATION=when_required",
            ),
            ("create", 501) => Some(
                "the store does not implement conditional writes (If-None-Match), which exports rely on; use one that does",
            ),
            ("read", _) if self.in_responses => Some(
                "if this store does not support S3's checksums, set AWS_RESPONSE_CHECKSUM_VALIDATION=when_required",
            ),
            _ => None,
        }
    }
}

fn mentions_checksums(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["checksum", "trailer", "aws-chunked"]
        .iter()
        .any(|word| message.contains(word))
}

/// Whether the object does not exist. A missing bucket also responds 404, but is a different error:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && error.code() != Some("NoSuchBucket")
}

pub(super) fn store_error<E>(
    action: &'static str,
    key: &str,
    error: &SdkError<E, HttpResponse>,
    checksums: Checksums,
) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let transient = is_transient(error);
    let source = source(action, error, Some(checksums));
    if transient {
        StoreError::transient(action, key, source)
    } else {
        StoreError::permanent(action, key, source)
    }
}

/// S3's error message, or why there was no response. `checksums` is set for calls that may have had one.
pub(super) fn source<E>(
    action: &str,
    error: &SdkError<E, HttpResponse>,
    checksums: Option<Checksums>,
) -> BoxError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (SdkError::ServiceError(_), Some(status)) = (error, status(error)) else {
        return ServiceFailure::of(error).into();
    };
    let code = error
        .code()
        .map_or_else(|| status.to_string(), str::to_owned);
    let message = error.message().filter(|message| !message.is_empty());
    let message_text = message.unwrap_or_default();
    let of_checksums = checksums
        .and_then(|checksums| checksums.advice(action, status, &code, message_text))
        .map(ToOwned::to_owned);
    let advice = advice(action, &code, message_text).or(of_checksums);
    let s3_error = S3Error {
        message: message
            .map(|text| format!(": {}", quoted(text)))
            .unwrap_or_default(),
        advice: advice.map(|text| format!("; {text}")).unwrap_or_default(),
        code: quoted(&code),
    };
    s3_error.into()
}

/// A text of S3, as it may be shown.
fn quoted(text: &str) -> ForeignText {
    ForeignText::new(text, &Secrets::default())
}

fn advice(action: &str, code: &str, message: &str) -> Option<String> {
    let text = match code {
        // S3 reports refusals of KMS under its own code.
        "AccessDenied" if message.contains("kms:") => {
            "the role needs kms:GenerateDataKey and kms:Decrypt on the key"
        }
        "AccessDenied" => return Some(format!("the role needs {}", required_permission(action))),
        "NoSuchBucket" => "create the bucket, or use another one",
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => "set AWS_REGION to the bucket's region",
        "ExpiredToken" | "ExpiredTokenException" => "log in again: the credentials have expired",
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => "check the AWS credentials",
        _ => return None,
    };
    Some(text.to_owned())
}

fn required_permission(action: &str) -> &'static str {
    match action {
        // Without the second permission, S3 responds AccessDenied for a missing object:
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        "read" => "s3:GetObject on the object, and s3:ListBucket on the bucket",
        "delete" => "s3:DeleteObject on the object",
        "list" | "find" => "s3:ListBucket on the bucket",
        _ => "s3:PutObject on the object",
    }
}
