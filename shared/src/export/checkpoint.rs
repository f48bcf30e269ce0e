//! Checkpoints: the position from which a source reads a page.

use serde::{Deserialize, Serialize};

use crate::base::json::message_body;
use crate::base::time::Interval;
use crate::export::outgoing::MAX_BODY_BYTES;
use crate::records::page::is_zero;

mod trail;

pub use trail::EndlessChain;
pub use trail::Trail;

/// The position in a run from which a page is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Checkpoint {
    /// Number of records of the export's query before this page.
    Offset {
        offset: u64,
        /// The chain's history, for sources whose pages are recognised by their content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trail: Option<Trail>,
    },
    /// A page of an asynchronous job or of a history gateway's query. Without a job, none is submitted yet; without a
    /// cursor, it is the first page of the job or query.
    Cursor {
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
        /// The chain's history. `None` on a first page, and in a chain that an older version began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trail: Option<Trail>,
        /// Number of requested ids before those of this query, for requests with more ids than one query holds.
        #[serde(default, rename = "idsBefore", skip_serializing_if = "is_zero")]
        ids_before: u64,
    },
    /// The next time window to read; the rest of the slice follows it.
    Windows { next: Interval },
    /// The conversation whose texts are fetched next; if `None`, the postponed ones are requested again.
    Conversations {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<ConversationPosition>,
        /// The ids of conversations that were unavailable in their turn.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        postponed: Vec<String>,
    },
}

/// The position of a conversation in an earlier export. The conversations listed in a request count as one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationPosition {
    /// Number of pages of that export before the conversation's page.
    pub page: u64,
    /// Number of lines before it on its page.
    pub line: u64,
}

/// The checkpoint is too long for a queue message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint of the next page has {size_bytes} bytes, more than {MAX_CHECKPOINT_BYTES}")]
pub struct CheckpointTooLong {
    pub size_bytes: usize,
}

/// Half the size limit of a message. Cursors of the API have a few hundred bytes.
const MAX_CHECKPOINT_BYTES: usize = MAX_BODY_BYTES / 2;

impl Checkpoint {
    /// Checks that it fits into a message.
    pub fn check(&self) -> Result<(), CheckpointTooLong> {
        let size = message_body(self).map_or(usize::MAX, |body| body.len());
        if size > MAX_CHECKPOINT_BYTES {
            return Err(CheckpointTooLong { size_bytes: size });
        }
        Ok(())
    }

    /// An offset without history.
    pub const fn offset(offset: u64) -> Self {
        Self::Offset {
            offset,
            trail: None,
        }
    }

    /// The first page of a job, which may not be submitted yet.
    pub(crate) const fn job_start(job: Option<String>) -> Self {
        Self::Cursor {
            job,
            cursor: None,
            trail: None,
            ids_before: 0,
        }
    }

    /// The position of the cursor `next`, after a page with `received` records.
    pub(crate) fn after_cursor(
        job: Option<String>,
        trail: Option<&Trail>,
        next: String,
        received: u64,
    ) -> Result<Self, EndlessChain> {
        let trail = Trail::extended_by_cursor(trail, &next, received)?;
        Ok(Self::Cursor {
            job,
            cursor: Some(next),
            trail: Some(trail),
            ids_before: 0,
        })
    }

    /// The job that this page belongs to, if it is known.
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
    fn a_checkpoint_too_large_for_a_message_is_refused() {
        let cursor = |length| Checkpoint::Cursor {
            job: Some("job".to_owned()),
            cursor: Some("\u{1}".repeat(length)),
            trail: None,
            ids_before: 0,
        };

        // Each escaped character takes six bytes.
        assert_eq!(cursor(80_000).check(), Ok(()));
        assert_eq!(
            cursor(90_000).check().unwrap_err().to_string(),
            "the checkpoint of the next page has 540041 bytes, more than 524288"
        );
    }
}
