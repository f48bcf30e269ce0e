//! Checks the bucket itself, so that problems with it are reported before any work is done.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::S3Store;
use super::failure::{is_transient, source, status};
use crate::base::failure::BoxError;
use crate::records::foreign::{ForeignId, Secrets};
use crate::storage::store::StoreError;

/// Why a bucket cannot hold an archive, permanently or at the moment.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    #[error("the bucket {bucket} does not exist")]
    Missing { bucket: String },
    #[error("access to the bucket {bucket} is denied")]
    Denied { bucket: String },
    /// Refused for a reason other than a missing permission; S3 reports which.
    #[error("the bucket {bucket} cannot be used")]
    Refused {
        bucket: String,
        #[source]
        source: BoxError,
    },
    #[error("the bucket {bucket} is in {region}")]
    Elsewhere { bucket: String, region: String },
    /// S3 throttles or reports an error of its own.
    #[error("the bucket {bucket} is temporarily unavailable")]
    Busy {
        bucket: String,
        #[source]
        source: BoxError,
    },
    #[error("the bucket {bucket} does not respond")]
    Unavailable {
        bucket: String,
        #[source]
        source: BoxError,
    },
}

/// Encryption of an object as S3 reports it; some S3-compatible stores report nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    pub algorithm: Option<String>,
    pub kms_key: Option<String>,
}

/// The bucket's region, which S3 also returns with a refusal (documented for HEAD, see below).
const REGION_HEADER: &str = "x-amz-bucket-region";

impl S3Store {
    /// Returns the bucket's region if S3 reports it.
    pub async fn find_bucket(&self) -> Result<Option<String>, BucketError> {
        self.with_retries(|| self.request_bucket()).await
    }

    async fn request_bucket(&self) -> Result<Option<String>, BucketError> {
        let response = self.client.head_bucket().bucket(&self.bucket).send().await;
        let error = match response {
            Ok(found) => return Ok(found.bucket_region),
            Err(error) => error,
        };
        // A response to HEAD has no body and so no error code: expired credentials, a wrong secret and a missing
        // permission look the same. https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
        if matches!(status(&error), Some(400 | 401 | 403)) && self.other_region(&error).is_none() {
            self.list_one().await?;
            return Ok(reported_region(&error).map(str::to_owned));
        }
        Err(self.bucket_error(&error))
    }

    /// The smallest request whose refusal has a reason. It succeeds for a role that may list only below the prefix;
    /// HEAD does not.
    async fn list_one(&self) -> Result<(), BucketError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(&self.prefix)
            .max_keys(1);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.bucket_error(&error)),
        }
    }

    /// The encryption that S3 reports for an object: the algorithm, and the key if it is in KMS.
    pub async fn encryption(&self, key: &str) -> Result<Encryption, StoreError> {
        self.with_retries(|| self.request_encryption(key)).await
    }

    async fn request_encryption(&self, key: &str) -> Result<Encryption, StoreError> {
        let response = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(self.full_key(key))
            .send()
            .await;
        let reported = response.map_err(|error| self.store_error_of("read", key, &error))?;
        Ok(Encryption {
            algorithm: reported
                .server_side_encryption
                .map(|it| it.as_str().to_owned()),
            kms_key: reported.ssekms_key_id,
        })
    }

    fn bucket_error<E>(&self, error: &SdkError<E, HttpResponse>) -> BucketError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let bucket = self.bucket.clone();
        match (status(error), self.other_region(error)) {
            (Some(301 | 307 | 400 | 403), Some(region)) => {
                BucketError::Elsewhere { bucket, region }
            }
            (Some(404), _) => BucketError::Missing { bucket },
            (Some(401 | 403), _) if matches!(error.code(), None | Some("AccessDenied")) => {
                BucketError::Denied { bucket }
            }
            (Some(400..=499), _) if !is_transient(error) => BucketError::Refused {
                bucket,
                source: source("find", error, None),
            },
            (Some(_), _) => BucketError::Busy {
                bucket,
                source: source("find", error, None),
            },
            (None, _) => BucketError::Unavailable {
                bucket,
                source: source("find", error, None),
            },
        }
    }

    /// The region that S3 reports, if it is not the configured one.
    fn other_region<E>(&self, error: &SdkError<E, HttpResponse>) -> Option<String> {
        let reported = reported_region(error)?;
        let configured = self.client.config().region().map(AsRef::as_ref);
        (configured != Some(reported)).then(|| reported.to_owned())
    }
}

/// The region, unless it cannot be the name of one: the caller puts it into a command to paste.
fn reported_region<E>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    let region = error.raw_response()?.headers().get(REGION_HEADER)?;
    ForeignId::new(region, &Secrets::default()).map(|_| region)
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;
    use crate::storage::aws::fake::{FakeAws, Reply};

    async fn bucket_found(status: u16, region: Option<&str>) -> Result<Option<String>, String> {
        let headers = region.map(|region| (REGION_HEADER, region.to_owned()));
        let headers: Vec<_> = headers.into_iter().collect();
        let fake = FakeAws::start(move |_| Reply::Response {
            status,
            headers: headers.clone(),
            body: Vec::new(),
        })
        .await;
        let found = store(&fake, None).find_bucket().await;
        found.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_region_of_a_bucket_is_read() {
        assert_eq!(
            bucket_found(200, Some("eu-west-1")).await,
            Ok(Some("eu-west-1".into()))
        );
        assert_eq!(bucket_found(200, None).await, Ok(None));
    }

    #[tokio::test]
    async fn each_refusal_by_a_bucket_has_its_own_error() {
        let own = Some("eu-central-1");
        let mut reported = Vec::new();
        for (status, region) in [
            (404, None),
            (403, own),
            (301, Some("us-east-1")),
            (403, Some("us-east-1")),
            (400, Some("us-east-1")),
            (501, None),
            (503, None),
        ] {
            reported.push(bucket_found(status, region).await.unwrap_err());
        }

        insta::assert_snapshot!(reported.join("\n"), @"
        the bucket archive does not exist
        access to the bucket archive is denied
        the bucket archive is in us-east-1
        the bucket archive is in us-east-1
        the bucket archive is in us-east-1
        the bucket archive is temporarily unavailable
        the bucket archive is temporarily unavailable
        ");
    }

    /// Simulates a HEAD that is refused as S3 does it, and the response to the request with a body.
    async fn refused(head: u16, listing: impl Fn() -> Reply + Send + Sync + 'static) -> String {
        let fake = FakeAws::start(move |request| match request.method.as_str() {
            "HEAD" => Reply::Response {
                status: head,
                headers: vec![(REGION_HEADER, "eu-central-1".to_owned())],
                body: Vec::new(),
            },
            _ => listing(),
        })
        .await;
        let store = store(&fake, Some("a"));
        let reported = match store.find_bucket().await {
            Ok(region) => format!("found in {}", region.unwrap_or_default()),
            Err(error) => format!("{:#}", anyhow::Error::from(error)),
        };
        let listed = &fake.requests()[1];
        assert_eq!(listed.parameter("max-keys"), Some("1"));
        assert_eq!(listed.parameter("prefix"), Some("a/"));
        reported
    }

    #[tokio::test]
    async fn invalid_credentials_are_not_reported_as_denied_access() {
        let reported = [
            refused(400, || Reply::s3_error(400, "ExpiredToken")).await,
            refused(403, || Reply::s3_error(403, "SignatureDoesNotMatch")).await,
            refused(403, || Reply::s3_error(403, "InvalidAccessKeyId")).await,
            refused(403, || Reply::s3_error(403, "AccessDenied")).await,
        ];

        insta::assert_snapshot!(reported.join("\n"), @"
        the bucket archive cannot be used: S3 returned ExpiredToken: as scripted; log in again: the credentials have expired
        the bucket archive cannot be used: S3 returned SignatureDoesNotMatch: as scripted; check the AWS credentials
        the bucket archive cannot be used: S3 returned InvalidAccessKeyId: as scripted; check the AWS credentials
        access to the bucket archive is denied
        ");
    }

    #[tokio::test]
    async fn permission_to_list_the_prefix_alone_is_enough() {
        let listing = r#"<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>"#;

        let reported = refused(403, move || Reply::ok(listing)).await;

        assert_eq!(reported, "found in eu-central-1");
    }

    #[tokio::test]
    async fn the_kms_key_of_an_object_is_reported() {
        let encrypted = || Reply::Response {
            status: 200,
            headers: vec![
                ("x-amz-server-side-encryption", "aws:kms".to_owned()),
                (
                    "x-amz-server-side-encryption-aws-kms-key-id",
                    "key-1".to_owned(),
                ),
            ],
            body: Vec::new(),
        };
        let fake = FakeAws::with_replies([encrypted, || Reply::ok("")]).await;
        let store = store(&fake, None);

        let reported = store.encryption("checks/1.json").await.unwrap();
        let unreported = store.encryption("checks/1.json").await.unwrap();

        assert_eq!(reported.algorithm.as_deref(), Some("aws:kms"));
        assert_eq!(reported.kms_key.as_deref(), Some("key-1"));
        assert_eq!((unreported.algorithm, unreported.kms_key), (None, None));
    }
}
