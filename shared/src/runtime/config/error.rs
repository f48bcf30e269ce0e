//! Problems with the settings: all at once, one line each, and never the value of a secret.

use std::fmt;

use crate::export::request::UnknownForm;
use crate::genesys::{EndpointError, LoginSettingsError, UnknownRegion};
use crate::net::WebhookUrlError;
use crate::net::webhook::SigningSecretError;
use crate::records::transcript::UnknownRoute;

/// The settings are not usable.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One problem with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{0} is not set")]
    Missing(&'static str),
    #[error("{name} is not set; set it, or {instead}")]
    NeitherSet {
        name: &'static str,
        instead: &'static str,
    },
    #[error("{name} and {instead} are both set; remove one of them")]
    BothSet {
        name: &'static str,
        instead: &'static str,
    },
    #[error("{name} is `{value}`: {rule}")]
    Malformed {
        name: &'static str,
        value: String,
        rule: String,
    },
    #[error("GENESYS_REGION: {0}")]
    Region(#[from] UnknownRegion),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Login(#[from] LoginSettingsError),
    #[error(transparent)]
    SigningSecret(#[from] SigningSecretError),
    #[error("GATEWAY_HISTORY_FORM: {0}")]
    HistoryForm(#[from] UnknownForm),
    #[error("GENESYS_TRANSCRIPT_ROUTE: {0}")]
    TranscriptRoute(#[from] UnknownRoute),
    #[error("DATA_LAKE_WEBHOOK_URL: {0}")]
    WebhookUrl(#[from] WebhookUrlError),
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
