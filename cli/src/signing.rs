//! The key with which this machine signs plans, attempts and outcomes, and the keys that it trusts.

use std::path::PathBuf;
use std::sync::Arc;

use conversation_archive::archive::Archive;
use conversation_archive::base::signature::{LocalKey, PublicKey};
use conversation_archive::runtime::config::{self, Config, TrustConfig, table};
use conversation_archive::storage::signing::{read, read_or_create};
use conversation_archive::storage::store::ArchiveStore;

use crate::environment::Environment;
use crate::problem::Problem;
use crate::settings::SettingsError;

/// Location of the key below the user's home folder. It is not in the archive: who can write there must not be able to
/// sign.
const DEFAULT_FILE: &str = ".config/genesys-archive/signing-key.pem";

/// Where the signing key is, and which documents are followed besides those that it signed.
#[derive(Clone, Debug)]
pub(crate) struct SigningSettings {
    pub key: KeyLocation,
    pub trust: TrustConfig,
}

/// The signing key, or where to find it.
#[derive(Clone, Debug)]
pub(crate) enum KeyLocation {
    /// `SIGNING_KEY_FILE`.
    File(PathBuf),
    HomeFolder,
    /// For one process: no other one signs for this archive.
    InMemory(LocalKey),
}

impl SigningSettings {
    pub(crate) fn from_env() -> Result<Self, SettingsError> {
        let environment = Environment::read()?;
        Ok(Self::from_lookup(|name| environment.get(name))?)
    }

    /// The archive with signatures. Creates the key if there is none.
    pub(crate) fn archive(&self, store: Arc<dyn ArchiveStore>) -> Result<Archive, Problem> {
        let key = match &self.key {
            KeyLocation::InMemory(key) => key.clone(),
            location => read_or_create(&location.path()?)?,
        };
        let signatures = self.trust.clone().signatures(Arc::new(key));
        Ok(Archive::new(store).with_signatures(signatures))
    }

    /// The public key of the signing key; `None` if no export has created one.
    pub(crate) fn public_key(&self) -> Result<Option<PublicKey>, Problem> {
        let key = match &self.key {
            KeyLocation::InMemory(key) => Some(key.clone()),
            location => read(&location.path()?)?,
        };
        Ok(key.map(|key| key.public_key().clone()))
    }

    /// Every key that is trusted here.
    pub(crate) fn trusted_keys(&self) -> Result<Vec<PublicKey>, Problem> {
        let own = self.public_key()?;
        Ok(own.into_iter().chain(self.trust.keys.clone()).collect())
    }
}

impl KeyLocation {
    fn path(&self) -> Result<PathBuf, Problem> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::HomeFolder | Self::InMemory(_) => match std::env::home_dir() {
                Some(home) if !home.as_os_str().is_empty() => Ok(home.join(DEFAULT_FILE)),
                _ => Err(
                    Problem::refused("there is no home folder for the signing key")
                        .with_hint("set SIGNING_KEY_FILE to a file that only you can read"),
                ),
            },
        }
    }
}

impl Config for SigningSettings {
    fn read(settings: &config::Settings<'_>) -> Option<Self> {
        let file = settings.optional(&table::SIGNING_KEY_FILE);
        Some(Self {
            key: file.map_or(KeyLocation::HomeFolder, |file| {
                KeyLocation::File(file.into())
            }),
            trust: settings.trust(),
        })
    }
}
