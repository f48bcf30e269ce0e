//! Settings: environment variables, read and validated once at the start.
//!
//! [`Settings`] reads single variables and collects every problem, so that one start reports them all. The
//! configurations of the functions and the command line are composed from it. An empty variable counts as not set,
//! because a SAM template cannot omit one.

mod archive;
mod error;
mod functions;
mod genesys;
mod limits;
mod live;
mod login;
mod redaction;
mod regions;
mod settings;
mod signing;
pub mod table;
mod webhook;

pub use archive::PageSettings;
pub use archive::{ArchiveConfig, AuditOutput};
pub use error::{ConfigError, Problem};
pub use functions::{
    ArchiveEventsConfig, ArchivePageConfig, AwaitReadyConfig, CompleteExportConfig,
    FetchEndedConfig, PlanningConfig, RecordFailureConfig, SendWebhookConfig, StartExportConfig,
    SweepExportsConfig,
};
pub use genesys::GenesysConfig;
pub use genesys::{CredentialsConfig, Regions};
pub use live::{DEFAULT_GAP_DELAY, LiveSettings};
pub use redaction::RedactionKeyConfig;
pub use settings::Settings;
pub use signing::{SigningConfig, TrustConfig};
pub use table::{COMMAND_LINE, Deployment, FUNCTIONS, FunctionSettings, Setting};
pub use webhook::SigningSecretConfig;

/// The settings that one program reads from its environment.
pub trait Config: Sized {
    /// Reads every variable, even after a problem with an earlier one. Returns `None` only if a problem is recorded.
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

/// Reads a variable of the process environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub fn environment(name: &str) -> Option<String> {
    match std::env::var(name) {
        Ok(value) => Some(value),
        Err(std::env::VarError::NotPresent) => None,
        // Kept, so that it is refused as malformed instead of ignored.
        Err(std::env::VarError::NotUnicode(value)) => Some(value.to_string_lossy().into_owned()),
    }
}
