//! Where a page starts: all that a source needs to go on.

use serde::{Deserialize, Serialize};

use crate::json::message_body;
use crate::queue::MAX_BODY_BYTES;
use crate::time::Interval;

mod trail;

pub use trail::{DeadEnd, Trail};

/// The place in a run from which a page is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Checkpoint {
    /// So many records of the export's query come before this page.
    Offset {
        offset: u64,
        /// How the chain came here, where pages are known by their content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trail: Option<Trail>,
    },
    /// A page of an asynchronous job. Without a job, none is known yet; without a cursor, it is the job's first page.
    Cursor {
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
        /// How the chain came here. Absent on a first page, and where an older version began the chain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trail: Option<Trail>,
    },
    /// The window of time to be read next; behind it comes what is left of the slice.
    Windows { next: Interval },
    /// The conversation whose texts are fetched next; without one, those that were postponed are asked for again.
    Conversations {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Place>,
        /// The ids of those that could not be had when it was their turn.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        postponed: Vec<String>,
    },
}

/// Where a conversation stands among those of an earlier export. What a request names counts as one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// So many pages of that export come before its own.
    pub page: u64,
    /// So many lines come before it on its page.
    pub line: u64,
}

/// A checkpoint that could not travel: it is part of a queue's message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("what leads to the next page has {size_bytes} bytes, more than {MAX_CHECKPOINT_BYTES}")]
pub struct CheckpointTooLong {
    pub size_bytes: usize,
}

/// Half of what a message may hold. Cursors of the API have some hundred bytes.
const MAX_CHECKPOINT_BYTES: usize = MAX_BODY_BYTES / 2;

impl Checkpoint {
    /// Whether it fits into a message.
    pub fn check(&self) -> Result<(), CheckpointTooLong> {
        let written = message_body(self).map_or(usize::MAX, |body| body.len());
        if written > MAX_CHECKPOINT_BYTES {
            return Err(CheckpointTooLong {
                size_bytes: written,
            });
        }
        Ok(())
    }

    /// A place that no page led to.
    pub const fn offset(offset: u64) -> Self {
        Self::Offset {
            offset,
            trail: None,
        }
    }

    /// The first page of a job that may not exist yet.
    pub const fn job_start(job: Option<String>) -> Self {
        Self::Cursor {
            job,
            cursor: None,
            trail: None,
        }
    }

    /// The place that `next` names, after a page with `received` records.
    pub fn after_cursor(
        job: Option<String>,
        trail: Option<&Trail>,
        next: String,
        received: u64,
    ) -> Result<Self, DeadEnd> {
        let trail = Trail::to_cursor(trail, &next, received)?;
        Ok(Self::Cursor {
            job,
            cursor: Some(next),
            trail: Some(trail),
        })
    }

    /// The job that this page belongs to, if there is one and it is known.
    pub fn job(&self) -> Option<&str> {
        match self {
            Self::Cursor { job, .. } => job.as_deref(),
            Self::Offset { .. } | Self::Windows { .. } | Self::Conversations { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_that_fits_into_no_message_is_refused() {
        let cursor = |length| Checkpoint::Cursor {
            job: Some("job".to_owned()),
            cursor: Some("\u{1}".repeat(length)),
            trail: None,
        };

        // Six bytes for each character that is escaped.
        assert_eq!(cursor(80_000).check(), Ok(()));
        assert_eq!(
            cursor(90_000).check().unwrap_err().to_string(),
            "what leads to the next page has 540041 bytes, more than 524288"
        );
    }
}
