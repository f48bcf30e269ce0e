//! The metric values of a committed batch. Pure.

use conversation_archive::archive::CommittedFrames;
use conversation_archive::base::time::{elapsed, saturating_millis};
use conversation_archive::pipeline::metrics::{self, Metric};
use conversation_archive::storage::store::Stored;
use jiff::Timestamp;

/// The values of a batch that arrived then. If the batch was archived before, each of its frames is a repeated one, and
/// its lag was recorded at that time.
pub(crate) fn values(committed: &CommittedFrames, arrived_at: Timestamp) -> Vec<(Metric, u64)> {
    let counts = committed.counts;
    let (stored, repeated, quarantined) = match committed.stored {
        Stored::Created => (counts.stored, counts.repeated, counts.quarantined),
        Stored::AlreadyExists => (0, counts.received, 0),
    };
    let mut values = vec![
        (metrics::LIVE_FRAMES, stored),
        (metrics::LIVE_FRAMES_REPEATED, repeated),
        (metrics::LIVE_FRAMES_QUARANTINED, quarantined),
        (metrics::ENDS_SUGGESTED, committed.ended.len() as u64),
    ];
    if let (Stored::Created, Some(oldest)) = (committed.stored, committed.oldest_event_time) {
        let lag = elapsed(oldest, arrived_at);
        values.push((metrics::LIVE_LAG, saturating_millis(lag)));
    }
    values
}
