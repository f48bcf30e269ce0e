//! Creates the redactor of an export from its plan, and provides the keys for hashing values.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use crate::base::failure::{Failure, FailureKind, error_chain};
use crate::base::hash::Sha256;
use crate::export::plan::{Draft, ExportPlan, RedactionPlan, UnusableRedaction};
use crate::export::request::InvalidRequest;
use crate::export::waiting::{Wait, WaitReason};
use crate::records::redaction::{HashKey, Redactor};
use crate::source::SourceError;

/// Shorter keys could be guessed.
const MIN_KEY_BYTES: usize = 24;

/// A key and its version.
#[derive(Clone, Debug)]
pub struct VersionedKey {
    pub version: String,
    pub key: SecretString,
}

/// Why there is no usable key.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyError {
    #[error("no key is set; set REDACTION_KEY, or REDACTION_KEY_SECRET_ARN on AWS")]
    NotSet,
    #[error("version {0} of the key no longer exists")]
    Gone(String),
    #[error("the key has {0} bytes; at least {MIN_KEY_BYTES} are required")]
    Short(usize),
    #[error("the key cannot be read at the moment")]
    Transient(#[source] Arc<dyn std::error::Error + Send + Sync>),
    #[error("the key cannot be read")]
    Permanent(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// A store of keys. An export always uses the key version in its plan, whatever the newest version is by then.
#[async_trait]
pub trait KeySource: Send + Sync + std::fmt::Debug {
    /// Returns the given version, or the newest one.
    async fn read(&self, version: Option<&str>) -> Result<VersionedKey, KeyError>;
}

/// A key from the settings, or none.
#[derive(Clone, Debug, Default)]
pub struct ConfiguredKey(Option<SecretString>);

impl ConfiguredKey {
    pub fn new(key: Option<SecretString>) -> Self {
        Self(key)
    }
}

#[async_trait]
impl KeySource for ConfiguredKey {
    /// The version is a digest of the key, so that another key has another version.
    async fn read(&self, version: Option<&str>) -> Result<VersionedKey, KeyError> {
        let key = self.0.clone().ok_or(KeyError::NotSet)?;
        let digest = Sha256::of(format!("key of redaction {}", key.expose_secret()));
        let own_version = digest.short(12).clone();
        match version {
            Some(version) if version != own_version => Err(KeyError::Gone(version.to_owned())),
            _ => Ok(VersionedKey {
                version: own_version,
                key,
            }),
        }
    }
}

/// Creates redactors. Clones share the latest one. The default has no key.
#[derive(Clone, Debug)]
pub struct Redactors {
    keys: Arc<dyn KeySource>,
    /// A process mostly serves one export, so a redactor is reused while the redaction plan is the same.
    latest: Arc<Mutex<Option<CachedRedactor>>>,
}

/// A redactor with the plan that it was created for.
type CachedRedactor = (RedactionPlan, Arc<Redactor>);

impl Default for Redactors {
    fn default() -> Self {
        Self::new(Arc::new(ConfiguredKey::default()))
    }
}

impl Redactors {
    pub fn new(keys: Arc<dyn KeySource>) -> Self {
        Self {
            keys,
            latest: Arc::default(),
        }
    }

    /// Adds the current key version to the draft, if its plan requires hashes.
    pub async fn pin_key_version(&self, draft: Draft) -> Result<Draft, KeyVersionError> {
        if !draft.needs_key() {
            return Ok(draft);
        }
        match self.read_key(None).await {
            Ok((version, _)) => Ok(draft.with_key_version(version)),
            Err(KeyError::NotSet) => {
                let rule = format!("{}; the modes label and mask need no key", KeyError::NotSet);
                Err(InvalidRequest::new("redaction.mode", "hash", rule).into())
            }
            Err(error) => Err(source_error(&error).into()),
        }
    }

    /// Returns the redactor for the plan; `None` when the plan redacts nothing.
    pub async fn of(&self, plan: &ExportPlan) -> Result<Option<Arc<Redactor>>, SourceError> {
        let Some(redaction) = &plan.redaction else {
            return Ok(None);
        };
        if let Some((cached_plan, redactor)) = &*self.lock()
            && cached_plan == redaction
        {
            return Ok(Some(Arc::clone(redactor)));
        }
        let key = match &redaction.key_version {
            None => None,
            Some(version) => {
                let usable = self.read_key(Some(version)).await;
                Some(usable.map_err(|error| source_error(&error))?.1)
            }
        };
        let redactor = redaction
            .redactor(key)
            .map_err(|error| redaction_error(&error))?;
        let redactor = Arc::new(redactor);
        *self.lock() = Some((redaction.clone(), Arc::clone(&redactor)));
        Ok(Some(redactor))
    }

    async fn read_key(&self, version: Option<&str>) -> Result<(String, HashKey), KeyError> {
        let VersionedKey { version, key } = self.keys.read(version).await?;
        let bytes = key.expose_secret().len();
        let usable = HashKey::new(&version, &key).filter(|_| bytes >= MIN_KEY_BYTES);
        let key = usable.ok_or(KeyError::Short(bytes))?;
        Ok((version, key))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<CachedRedactor>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a plan cannot be given a key version.
#[derive(Debug, thiserror::Error)]
pub enum KeyVersionError {
    #[error(transparent)]
    Refused(#[from] InvalidRequest),
    #[error(transparent)]
    Source(#[from] SourceError),
}

fn source_error(error: &KeyError) -> SourceError {
    let detail = format!(
        "the key for hashing redacted values is not usable: {}",
        error_chain(error)
    );
    match error {
        KeyError::Transient(_) => SourceError::NotReady(Wait {
            reason: WaitReason::Unavailable,
            hint: None,
            detail,
        }),
        KeyError::NotSet | KeyError::Gone(_) | KeyError::Short(_) | KeyError::Permanent(_) => {
            SourceError::Fatal(Failure::new(FailureKind::RedactionKey, detail))
        }
    }
}

/// The plan is of a version that supported other countries or patterns.
fn redaction_error(error: &UnusableRedaction) -> SourceError {
    let message = format!(
        "the plan's redaction cannot be applied: {}",
        error_chain(error)
    );
    SourceError::Fatal(Failure::new(FailureKind::RedactionUnsupported, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_region_and_a_missing_key_are_different_failures() {
        let kind = |error: SourceError| match error {
            SourceError::Fatal(failure) => failure.kind,
            other => panic!("{other}"),
        };

        let region = redaction_error(&UnusableRedaction::Region("XX".to_owned()));

        assert_eq!(kind(region), FailureKind::RedactionUnsupported);
        assert_eq!(
            kind(source_error(&KeyError::NotSet)),
            FailureKind::RedactionKey
        );
    }
}
