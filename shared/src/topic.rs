//! The topic that notifies subscribers of what was archived: SNS on AWS, none on one machine.
//!
//! Publishes only; subscriptions are not managed here.

use async_trait::async_trait;

use crate::clock::Deadline;
use crate::store::BoxError;

mod arn;
mod sns;

pub use arn::{BadTopicArn, TopicArn};
pub use sns::SnsTopic;

/// A notification to publish. It may be published more than once, each time with the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Id by which receivers detect duplicates: at most 80 letters, digits, `-` or `_`.
    pub id: String,
    /// JSON.
    pub body: String,
    /// Message attributes, for filter policies of subscriptions.
    pub attributes: Vec<(&'static str, String)>,
}

/// Why not all notifications were published. Some of them may have been.
#[derive(Debug, thiserror::Error)]
#[error("cannot publish to the topic {topic}")]
pub struct TopicError {
    pub topic: String,
    #[source]
    pub source: BoxError,
}

impl TopicError {
    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        sns::is_transient(&self.source)
    }
}

/// The interface between the handlers and SNS.
#[async_trait]
pub trait Topic: Send + Sync + std::fmt::Debug {
    /// Publishes all notifications, or fails; failed ones are retried until `deadline` at most.
    async fn publish(&self, notices: &[Notice], deadline: Deadline) -> Result<(), TopicError>;
}
