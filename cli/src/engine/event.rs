//! The events that the engine's handlers report.

use std::time::Duration;

use archive_page::PageOutcome;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::delivery::DeliveryFailure;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use conversation_archive::export::page_record::PageRecord;
use conversation_archive::export::run::{End, RunEnd};
use conversation_archive::export::totals::Totals;
use conversation_archive::export::waiting::{WaitReason, Waiting};
use conversation_archive::records::page::Counts;
use conversation_archive::storage::queue::Queue;
use jiff::Timestamp;

/// One step of an export. A step that runs twice is reported twice, so take sums from `totals`.
#[derive(Clone, Debug)]
pub enum Event {
    PageArchived {
        slice: u32,
        run: u32,
        page: u32,
        counts: Counts,
        stored_bytes: u64,
        latency: Option<Duration>,
        /// Totals of the slice, including this page.
        totals: Totals,
    },
    Parked {
        slice: u32,
        page: u32,
        reason: WaitReason,
        detail: String,
        until: Timestamp,
        deadline: Timestamp,
    },
    /// A parked page was returned to the pages queue.
    Unparked {
        slice: u32,
    },
    RunEnded {
        slice: u32,
        run: u32,
        end: End,
        totals: Totals,
    },
    /// An attempt at the export has ended.
    Outcome(Box<Outcome>),
    WebhookDelivered,
    /// The receiver did not accept the webhook; the delivery will be retried.
    WebhookPostponed {
        export_id: ExportId,
        attempt: u32,
        status: ExportStatus,
        refusal: DeliveryFailure,
    },
    /// The receiver returned 410: it accepts no more deliveries.
    WebhookEnded,
    WebhookGivenUp,
    /// Conversations that may have ended were looked up.
    EndsLookedUp {
        /// Number of those that an export was started for.
        exported: usize,
        /// Number of those that are left to the scheduled export.
        left: usize,
    },
    /// A handler failed on a message, which will be redelivered.
    Retried {
        queue: Queue,
        receive_count: u32,
        delay: Duration,
        error: String,
    },
    /// A message was dead-lettered and recorded.
    DeadLettered {
        queue: Queue,
    },
}

impl Event {
    pub(super) fn of_page(outcome: PageOutcome) -> Self {
        match outcome {
            PageOutcome::Continued(record) => Self::page_archived(&record),
            PageOutcome::Parked(waiting) => Self::page_parked(*waiting),
            PageOutcome::Ended(end) => Self::run_ended(*end),
        }
    }

    fn page_archived(record: &PageRecord) -> Self {
        Self::PageArchived {
            slice: record.id.run.slice,
            run: record.id.run.run,
            page: record.id.page,
            counts: record.content.counts,
            stored_bytes: record
                .content
                .objects
                .as_ref()
                .map_or(0, |objects| objects.page.size_bytes),
            latency: record.event.latency_ms.map(Duration::from_millis),
            totals: record.totals,
        }
    }

    fn page_parked(waiting: Waiting) -> Self {
        Self::Parked {
            slice: waiting.id.run.slice,
            page: waiting.id.page,
            reason: waiting.reason,
            detail: waiting.detail,
            until: waiting.not_before,
            deadline: waiting.deadline,
        }
    }

    fn run_ended(end: RunEnd) -> Self {
        Self::RunEnded {
            slice: end.id.slice,
            run: end.id.run,
            end: end.end,
            totals: end.totals,
        }
    }
}
