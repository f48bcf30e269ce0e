//! The topic on which others hear of what was archived: SNS on AWS, and none on one machine.
//!
//! Publishing only; who subscribes is nobody's business here.

use async_trait::async_trait;

use crate::clock::Deadline;
use crate::store::BoxError;

mod arn;
mod sns;

pub use arn::{BadTopicArn, TopicArn};
pub use sns::SnsTopic;

/// Something to be published. It may be published more than once, and is the same each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// By which receivers tell a repetition: at most 80 letters, digits, `-` or `_`.
    pub id: String,
    /// JSON.
    pub body: String,
    /// What subscriptions filter by.
    pub attributes: Vec<(&'static str, String)>,
}

/// Why not all notices were published. Some may have been.
#[derive(Debug, thiserror::Error)]
#[error("cannot publish on the topic {topic}")]
pub struct TopicError {
    pub topic: String,
    #[source]
    pub source: BoxError,
}

impl TopicError {
    /// Whether the topic may take the notices at another try.
    pub fn is_transient(&self) -> bool {
        sns::is_transient(&self.source)
    }
}

/// The seam between the handlers and SNS.
#[async_trait]
pub trait Topic: Send + Sync + std::fmt::Debug {
    /// Publishes all of them, or fails; what fails is tried again until `deadline` at most.
    async fn publish(&self, notices: &[Notice], deadline: Deadline) -> Result<(), TopicError>;
}
