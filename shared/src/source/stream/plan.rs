//! The plan of a stream: its topics and limits.

use std::fmt;

use jiff::Timestamp;

use super::topics::TopicId;
use crate::records::live::DEFAULT_VALUE_LIMIT_BYTES;

/// The source of a stream, and its limits.
#[derive(Clone, Debug)]
pub struct StreamPlan {
    pub source: StreamSource,
    /// The last moment that an earlier process covered. The first gap begins there, with the reason `Start`; without it,
    /// the stream begins with the first frame or heartbeat.
    pub heard_until: Option<Timestamp>,
    /// The size of the items that the consumer has not taken, in bytes, at which reading pauses.
    pub buffer_bytes: usize,
}

#[derive(Clone, Debug)]
pub enum StreamSource {
    Notifications(NotificationPlan),
    Direct(DirectPlan),
}

/// The topics of the notification service.
#[derive(Clone)]
pub struct NotificationPlan {
    pub queues: QueueSelection,
    pub users: Vec<TopicId>,
    pub conversations: Vec<TopicId>,
    pub rejected: RejectedTopics,
    /// Each has 1,000 topics.
    pub max_channels: usize,
    /// The ids of channels of an earlier process, which must have ended: a channel has one socket, and the next one closes
    /// it. Those that do not exist any more are replaced.
    pub channels: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueSelection {
    /// All queues that the client may see; listed again every 10 minutes.
    All,
    /// Ids or names.
    Named(Vec<String>),
}

/// The reaction to topics to which the client may not subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedTopics {
    /// The stream ends.
    Refuse,
    /// A warning names them; the others are heard.
    Allow,
}

/// The direct stream of a gateway.
#[derive(Clone, Debug)]
pub struct DirectPlan {
    /// The size of the largest value.
    pub value_limit_bytes: usize,
}

impl NotificationPlan {
    /// These queues alone, on new channels. A rejected topic ends the stream.
    pub fn of_queues(queues: QueueSelection) -> Self {
        Self {
            queues,
            users: Vec::new(),
            conversations: Vec::new(),
            rejected: RejectedTopics::Refuse,
            max_channels: DEFAULT_MAX_CHANNELS,
            channels: Vec::new(),
        }
    }
}

/// Without the ids of channels: whoever knows one can hear it.
impl fmt::Debug for NotificationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationPlan")
            .field("queues", &self.queues)
            .field("users", &self.users)
            .field("conversations", &self.conversations)
            .field("rejected", &self.rejected)
            .field("max_channels", &self.max_channels)
            .finish_non_exhaustive()
    }
}

/// 64 MiB.
pub const DEFAULT_BUFFER_BYTES: usize = 64 * 1024 * 1024;

/// More than 2,000 topics of a client would leave few of its 20 channels to other applications.
pub const DEFAULT_MAX_CHANNELS: usize = 2;

impl Default for DirectPlan {
    fn default() -> Self {
        Self {
            value_limit_bytes: DEFAULT_VALUE_LIMIT_BYTES,
        }
    }
}
