//! How the bucket's owner protects it. Everything is read with rights that an archive does not need otherwise, so each
//! part may be refused by itself.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockEnabled};
use serde_json::Value;

use super::S3Store;
use crate::storage::store::StoreError;
use crate::storage::store::bucket_policy::{Bucket, PolicyGap, policy_gap};

/// The parts of a bucket's protection, as far as they can be read.
#[derive(Debug)]
pub struct Protection {
    /// Whether a replaced or deleted object is kept as an old version.
    pub versioning: Result<bool, StoreError>,
    /// Whether all four settings block public access. The account may block it as well, which is not visible here.
    pub blocks_public_access: Result<bool, StoreError>,
    /// Whether Object Lock is on.
    pub object_lock: Result<bool, StoreError>,
    /// What the bucket's policy lacks; `None` for nothing.
    pub policy_gap: Result<Option<PolicyGap>, StoreError>,
}

/// The bucket's policy is not JSON.
#[derive(Debug, thiserror::Error)]
#[error("the bucket's policy cannot be parsed")]
struct UnreadablePolicy(#[source] serde_json::Error);

impl S3Store {
    /// Reads the protection of a bucket in this region.
    pub async fn protection(&self, region: &str) -> Protection {
        Protection {
            versioning: self.versioning().await,
            blocks_public_access: self.blocks_public_access().await,
            object_lock: self.object_lock().await,
            policy_gap: self.policy_gap(region).await,
        }
    }

    async fn versioning(&self) -> Result<bool, StoreError> {
        let request = self.client.get_bucket_versioning().bucket(&self.bucket);
        let reply = request.send().await;
        let reply = reply.map_err(|error| self.unread("the bucket's versioning", &error))?;
        Ok(reply.status == Some(BucketVersioningStatus::Enabled))
    }

    async fn blocks_public_access(&self) -> Result<bool, StoreError> {
        let request = self.client.get_public_access_block().bucket(&self.bucket);
        let reply = match request.send().await {
            Ok(reply) => reply,
            Err(error) if error.code() == Some("NoSuchPublicAccessBlockConfiguration") => {
                return Ok(false);
            }
            Err(error) => return Err(self.unread("the bucket's public access block", &error)),
        };
        let blocks = reply.public_access_block_configuration.map(|block| {
            [
                block.block_public_acls,
                block.ignore_public_acls,
                block.block_public_policy,
                block.restrict_public_buckets,
            ]
        });
        Ok(blocks.is_some_and(|all| all.iter().all(|it| *it == Some(true))))
    }

    async fn object_lock(&self) -> Result<bool, StoreError> {
        let request = self.client.get_object_lock_configuration();
        let reply = match request.bucket(&self.bucket).send().await {
            Ok(reply) => reply,
            Err(error) if error.code() == Some("ObjectLockConfigurationNotFoundError") => {
                return Ok(false);
            }
            Err(error) => return Err(self.unread("the bucket's Object Lock", &error)),
        };
        let enabled = reply
            .object_lock_configuration
            .and_then(|lock| lock.object_lock_enabled);
        Ok(enabled == Some(ObjectLockEnabled::Enabled))
    }

    async fn policy_gap(&self, region: &str) -> Result<Option<PolicyGap>, StoreError> {
        const POLICY: &str = "the bucket's policy";
        let request = self.client.get_bucket_policy().bucket(&self.bucket);
        let text = match request.send().await {
            Ok(reply) => reply.policy,
            Err(error) if error.code() == Some("NoSuchBucketPolicy") => None,
            Err(error) => return Err(self.unread(POLICY, &error)),
        };
        let parsed = text
            .map(|text| serde_json::from_str::<Value>(&text))
            .transpose();
        let parsed = parsed
            .map_err(|error| StoreError::permanent("read", POLICY, UnreadablePolicy(error)))?;
        let bucket = Bucket {
            region,
            name: &self.bucket,
        };
        Ok(policy_gap(parsed.as_ref(), &bucket, &self.prefix))
    }

    fn unread<E>(&self, what: &str, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.store_error_of("read", what, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::aws::fake::{FakeAws, Reply, Request, sdk_config};
    use crate::storage::aws::{AwsClients, AwsSettings};
    use crate::storage::store::S3Settings;

    /// The protection that a bucket reports with these responses.
    async fn protection(respond: fn(&str) -> Reply) -> Protection {
        let part = |request: &Request| {
            let known = ["versioning", "publicAccessBlock", "object-lock", "policy"];
            let found = known.into_iter().find(|it| request.parameter(it).is_some());
            found.unwrap_or_default()
        };
        let fake = FakeAws::start(move |request| respond(part(request))).await;
        let settings = AwsSettings {
            force_path_style: true,
        };
        let clients = AwsClients::new(sdk_config(&fake), settings);
        let settings = S3Settings {
            bucket: "archive".to_owned(),
            prefix: Some("team".to_owned()),
            kms_key_id: None,
        };
        S3Store::new(clients.s3(), settings)
            .protection("eu-central-1")
            .await
    }

    #[tokio::test]
    async fn a_protected_bucket_lacks_nothing_but_the_statements() {
        let protection = protection(|part| {
            Reply::ok(match part {
                "versioning" => {
                    "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
                }
                "publicAccessBlock" => {
                    "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
                }
                "object-lock" => {
                    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
                }
                _ => r#"{"Statement":[]}"#,
            })
        })
        .await;

        assert!(protection.versioning.unwrap());
        assert!(protection.blocks_public_access.unwrap());
        assert!(protection.object_lock.unwrap());
        assert_eq!(protection.policy_gap.unwrap().unwrap().missing.len(), 3);
    }

    #[tokio::test]
    async fn a_bucket_without_any_protection_is_reported_as_such() {
        let protection = protection(|part| match part {
            "versioning" => Reply::ok("<VersioningConfiguration/>"),
            "publicAccessBlock" => Reply::s3_error(404, "NoSuchPublicAccessBlockConfiguration"),
            "object-lock" => Reply::s3_error(404, "ObjectLockConfigurationNotFoundError"),
            _ => Reply::s3_error(404, "NoSuchBucketPolicy"),
        })
        .await;

        assert!(!protection.versioning.unwrap());
        assert!(!protection.blocks_public_access.unwrap());
        assert!(!protection.object_lock.unwrap());
        assert!(protection.policy_gap.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_part_that_may_not_be_read_is_an_error_of_that_part() {
        let protection = protection(|part| match part {
            "versioning" => Reply::ok("<VersioningConfiguration/>"),
            _ => Reply::s3_error(403, "AccessDenied"),
        })
        .await;

        assert!(protection.versioning.is_ok());
        assert!(protection.blocks_public_access.is_err());
        assert!(protection.object_lock.is_err());
        assert!(protection.policy_gap.is_err());
    }
}
