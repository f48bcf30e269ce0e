//! Keys that sign documents: on this machine, and in AWS KMS.

use async_trait::async_trait;

use crate::base::failure::BoxError;
use crate::base::signature::{LocalKey, PublicKey, Signature};

mod file;
mod kms;

pub use file::{KeyFileError, read, read_or_create};
pub use kms::KmsKey;

/// A private key that signs messages.
#[async_trait]
pub trait SigningKey: std::fmt::Debug + Send + Sync {
    async fn public_key(&self) -> Result<PublicKey, SigningError>;

    /// The signature of a message of up to 4,096 bytes.
    async fn sign(&self, message: &[u8]) -> Result<Signature, SigningError>;
}

/// Why a key could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// A retry may succeed.
    #[error("the signing key {key} is temporarily unavailable")]
    Transient {
        key: String,
        #[source]
        source: BoxError,
    },
    #[error("the signing key {key} cannot be used")]
    Permanent {
        key: String,
        #[source]
        source: BoxError,
    },
}

#[async_trait]
impl SigningKey for LocalKey {
    async fn public_key(&self) -> Result<PublicKey, SigningError> {
        Ok(Self::public_key(self).clone())
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, SigningError> {
        Ok(Self::sign(self, message))
    }
}
