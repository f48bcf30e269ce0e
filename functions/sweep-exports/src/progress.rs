//! The progress of an export, as a sweep sees it: the time of the last step, the waits, and a digest for comparison.

use conversation_archive::archive::{Archive, ArchiveError, slice_status};
use conversation_archive::export::objects::portion_prefix;
use conversation_archive::export::page_record::PageRecord;
use conversation_archive::export::waiting::Waiting;

use conversation_archive::base::hash::Sha256;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::storage::queue::Queue;
use jiff::Timestamp;

use crate::{HOUR, SliceStatus};

/// The progress of all slices of one attempt.
#[derive(Debug)]
pub(crate) struct ExportProgress {
    attempt_created: Timestamp,
    /// The error, if the documents could not be read.
    unreadable: Option<String>,
    slices: Vec<SliceProgress>,
    /// Portions that complete-export stored; 0 while a slice is open.
    portions: usize,
}

#[derive(Debug)]
struct SliceProgress {
    slice_status: SliceStatus,
    record: Option<PageRecord>,
    opened: Option<Timestamp>,
    waiting: Option<Waiting>,
}

impl ExportProgress {
    pub(crate) async fn read(
        archive: &Archive,
        plan: &ExportPlan,
        attempt: &Attempt,
    ) -> Result<ExportProgress, ArchiveError> {
        let mut slices = Vec::new();
        for slice_status in slice_status::all(archive, plan, attempt).await? {
            // The end record has the time of the last progress, so the page keys need not be listed.
            let record = match &slice_status.end {
                Some(_) => None,
                None => archive.newest_record(&slice_status.run).await?,
            };
            let opened = archive
                .run(&slice_status.run)
                .await?
                .map(|run| run.created_at);
            let waiting = match &slice_status.end {
                Some(_) => None,
                None => {
                    archive
                        .waiting(&slice_status::next_message(archive, &slice_status, plan).await?)
                        .await?
                }
            };
            slices.push(SliceProgress {
                slice_status,
                record,
                opened,
                waiting,
            });
        }
        let is_ended = |slice: &SliceProgress| slice.slice_status.end.is_some();
        let prefix = portion_prefix(&plan.export_id, attempt.attempt);
        let portions = if slices.iter().all(is_ended) {
            archive.list_all(&prefix).await?.len()
        } else {
            0
        };
        Ok(Self::of(attempt, slices, portions))
    }

    fn of(attempt: &Attempt, slices: Vec<SliceProgress>, portions: usize) -> Self {
        Self {
            attempt_created: attempt.created_at,
            unreadable: None,
            slices,
            portions,
        }
    }

    pub(crate) fn unreadable(error: &ArchiveError) -> Self {
        Self {
            attempt_created: Timestamp::MIN,
            unreadable: Some(error.to_string()),
            slices: Vec::new(),
            portions: 0,
        }
    }

    /// The queue of the message that continues the export.
    pub(crate) fn queue(&self) -> Queue {
        let has_ended = |slice: &SliceProgress| slice.slice_status.end.is_some();
        if self.unreadable.is_none() && self.slices.iter().all(has_ended) {
            Queue::Completion
        } else {
            Queue::Pages
        }
    }

    /// Whether there was progress within the last hour, or a slice waits and is not overdue by more than an hour.
    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        let recent = |moment: Timestamp| now.duration_since(moment) < HOUR;
        recent(self.attempt_created)
            || self
                .slices
                .iter()
                .any(|slice| slice.last_progress().is_some_and(recent))
            || self.slices.iter().any(|slice| {
                slice
                    .waiting
                    .as_ref()
                    .is_some_and(|waiting| recent(waiting.not_before))
            })
    }

    /// Digest of the progress; it does not change while there is none. Sending messages again does not change it.
    pub(crate) fn digest(&self) -> Sha256 {
        let line = |slice: &SliceProgress| {
            let page = slice.record.as_ref().map_or(0, |record| record.id.page);
            let parked = slice
                .waiting
                .as_ref()
                .map_or(0, |waiting| waiting.times_parked);
            format!(
                "{} {page} {parked} {}\n",
                slice.slice_status.run,
                slice.slice_status.end.is_some()
            )
        };
        let unreadable = self.unreadable.as_deref().unwrap_or_default();
        let slices: String = self.slices.iter().map(line).collect();
        Sha256::of(format!("{slices}{unreadable}{}", self.portions))
    }
}

impl SliceProgress {
    fn last_progress(&self) -> Option<Timestamp> {
        let ended = self
            .slice_status
            .end
            .as_ref()
            .map(|end| end.event.timestamp);
        let committed = self.record.as_ref().map(|record| record.committed_at);
        [ended, committed, self.opened].into_iter().flatten().max()
    }
}
