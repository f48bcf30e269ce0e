//! Signatures of the documents that command the exporter: plans, attempts, outcomes and markers of open exports.
//!
//! Whoever can write to the bucket can write any other document and compute its seal. These are followed only if they
//! have a valid signature, so an object that another program put there starts nothing.

use std::sync::Arc;

use super::ArchiveError;
use crate::base::seal::{self, Unsealed};
use crate::base::signature::{KeyId, PublicKey, message};
use crate::storage::signing::SigningKey;

/// How documents are signed and checked.
#[derive(Clone, Debug)]
pub struct Signatures {
    /// Signs new documents, and is trusted; without it, nothing can be written.
    key: Option<Arc<dyn SigningKey>>,
    /// Keys that are trusted in addition: earlier ones, and those of other machines.
    trusted: Vec<PublicKey>,
    unsigned: UnsignedDocuments,
}

/// Handling of a document of a signed kind that has no signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnsignedDocuments {
    /// An error names the object.
    #[default]
    Refuse,
    /// For archives of versions that did not sign.
    Accept,
}

/// The signature of a stored document, compared with some keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureState {
    Valid(KeyId),
    /// By one of the keys, and for another document or another place.
    Invalid,
    UnknownKey(KeyId),
    Missing,
}

impl SignatureState {
    /// The state of the document that is stored under this key.
    pub(crate) fn of(key: &str, bytes: &[u8], keys: &[PublicKey]) -> Result<Self, ArchiveError> {
        let damaged = |source| ArchiveError::Damaged {
            key: key.to_owned(),
            source,
        };
        let Some((signature, digest)) = seal::signature(bytes).map_err(damaged)? else {
            return Ok(Self::Missing);
        };
        let id = signature.key_id;
        let known = keys.iter().find(|key| key.id() == id);
        Ok(match known {
            Some(known) if known.is_valid(&message(key, digest), &signature) => Self::Valid(id),
            Some(_) => Self::Invalid,
            None => Self::UnknownKey(id),
        })
    }
}

impl Signatures {
    /// Signs with the key, and trusts it.
    pub fn with_key(key: Arc<dyn SigningKey>) -> Self {
        Self {
            key: Some(key),
            trusted: Vec::new(),
            unsigned: UnsignedDocuments::Refuse,
        }
    }

    /// Checks with these keys, and signs nothing.
    pub fn trusting(keys: Vec<PublicKey>) -> Self {
        Self {
            key: None,
            trusted: keys,
            unsigned: UnsignedDocuments::Refuse,
        }
    }

    #[must_use]
    pub fn and_trusting(mut self, keys: impl IntoIterator<Item = PublicKey>) -> Self {
        self.trusted.extend(keys);
        self
    }

    #[must_use]
    pub fn with_unsigned(self, unsigned: UnsignedDocuments) -> Self {
        Self { unsigned, ..self }
    }

    /// Signs the document for its place in the archive.
    pub(super) async fn sign(
        &self,
        key: &str,
        document: Unsealed,
    ) -> Result<Unsealed, ArchiveError> {
        let signing_key = self.key.as_ref().ok_or(ArchiveError::NoSigningKey)?;
        let signature = signing_key.sign(&message(key, document.digest())).await?;
        Ok(document.signed(&signature))
    }

    /// Checks the stored document with this key.
    pub(super) async fn check(&self, key: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        match self.state(key, bytes).await? {
            SignatureState::Valid(_) => Ok(()),
            SignatureState::Missing if self.unsigned == UnsignedDocuments::Accept => Ok(()),
            SignatureState::Missing => Err(ArchiveError::Unsigned(key.to_owned())),
            SignatureState::Invalid => Err(ArchiveError::InvalidSignature(key.to_owned())),
            SignatureState::UnknownKey(key_id) => Err(ArchiveError::UntrustedKey {
                key: key.to_owned(),
                key_id,
            }),
        }
    }

    async fn state(&self, key: &str, bytes: &[u8]) -> Result<SignatureState, ArchiveError> {
        match (SignatureState::of(key, bytes, &self.trusted)?, &self.key) {
            (SignatureState::UnknownKey(_), Some(own)) => {
                SignatureState::of(key, bytes, &[own.public_key().await?])
            }
            (state, _) => Ok(state),
        }
    }
}

#[cfg(test)]
mod tests;
