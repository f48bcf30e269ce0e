//! The pages of a slice in order: each must continue where the page before it ended, in the audit trail, at the source
//! and in the sums.

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::history::History;
use super::page::Absence;
use super::runs::SliceRuns;
use super::subject::{Subject, VerifyError};
use super::sums::Sums;
use crate::archive::slice_chain;
use crate::base::hash::Sha256;
use crate::export::effort::Effort;
use crate::export::objects::ObjectKey;
use crate::export::outcome::{PageEntry, SliceContent};
use crate::export::page_record::{NextStep, PageRecord};
use crate::export::run::{Origin, RunRecord};
use crate::export::totals::Totals;

/// Pages in memory at a time, with their objects.
const PAGES_AT_ONCE: usize = 4;
/// Larger than any store; a greater number could overflow the sums.
const MAX_BYTES: u64 = 1 << 50;

/// The pages of a slice checked so far.
struct Chain<'a> {
    runs: &'a SliceRuns,
    expected: ExpectedStart,
}

/// The expected start of a page: in the audit trail, at the source, in the sums.
#[derive(Debug)]
pub(super) struct ExpectedStart {
    pub(super) head: Sha256,
    pub(super) next: NextStep,
    /// `None` before a run that replaces another: only its first page records the share of the quota used before.
    pub(super) totals: Option<Totals>,
}

impl History<'_> {
    /// Reads every page of the slice and compares it with the page before and with the manifest.
    pub(super) async fn check_slice(
        &self,
        runs: &SliceRuns,
        sums: &mut Sums<'_>,
    ) -> Result<(), VerifyError> {
        let listed = self.manifest_slice(runs)?;
        let pages = slice_chain(self.archive, &runs.slice_status).await?;
        let named = listed.pages.iter().map(|entry| (entry.run, entry.page));
        let chained = pages.iter().map(|page| (page.run.run, page.page));
        let same = named.eq(chained)
            && pages
                .iter()
                .map(|page| page.page)
                .eq(1..=runs.end.last_page);
        let rule = format!(
            "its pages of slice {} differ from those of its runs",
            listed.slice
        );
        Subject::of(ObjectKey::Manifest(self.id())).require(same, rule)?;

        let mut chain = Chain::new(self, runs);
        let read = async |page| {
            self.check_page(&page, Some(&runs.slice_status.slice), Absence::Damage)
                .await
        };
        let mut records = Box::pin(stream::iter(pages).map(read).buffered(PAGES_AT_ONCE));
        let mut entries = listed.pages.iter();
        while let (Some(record), Some(entry)) = (records.try_next().await?, entries.next()) {
            chain.follow(&record)?;
            matches_entry(&record, entry)?;
            sums.add_page(&record);
        }
        let totals = chain.end()?;
        sums.end_slice(listed, &runs.end, totals)
    }

    /// The manifest's entry for the slice, checked as far as possible without the pages.
    fn manifest_slice(&self, runs: &SliceRuns) -> Result<&SliceContent, VerifyError> {
        let subject = Subject::of(ObjectKey::Manifest(self.id()));
        let slice = runs.slice_status.slice;
        let mut listed = self
            .manifest
            .content
            .slices
            .iter()
            .filter(|listed| listed.slice == slice.number);
        let (Some(listed), None) = (listed.next(), listed.next()) else {
            return Err(subject.damaged(format!(
                "it does not list slice {} exactly once",
                slice.number
            )));
        };
        let rule = format_args!(
            "its range of slice {} differs from that of the plan",
            slice.number
        );
        subject.require(listed.range == slice.range, rule)?;
        let what = format!("its number of pages of slice {}", slice.number);
        subject.same(
            &what,
            listed.pages.len() as u64,
            u64::from(runs.end.last_page),
        )?;
        Ok(listed)
    }
}

impl<'a> Chain<'a> {
    fn new(history: &History<'_>, runs: &'a SliceRuns) -> Self {
        let first = runs.records.values().next();
        let job = first.and_then(|run| run.job.clone());
        let checkpoint = history
            .plan
            .first_checkpoint(runs.slice_status.slice.range, job);
        let is_first = first.is_some_and(|run| run.origin == Origin::First);
        let expected = ExpectedStart {
            head: history.plan.start_event.hash,
            next: NextStep::Continue { checkpoint },
            totals: is_first.then(Totals::default),
        };
        Self { runs, expected }
    }

    fn follow(&mut self, record: &PageRecord) -> Result<(), VerifyError> {
        self.expected
            .check(record, self.runs.records.get(&record.id.run.run))?;
        self.expected = ExpectedStart::after(record);
        Ok(())
    }

    /// Compares the end of the run with the last page.
    fn end(self) -> Result<Totals, VerifyError> {
        let end = &self.runs.end;
        let subject = Subject::of(ObjectKey::End(&end.id));
        let is_last = self.expected.next == NextStep::EndRun;
        subject.require(
            is_last,
            "the run completed, though its last page has a next one",
        )?;
        subject.follows(&end.event, self.expected.head)?;
        let without_pages = || subject.damaged("the run completed without a page");
        let totals = self.expected.totals.ok_or_else(without_pages)?;
        subject.require(
            end.totals == totals,
            "its totals differ from those of its last page",
        )?;
        Ok(totals)
    }
}

impl ExpectedStart {
    pub(super) fn after(record: &PageRecord) -> Self {
        let next = record.content.next.clone();
        Self {
            head: record.event.hash,
            next,
            totals: Some(record.totals),
        }
    }

    /// Checks that the page, read by this run, starts here.
    pub(super) fn check(
        &self,
        record: &PageRecord,
        run: Option<&RunRecord>,
    ) -> Result<(), VerifyError> {
        let (subject, content) = (Subject::of(ObjectKey::Record(&record.id)), &record.content);
        subject.follows(&record.event, self.head)?;
        let begins = NextStep::Continue {
            checkpoint: content.checkpoint.clone(),
        };
        let rule = "its checkpoint is not the next checkpoint of the previous page";
        subject.require(self.next == begins, rule)?;
        let job = run.and_then(|run| run.job.as_deref());
        let same = content.checkpoint.job() == job;
        subject.require(
            same,
            "it was read from a different job than that of its run",
        )?;
        let before = self.totals.unwrap_or_else(|| inherited(record));
        subject.require(
            continues(before, record),
            "its totals are not the sum of the previous page's totals and its own counts",
        )
    }
}

/// Whether the page's totals are those of the page before it and its own. Pages of earlier versions do not count their
/// effort.
fn continues(before: Totals, record: &PageRecord) -> bool {
    let after = before.plus(record.content.totals(record.effort));
    let without_effort = Totals {
        effort: Effort::default(),
        ..after
    };
    record.totals == after || record.totals == without_effort
}

/// The totals inherited from replaced runs: only their share of the quota.
fn inherited(first: &PageRecord) -> Totals {
    let before = first
        .totals
        .quota_bytes
        .checked_sub(first.content.stored_bytes());
    let quota_bytes = before.filter(|bytes| *bytes < MAX_BYTES).unwrap_or(0);
    Totals {
        quota_bytes,
        ..Totals::default()
    }
}

fn matches_entry(record: &PageRecord, entry: &PageEntry) -> Result<(), VerifyError> {
    let same = record.content.counts == entry.counts && record.content.objects == entry.objects;
    let rule = "its counts or objects differ from those in the manifest";
    Subject::of(ObjectKey::Record(&record.id)).require(same, rule)
}
