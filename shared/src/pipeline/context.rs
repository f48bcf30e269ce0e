//! The context of the steps that several handlers share: the archive, the queues, the clock and limits.

use std::sync::Arc;

use crate::archive::{Archive, ArchiveError, PortionLimits};
use crate::net::clock::Clock;
use crate::storage::queue::{MessageQueue, QueueError};

/// What the steps of the pipeline share.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub archive: Archive,
    pub queue: Arc<dyn MessageQueue>,
    pub clock: Clock,
    /// Number of slices of an export to process in parallel.
    pub max_open_slices: usize,
    /// Limits on the pages and lines read at a time when an export is concluded.
    pub portions: PortionLimits,
    pub failed_exports: FailedExports,
}

/// What resumes a failed export that may succeed in another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedExports {
    /// sweep-exports, at a time that a marker states.
    Swept,
    /// The operator: no sweep runs beside the process.
    LeftToOperator,
}

/// The reason why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("a queue message cannot be serialized")]
    Message(#[from] serde_json::Error),
    /// The runs of the attempt no longer count: the later attempt names its own.
    #[error("attempt {newest} has superseded attempt {attempt}")]
    Superseded { attempt: u32, newest: u32 },
    /// Another invocation would not make progress either.
    #[error("the invocation ended before it made progress that the next one could continue")]
    OutOfTime,
    #[error("{key} is damaged")]
    Index {
        key: String,
        #[source]
        source: crate::records::page::CodecError,
    },
}

impl PipelineError {
    /// Whether an object is damaged, missing or not trusted: a retry does not help.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_damage() || error.is_untrusted(),
            Self::Index { .. } => true,
            Self::Queue(_) | Self::Message(_) | Self::Superseded { .. } | Self::OutOfTime => false,
        }
    }

    /// Whether the archive or the queue may succeed on a retry.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_transient(),
            Self::Queue(error) => error.is_transient(),
            Self::Message(_) | Self::Superseded { .. } | Self::OutOfTime | Self::Index { .. } => {
                false
            }
        }
    }
}
