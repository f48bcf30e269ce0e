//! The OAuth client's id and secret, and the source that provides them.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::error::Source;

/// An OAuth client with the grant type `client_credentials`.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub id: String,
    pub secret: SecretString,
}

/// Why the credentials could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A retry may succeed.
    #[error("the client's credentials cannot be read at the moment")]
    Transient(#[source] Source),
    /// A retry does not help: the secret does not exist, or a permission or an expected field is missing.
    #[error("the client's credentials cannot be read")]
    Permanent(#[source] Source),
}

/// Source of the credentials. They are read at the first login, and again when the login refuses them, since a secret
/// may be rotated while the process runs.
#[async_trait]
pub trait CredentialsSource: Send + Sync + std::fmt::Debug {
    async fn read(&self) -> Result<Credentials, CredentialsError>;
}

/// Credentials from the settings never change.
#[async_trait]
impl CredentialsSource for Credentials {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        Ok(self.clone())
    }
}

impl Credentials {
    /// Whether a login with `other` would repeat the same request.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.secret.expose_secret() == other.secret.expose_secret()
    }
}
