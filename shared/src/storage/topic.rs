//! The topic that notifies subscribers of what was archived: SNS on AWS, none on one machine.
//!
//! Publishes only; subscriptions are not managed here.

use async_trait::async_trait;

use crate::base::deadline::Deadline;
use crate::base::failure::BoxError;

mod arn;
mod sns;

pub use crate::export::transcript_event::Notification;
pub use arn::InvalidTopicArn;
pub use arn::TopicArn;
pub use sns::SnsTopic;

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
    async fn publish(
        &self,
        notifications: &[Notification],
        deadline: Deadline,
    ) -> Result<(), TopicError>;
}
