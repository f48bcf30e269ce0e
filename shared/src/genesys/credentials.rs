//! The OAuth client's id and secret, and where they are read.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::error::Source;

/// An OAuth client of the kind `client_credentials`.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub id: String,
    pub secret: SecretString,
}

/// Why the credentials could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Worth another try.
    #[error("the client's credentials cannot be read at the moment")]
    Transient(#[source] Source),
    /// Will not get better by itself: no such secret, no permission, not the expected fields.
    #[error("the client's credentials cannot be read")]
    Permanent(#[source] Source),
}

/// Where the credentials live. They are read at the first login, and anew when the login refuses them, since a
/// secret may be rotated while we run.
#[async_trait]
pub trait CredentialsSource: Send + Sync + std::fmt::Debug {
    async fn read(&self) -> Result<Credentials, CredentialsError>;
}

/// Credentials from the settings are the same each time.
#[async_trait]
impl CredentialsSource for Credentials {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        Ok(self.clone())
    }
}

impl Credentials {
    /// Whether another login with `other` would be the same request again.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.secret.expose_secret() == other.secret.expose_secret()
    }
}
