//! A key in AWS KMS, which never leaves it. Each signature is one request; the public key is requested once.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use tokio::sync::OnceCell;

use super::{SigningError, SigningKey};
use crate::base::signature::{PublicKey, Signature};
use crate::storage::aws::ServiceFailure;

/// A key of the spec `ECC_NIST_P256` for `SIGN_VERIFY`.
#[derive(Debug)]
pub struct KmsKey {
    client: Client,
    /// ARN or id.
    key: String,
    public_key: OnceCell<PublicKey>,
}

/// The key id names another key than at the first request.
#[derive(Debug, thiserror::Error)]
#[error("the signature of KMS does not match the public key that it returned")]
struct OtherKey;

/// KMS sent a response that lacks a part.
#[derive(Debug, thiserror::Error)]
#[error("the response of KMS has no {0}")]
struct Missing(&'static str);

impl KmsKey {
    /// Sends no request.
    pub fn new(client: Client, key: String) -> Self {
        Self {
            client,
            key,
            public_key: OnceCell::new(),
        }
    }

    async fn read_public_key(&self) -> Result<PublicKey, SigningError> {
        let request = self.client.get_public_key().key_id(&self.key);
        let reply = request.send().await.map_err(|error| self.failed(&error))?;
        let der = reply
            .public_key
            .ok_or_else(|| self.unusable(Missing("public key")))?;
        PublicKey::from_spki(der.as_ref()).map_err(|error| self.unusable(error))
    }

    fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> SigningError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let failure = ServiceFailure::of(error);
        if failure.is_transient() {
            SigningError::Transient {
                key: self.key.clone(),
                source: failure.into(),
            }
        } else {
            self.unusable(failure)
        }
    }

    fn unusable(&self, source: impl std::error::Error + Send + Sync + 'static) -> SigningError {
        SigningError::Permanent {
            key: self.key.clone(),
            source: source.into(),
        }
    }
}

#[async_trait]
impl SigningKey for KmsKey {
    async fn public_key(&self) -> Result<PublicKey, SigningError> {
        let key = self.public_key.get_or_try_init(|| self.read_public_key());
        key.await.cloned()
    }

    /// <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>
    async fn sign(&self, message: &[u8]) -> Result<Signature, SigningError> {
        let public_key = self.public_key().await?;
        let request = self
            .client
            .sign()
            .key_id(&self.key)
            .message(Blob::new(message))
            .message_type(MessageType::Raw)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let reply = request.send().await.map_err(|error| self.failed(&error))?;
        let der = reply
            .signature
            .ok_or_else(|| self.unusable(Missing("signature")))?
            .into_inner();
        let signature = Signature {
            key_id: public_key.id(),
            der,
        };
        // A document is created once, so an invalid signature could not be replaced.
        if public_key.is_valid(message, &signature) {
            Ok(signature)
        } else {
            Err(self.unusable(OtherKey))
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::base::failure::error_chain;
    use crate::base::signature::LocalKey;
    use crate::storage::aws::fake::{FakeAws, Reply, Request, sdk_config};
    use crate::storage::aws::{AwsClients, AwsSettings};

    const ARN: &str = "arn:aws:kms:eu-central-1:123456789012:key/1";

    fn kms_key(fake: &FakeAws) -> KmsKey {
        let clients = AwsClients::new(sdk_config(fake), AwsSettings::default());
        KmsKey::new(clients.kms(), ARN.to_owned())
    }

    /// A key service that holds `key`, and speaks as the documentation of KMS says.
    async fn service(key: LocalKey) -> FakeAws {
        FakeAws::start(move |request: &Request| {
            let (operation, body) = (request.header("x-amz-target").unwrap(), request.json());
            assert_eq!(body["KeyId"], ARN);
            if operation.ends_with(".GetPublicKey") {
                let public = key.public_key().to_base64();
                return Reply::json(200, &json!({"KeyId": ARN, "PublicKey": public}));
            }
            assert!(operation.ends_with(".Sign"), "{operation}");
            assert_eq!(body["MessageType"], "RAW");
            assert_eq!(body["SigningAlgorithm"], "ECDSA_SHA_256");
            let message = STANDARD.decode(body["Message"].as_str().unwrap()).unwrap();
            let signature = STANDARD.encode(key.sign(&message).der);
            Reply::json(200, &json!({"KeyId": ARN, "Signature": signature}))
        })
        .await
    }

    #[tokio::test]
    async fn a_signature_of_kms_is_valid_and_the_public_key_is_read_once() {
        let key = LocalKey::generate();
        let fake = service(key.clone()).await;
        let kms = kms_key(&fake);

        let signatures = [
            kms.sign(b"one").await.unwrap(),
            kms.sign(b"two").await.unwrap(),
        ];

        assert!(key.public_key().is_valid(b"one", &signatures[0]));
        assert!(key.public_key().is_valid(b"two", &signatures[1]));
        assert_eq!(kms.public_key().await.unwrap(), *key.public_key());
        assert_eq!(fake.requests().len(), 3);
    }

    #[tokio::test]
    async fn errors_of_kms_are_transient_or_permanent_and_name_the_key() {
        let error_of = async |status, code: &'static str| {
            let reply = move |_: &Request| {
                Reply::json(
                    status,
                    &json!({"__type": code, "message": "mary.roe@example.com"}),
                )
            };
            let fake = FakeAws::start(reply).await;
            kms_key(&fake).sign(b"x").await.unwrap_err()
        };

        let throttled = error_of(400, "ThrottlingException").await;
        let denied = error_of(400, "AccessDeniedException").await;

        assert!(
            matches!(throttled, SigningError::Transient { .. }),
            "{throttled}"
        );
        assert_eq!(
            denied.to_string(),
            format!("the signing key {ARN} cannot be used")
        );
        assert!(!error_chain(&denied).contains("mary"), "{denied:?}");
    }

    #[tokio::test]
    async fn a_signature_of_another_key_is_refused() {
        let (first, other) = (LocalKey::generate(), LocalKey::generate());
        let public = first.public_key().to_base64();
        let signature = STANDARD.encode(other.sign(b"one").der);
        let reply = move |_: &Request| {
            Reply::json(200, &json!({"PublicKey": public, "Signature": signature}))
        };
        let fake = FakeAws::start(reply).await;

        let error = kms_key(&fake).sign(b"one").await.unwrap_err();

        assert!(matches!(error, SigningError::Permanent { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_key_of_another_kind_is_refused() {
        let reply =
            |_: &Request| Reply::json(200, &json!({"PublicKey": STANDARD.encode(b"an RSA key")}));
        let fake = FakeAws::start(reply).await;

        let error = kms_key(&fake).public_key().await.unwrap_err();

        assert!(matches!(error, SigningError::Permanent { .. }), "{error}");
    }
}
