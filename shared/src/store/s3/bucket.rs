//! Asks for the bucket itself, so that what is wrong with it is told before anything is done.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::S3Store;
use super::failure::{source, status, store_error};
use crate::store::{BoxError, StoreError};

/// Why a bucket cannot hold an archive, or not now.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    #[error("there is no bucket {bucket}")]
    Missing { bucket: String },
    #[error("access to the bucket {bucket} is denied")]
    Denied { bucket: String },
    #[error("the bucket {bucket} lies in {region}")]
    Elsewhere { bucket: String, region: String },
    #[error("the bucket {bucket} does not answer")]
    Unavailable {
        bucket: String,
        #[source]
        source: BoxError,
    },
}

/// What S3 tells of an object's encryption; some stores that speak its protocol tell nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    pub algorithm: Option<String>,
    pub kms_key: Option<String>,
}

/// What S3 says about a bucket's place, also to those whom it refuses.
const REGION_HEADER: &str = "x-amz-bucket-region";

impl S3Store {
    /// Returns the bucket's region, if S3 tells it.
    pub async fn find_bucket(&self) -> Result<Option<String>, BucketError> {
        let asked = self.client.head_bucket().bucket(&self.bucket).send().await;
        match asked {
            Ok(found) => Ok(found.bucket_region),
            Err(error) => Err(self.bucket_error(error)),
        }
    }

    /// How S3 says that an object is encrypted: the algorithm, and the key if KMS holds one.
    pub async fn encryption(&self, key: &str) -> Result<Encryption, StoreError> {
        let asked = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(self.full_key(key))
            .send()
            .await;
        let told = asked.map_err(|error| store_error("read", key, error))?;
        Ok(Encryption {
            algorithm: told.server_side_encryption.map(|it| it.as_str().to_owned()),
            kms_key: told.ssekms_key_id,
        })
    }

    fn bucket_error<E>(&self, error: SdkError<E, HttpResponse>) -> BucketError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let bucket = self.bucket.clone();
        // A reply to HEAD has no body, so there is no code to go by.
        match (status(&error), self.other_region(&error)) {
            (Some(301 | 307 | 400 | 403), Some(region)) => {
                BucketError::Elsewhere { bucket, region }
            }
            (Some(404), _) => BucketError::Missing { bucket },
            (Some(401 | 403), _) => BucketError::Denied { bucket },
            _ => BucketError::Unavailable {
                bucket,
                source: source("find", error),
            },
        }
    }

    /// The region that S3 names, if it is not the one that was asked.
    fn other_region<E>(&self, error: &SdkError<E, HttpResponse>) -> Option<String> {
        let told = error.raw_response()?.headers().get(REGION_HEADER)?;
        let asked = self.client.config().region().map(AsRef::as_ref);
        (asked != Some(told)).then(|| told.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;
    use crate::aws::fake::{FakeAws, Reply};

    async fn asked(status: u16, region: Option<&str>) -> Result<Option<String>, String> {
        let headers = region.map(|region| (REGION_HEADER, region.to_owned()));
        let headers: Vec<_> = headers.into_iter().collect();
        let fake = FakeAws::start(move |_| Reply::Answer {
            status,
            headers: headers.clone(),
            body: Vec::new(),
        })
        .await;
        let found = store(&fake, None).find_bucket().await;
        found.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_bucket_tells_its_region() {
        assert_eq!(
            asked(200, Some("eu-west-1")).await,
            Ok(Some("eu-west-1".into()))
        );
        assert_eq!(asked(200, None).await, Ok(None));
    }

    #[tokio::test]
    async fn each_refusal_is_told_by_what_is_wrong() {
        let own = Some("eu-central-1");
        let mut told = Vec::new();
        for (status, region) in [
            (404, None),
            (403, own),
            (301, Some("us-east-1")),
            (403, Some("us-east-1")),
            (400, Some("us-east-1")),
            (503, None),
        ] {
            told.push(asked(status, region).await.unwrap_err());
        }

        insta::assert_snapshot!(told.join("\n"), @"
        there is no bucket archive
        access to the bucket archive is denied
        the bucket archive lies in us-east-1
        the bucket archive lies in us-east-1
        the bucket archive lies in us-east-1
        the bucket archive does not answer
        ");
    }

    #[tokio::test]
    async fn the_key_that_encrypts_an_object_is_told() {
        let encrypted = || Reply::Answer {
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
        let fake = FakeAws::replying([encrypted, || Reply::ok("")]).await;
        let store = store(&fake, None);

        let told = store.encryption("checks/1.json").await.unwrap();
        let untold = store.encryption("checks/1.json").await.unwrap();

        assert_eq!(told.algorithm.as_deref(), Some("aws:kms"));
        assert_eq!(told.kms_key.as_deref(), Some("key-1"));
        assert_eq!((untold.algorithm, untold.kms_key), (None, None));
    }
}
