//! The sums that the progress display shows: pure, updated by events.
//!
//! Sums come from the records' own totals, so that a step that runs twice counts once.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation_archive::base::time::saturating_millis;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use conversation_archive::export::run::End;
use conversation_archive::export::totals::Totals;
use conversation_archive::export::waiting::WaitReason;
use conversation_archive::genesys::StatsSnapshot;
use conversation_archive::storage::queue::Queue;
use jiff::Timestamp;

use crate::engine::{Event, ExportState};
use crate::figures::{count, quantity, rate, time, time_of_day};
use crate::webhook::ObservedDeliveries;

/// The state of an export, as far as this process has seen it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    slices: BTreeMap<u32, SliceTally>,
    /// Number of records that the source announced, if it does.
    expected: Option<u64>,
    totals_before: Totals,
    complete_before: usize,
    pub outcome: Option<Box<Outcome>>,
    has_receiver: bool,
    pub observed: ObservedDeliveries,
    /// Number of times that a handler failed on a message.
    pub retried: u64,
}

/// The state of one slice.
#[derive(Clone, Debug, Default)]
struct SliceTally {
    totals: Totals,
    complete: bool,
    /// What the slice waits for.
    wait: Option<String>,
}

impl SliceTally {
    /// A slice that does not wait.
    fn new(totals: Totals, complete: bool) -> Self {
        Self {
            totals,
            complete,
            wait: None,
        }
    }
}

impl Tally {
    pub(crate) fn new(export_state: &ExportState) -> Self {
        let slice_tally = |slice: &crate::engine::SliceProgress| {
            (
                slice.slice,
                SliceTally {
                    totals: slice.totals,
                    complete: slice.complete,
                    wait: None,
                },
            )
        };
        let mut tally = Self {
            slices: export_state.slices.iter().map(slice_tally).collect(),
            expected: export_state
                .plan
                .query
                .as_ref()
                .map(|query| query.total_records),
            totals_before: Totals::default(),
            complete_before: 0,
            outcome: None,
            has_receiver: export_state.plan.webhook_url.is_some(),
            observed: ObservedDeliveries::default(),
            retried: 0,
        };
        (tally.totals_before, tally.complete_before) = (tally.totals(), tally.complete_slices());
        tally
    }

    /// Takes over the state read from the archive, for an export that another process runs.
    pub(crate) fn apply_state(&mut self, export_state: &ExportState, now: Timestamp) {
        for slice in &export_state.slices {
            let wait = slice
                .waiting
                .as_ref()
                .filter(|waiting| waiting.not_before > now);
            *self.slice_mut(slice.slice) = SliceTally {
                totals: slice.totals,
                complete: slice.complete,
                wait: wait.map(|waiting| wait_line(slice.slice, waiting.not_before)),
            };
        }
    }

    /// Records the event, and returns a line if the user should see it at once.
    pub(crate) fn apply_event(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::PageArchived { slice, totals, .. } => {
                *self.slice_mut(*slice) = SliceTally::new(*totals, false);
                None
            }
            Event::Parked {
                slice,
                page,
                reason,
                detail,
                until,
                deadline,
            } => {
                let line = format!(
                    "slice {slice} page {page} waits {} until {}, at the latest until {deadline:.0}: {detail}",
                    wait_purpose(*reason),
                    time_of_day(*until),
                );
                self.slice_mut(*slice).wait = Some(wait_line(*slice, *until));
                Some(line)
            }
            Event::Unparked { slice } => {
                self.slice_mut(*slice).wait = None;
                None
            }
            Event::RunEnded {
                slice,
                run,
                end,
                totals,
            } => {
                *self.slice_mut(*slice) = SliceTally::new(*totals, *end == End::Complete);
                run_end_line(*slice, *run, end)
            }
            Event::Outcome(outcome) => {
                let is_first = self.outcome.replace(outcome.clone()).is_none();
                (is_first && self.has_receiver).then(|| outcome_line(outcome))
            }
            Event::WebhookDelivered => {
                self.observed.delivered = true;
                None
            }
            Event::WebhookPostponed {
                export_id,
                attempt,
                status,
                refusal,
            } => Some(format!(
                "export {export_id} {}, and its webhook was not accepted: {refusal}; it is retried for up to a minute",
                status_text(*status, *attempt)
            )),
            // Each retry is logged as a warning.
            Event::Retried { queue, error, .. } => {
                self.retried += 1;
                if *queue == Queue::Webhooks {
                    self.observed.error = Some(error.clone());
                }
                None
            }
            Event::WebhookEnded
            | Event::WebhookGivenUp
            | Event::EndsLookedUp { .. }
            | Event::DeadLettered { .. } => None,
        }
    }

    /// The totals over all slices.
    pub(crate) fn totals(&self) -> Totals {
        self.slices
            .values()
            .fold(Totals::default(), |sum, slice_tally| {
                sum.plus(slice_tally.totals)
            })
    }

    /// Number of records archived by this process.
    pub(crate) fn records(&self) -> u64 {
        self.totals()
            .counts
            .archived
            .saturating_sub(self.totals_before.counts.archived)
    }

    /// Counts `records` as archived by this process, including those of earlier engines.
    pub(crate) fn set_records(&mut self, records: u64) {
        self.totals_before.counts.archived = self.totals().counts.archived.saturating_sub(records);
    }

    /// The progress in thousandths, from 0 to 1000.
    pub(crate) fn permille(&self) -> u64 {
        let (done, all) = match self.expected {
            Some(expected) => (self.totals().counts.received, expected),
            None => (self.complete_slices() as u64, self.slices.len() as u64),
        };
        (done * 1000 / all.max(1)).min(1000)
    }

    /// One line with the state of the export.
    pub(crate) fn line(&self, elapsed: Duration, stats: &StatsSnapshot) -> String {
        let totals = self.totals();
        let mut parts = vec![
            format!(
                "{} of {} done",
                self.complete_slices(),
                quantity(self.slices.len() as u64, "slice", "slices")
            ),
            quantity(totals.pages, "page", "pages"),
            format!("{} records", count(totals.counts.archived)),
            format!("{}/s", count(rate(self.records(), elapsed))),
        ];
        if stats.throttled_time >= Duration::from_millis(50) {
            parts.push(format!("throttled {}", time(stats.throttled_time)));
        }
        if stats.retries > 0 {
            parts.push(quantity(stats.retries, "retry", "retries"));
        }
        parts.extend(
            self.slices
                .values()
                .find_map(|slice_tally| slice_tally.wait.clone()),
        );
        parts.extend(
            self.time_left(elapsed)
                .map(|left| format!("about {} left", time(left))),
        );
        parts.join(" · ")
    }

    fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let (done, left) = match self.expected {
            Some(expected) => {
                let received = self.totals().counts.received;
                (
                    received.saturating_sub(self.totals_before.counts.received),
                    expected.saturating_sub(received),
                )
            }
            None => (
                (self.complete_slices() - self.complete_before) as u64,
                (self.slices.len() - self.complete_slices()) as u64,
            ),
        };
        let millis = saturating_millis(elapsed);
        (done > 0 && left > 0).then(|| Duration::from_millis(millis / done * left))
    }

    fn complete_slices(&self) -> usize {
        self.slices
            .values()
            .filter(|slice_tally| slice_tally.complete)
            .count()
    }

    fn slice_mut(&mut self, slice: u32) -> &mut SliceTally {
        self.slices.entry(slice).or_default()
    }
}

/// The line that reports how the export ended, while its webhook is still pending.
fn outcome_line(outcome: &Outcome) -> String {
    let id = &outcome.export_id;
    let how = status_text(outcome.status, outcome.attempt);
    // The failure of a slice was reported when the slice ended.
    let of_export = outcome.failures.iter().find(|it| it.slice.is_none());
    let why = of_export.map(|first| format!(": {}", first.failure));
    format!(
        "export {id} {how}{}; its webhook is being delivered",
        why.unwrap_or_default()
    )
}

fn status_text(status: ExportStatus, attempt: u32) -> String {
    match status {
        ExportStatus::Completed | ExportStatus::CompletedWithRejects => "is complete".to_owned(),
        ExportStatus::CompletedWithGaps => "is complete with gaps".to_owned(),
        ExportStatus::Cancelled => "is cancelled".to_owned(),
        ExportStatus::Failed => format!("failed in attempt {attempt}"),
    }
}

fn wait_line(slice: u32, until: Timestamp) -> String {
    format!("slice {slice} waits until {}", time_of_day(until))
}

fn wait_purpose(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Job => "for its job",
        WaitReason::Watermark => "for the organisation's data to be complete",
        WaitReason::Throttled => "because of the rate limit",
        WaitReason::Unavailable => "for the API to become available again",
        WaitReason::Empty => "for records that the source announced",
        WaitReason::Export => "for the export that it depends on",
    }
}

fn run_end_line(slice: u32, run: u32, end: &End) -> Option<String> {
    match end {
        End::Complete => None,
        End::Cancelled => Some(format!(
            "slice {slice} stopped: the export is being cancelled"
        )),
        End::Replaced { reason, .. } => Some(format!("slice {slice} starts a new run: {reason}")),
        End::Failed { failure } => Some(format!("slice {slice} failed in run {run}: {failure}")),
    }
}

#[cfg(test)]
mod tests {
    use conversation_archive::records::page::Counts;

    use super::*;

    fn tally(slices: u32) -> Tally {
        Tally {
            slices: (1..=slices)
                .map(|slice| (slice, SliceTally::default()))
                .collect(),
            expected: None,
            totals_before: Totals::default(),
            complete_before: 0,
            outcome: None,
            has_receiver: true,
            observed: ObservedDeliveries::default(),
            retried: 0,
        }
    }

    fn totals(pages: u64, archived: u64) -> Totals {
        let counts = Counts {
            received: archived,
            archived,
            ..Counts::default()
        };
        Totals {
            pages,
            counts,
            ..Totals::default()
        }
    }

    fn page(slice: u32, page: u32, archived: u64) -> Event {
        let totals = totals(page.into(), archived);
        Event::PageArchived {
            slice,
            run: 1,
            page,
            counts: Counts::default(),
            stored_bytes: 0,
            latency: None,
            totals,
        }
    }

    #[test]
    fn a_page_that_is_reported_twice_counts_once() {
        let mut tally = tally(2);

        for event in [page(1, 1, 100), page(1, 1, 100), page(2, 1, 50)] {
            tally.apply_event(&event);
        }

        assert_eq!((tally.totals().pages, tally.records()), (2, 150));
    }

    #[test]
    fn the_progress_line_shows_counts_rate_and_time_left() {
        let mut tally = tally(4);
        tally.apply_event(&Event::RunEnded {
            slice: 1,
            run: 1,
            end: End::Complete,
            totals: totals(12, 6_000),
        });
        tally.apply_event(&page(2, 3, 1_500));
        let stats = StatsSnapshot {
            retries: 2,
            throttled: 1,
            throttled_time: Duration::from_millis(2_100),
            ..StatsSnapshot::default()
        };

        let line = tally.line(Duration::from_secs(10), &stats);

        insta::assert_snapshot!(line, @"1 of 4 slices done · 15 pages · 7,500 records · 750/s · throttled 2.1 s · 2 retries · about 30 s left");
    }

    #[test]
    fn a_parked_slice_is_reported_at_once_and_stays_in_the_line() {
        let mut tally = tally(1);

        let reported = tally.apply_event(&Event::Parked {
            slice: 1,
            page: 1,
            reason: WaitReason::Job,
            detail: "job 7 is still Queued".to_owned(),
            until: "2026-03-02T10:00:15Z".parse().unwrap(),
            deadline: "2026-03-02T16:00:00Z".parse().unwrap(),
        });

        insta::assert_snapshot!(reported.unwrap(), @"slice 1 page 1 waits for its job until 10:00:15 UTC, at the latest until 2026-03-02T16:00:00Z: job 7 is still Queued");
        let line = tally.line(Duration::from_secs(1), &StatsSnapshot::default());
        assert!(line.ends_with("slice 1 waits until 10:00:15 UTC"), "{line}");
    }
}
