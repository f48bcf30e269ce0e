//! The default webhook URL, for requests without `webhookUrl`. It is read only when such a request is planned or compared
//! with its plan, so that an unusable one does not stop resumes and cancellations.

use std::sync::Arc;

use async_trait::async_trait;

use crate::export::request::InvalidRequest;

/// The origin of the default webhook URL.
#[async_trait]
pub trait DefaultWebhook: Send + Sync + std::fmt::Debug {
    /// Returns the URL; `None` if no default is set.
    async fn url(&self) -> Result<Option<String>, DefaultWebhookError>;
}

/// Why there is no usable default webhook URL.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DefaultWebhookError {
    #[error("the default webhook URL cannot be read at the moment")]
    Transient(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The refusal names the setting that must change.
    #[error(transparent)]
    Unusable(InvalidRequest),
}

/// A URL from the settings, which check it at the start; or none.
#[derive(Clone, Debug, Default)]
pub struct ConfiguredWebhook(Option<String>);

impl ConfiguredWebhook {
    pub fn new(url: Option<String>) -> Self {
        Self(url)
    }
}

#[async_trait]
impl DefaultWebhook for ConfiguredWebhook {
    async fn url(&self) -> Result<Option<String>, DefaultWebhookError> {
        Ok(self.0.clone())
    }
}
