//! The marker of a failed attempt with a scheduled automatic resume.
//!
//! Resumed automatically: failures of our own infrastructure (a dead letter, a stalled export), and an attempt that
//! continued the job, query or cursors of an earlier one and found them unusable, so that the next attempt starts
//! again. A refusal by the API or an exceeded limit of the request needs a change first.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::failure::FailureKind;
use crate::base::format::FormatVersion;
use crate::base::ids::ExportId;
use crate::base::time::later;
use crate::export::attempt::Attempt;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{ExportStatus, Outcome, SliceFailure};

/// `resumes/{id}-{attempt}`. Deleted when the next attempt exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledResume {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    /// The attempt that failed.
    pub attempt: u32,
    pub not_before: Timestamp,
}

/// The delays before consecutive automatic resumes. After the last one, an export stays failed until an operator
/// resumes it.
const DELAYS: [Duration; 3] = [
    Duration::from_hours(1),
    Duration::from_hours(4),
    Duration::from_hours(12),
];

impl ScheduledResume {
    /// The automatic resume after the outcome of `attempt`, if there is to be one.
    pub fn after(outcome: &Outcome, attempt: &Attempt) -> Option<Self> {
        let is_resumable = |failed: &SliceFailure| {
            let kind = failed.failure.kind;
            // A slice of too many pages would be read whole again, and may have too many again.
            let restarts_run = kind.makes_source_unusable() && kind != FailureKind::TooManyPages;
            kind.is_transient() || restarts_run && attempt.continues(failed.slice)
        };
        let are_all_resumable = outcome.status == ExportStatus::Failed
            && !outcome.failures.is_empty()
            && outcome.failures.iter().all(is_resumable);
        let resumes_in_a_row = usize::try_from(attempt.automatic_resumes).ok()?;
        let delay = DELAYS.get(resumes_in_a_row).filter(|_| are_all_resumable)?;
        Some(Self {
            format_version: FormatVersion,
            export_id: outcome.export_id.clone(),
            attempt: outcome.attempt,
            not_before: later(outcome.ended_at, *delay),
        })
    }

    pub fn object_key(&self) -> ObjectKey<'_> {
        ObjectKey::Resume(&self.export_id, self.attempt)
    }
}
