//! Why an object of the archive could not be read or written.

use crate::base::seal::SealError;
use crate::base::signature::KeyId;
use crate::storage::signing::SigningError;
use crate::storage::store::StoreError;

/// Errors of reading or writing an object.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key} is damaged")]
    Damaged {
        key: String,
        #[source]
        source: SealError,
    },
    /// The document does not parse again after it is serialized; storing it would create a damaged object.
    #[error("{key} was not written: it could not be parsed back")]
    Unreadable {
        key: String,
        #[source]
        source: SealError,
    },
    #[error("{key} cannot be read")]
    Page {
        key: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The run numbers of a slice must increase, otherwise following successors might not end.
    #[error("{0} names a successor that is not a later run")]
    Lineage(String),
    #[error("{0} is missing")]
    Missing(String),
    #[error(
        "{0} has no signature: an earlier version or another program wrote it; set UNSIGNED_DOCUMENTS=accept if only \
         this program can write to the archive"
    )]
    Unsigned(String),
    #[error(
        "{key} is signed with the key {key_id}, which is not trusted; add its public key to TRUSTED_PUBLIC_KEYS if you \
         trust it"
    )]
    UntrustedKey { key: String, key_id: KeyId },
    #[error("the signature of {0} is not valid: it was altered, or copied from another object")]
    InvalidSignature(String),
    #[error("there is no signing key, so nothing can be written to this archive")]
    NoSigningKey,
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error("a queue message cannot be serialized")]
    Message(#[from] serde_json::Error),
}

impl ArchiveError {
    /// The error for an object whose bytes cannot be decoded.
    pub(crate) fn page(
        key: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Page {
            key: key.into(),
            source: source.into(),
        }
    }

    /// Whether the store may succeed on a retry.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Signing(error) => matches!(error, SigningError::Transient { .. }),
            _ => false,
        }
    }

    /// Whether a document is not followed because no trusted key signed it: another program wrote it, or its key is
    /// missing from the settings.
    pub fn is_untrusted(&self) -> bool {
        matches!(self, Self::Unsigned(_) | Self::UntrustedKey { .. })
    }

    /// Whether an object is damaged or missing: a retry does not help.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. }
                | Self::Page { .. }
                | Self::Lineage(_)
                | Self::Missing(_)
                | Self::InvalidSignature(_)
        )
    }
}
