//! The frame index: where each frame is in its frame object, and the conversation that it is about.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::line::in_millis;
use super::{FrameLine, StoredFrame};
use crate::base::hash::Sha256;
use crate::base::ids::ConversationId;
use crate::records::page::{CodecError, IndexReader, read_index};

/// One line of the frame index, for one line of the frame object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameIndexEntry<'a> {
    pub identity: Sha256,
    /// The topic template.
    pub topic: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    #[serde(serialize_with = "in_millis")]
    pub event_time: Timestamp,
    /// Offset of the line in the decompressed object, in bytes.
    pub offset: u64,
    /// Length of the line in bytes, without the line break.
    pub length: u64,
}

impl FrameIndexEntry<'_> {
    pub(super) fn of(frame: &StoredFrame, offset: u64) -> Self {
        Self {
            identity: frame.identity,
            topic: frame.topic.as_str().into(),
            conversation_id: frame.conversation_id.clone(),
            event_time: frame.event_time,
            offset,
            length: frame.line.len() as u64,
        }
    }

    /// The entry that a stored line must have.
    pub(super) fn of_line(line: &FrameLine<'_>, offset: u64, length: u64) -> Self {
        Self {
            identity: line.identity,
            topic: line.topic().as_str().into(),
            conversation_id: line.conversation_id.clone(),
            event_time: line.event_time,
            offset,
            length,
        }
    }
}

/// Reads the entries of a frame index one at a time, in constant memory. Ends after the first error.
pub fn read_frame_index(index_gz: &[u8]) -> FrameIndexReader<'_> {
    FrameIndexReader(Some(read_index(index_gz)))
}

/// See [`read_frame_index`].
#[derive(Debug)]
pub struct FrameIndexReader<'a>(Option<IndexReader<'a>>);

impl Iterator for FrameIndexReader<'_> {
    type Item = Result<FrameIndexEntry<'static>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.0.as_mut()?.next_entry().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.0 = None;
        }
        entry
    }
}
