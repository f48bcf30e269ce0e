//! Settings: environment variables, read once and parsed at the door.
//!
//! [`Settings`] reads the single pieces and notes every problem, so that one start shows them all; the configurations
//! of the functions and of the command line are put together from these pieces. An empty variable counts as not set:
//! a template cannot leave one out.

mod archive;
mod error;
mod functions;
mod genesys;
mod limits;
mod redaction;
mod settings;
mod variables;
mod webhook;

pub use archive::{ArchiveConfig, PageSettings};
pub use error::{ConfigError, Problem};
pub use functions::{
    ArchivePageConfig, AwaitReadyConfig, CompleteExportConfig, RecordFailureConfig,
    SendWebhookConfig, StartExportConfig, SweepExportsConfig,
};
pub use genesys::{CredentialsConfig, GenesysConfig, Regions};
pub use redaction::RedactionKeyConfig;
pub use settings::Settings;
pub use variables::{FUNCTIONS, FunctionVariables, Need, Variable};
pub use webhook::SigningSecretConfig;

/// Everything that one program reads from its environment.
pub trait Config: Sized {
    /// Reads every variable, whether or not an earlier one is a problem; `None` only with a problem noted.
    fn read(settings: &Settings<'_>) -> Option<Self>;

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let settings = Settings::new(&lookup);
        let config = Self::read(&settings);
        settings.finish(config)
    }

    fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(environment)
    }
}

/// A variable of the real environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub fn environment(name: &str) -> Option<String> {
    match std::env::var(name) {
        Ok(value) => Some(value),
        Err(std::env::VarError::NotPresent) => None,
        // Kept, so that it is refused as malformed and not taken for absent.
        Err(std::env::VarError::NotUnicode(value)) => Some(value.to_string_lossy().into_owned()),
    }
}
